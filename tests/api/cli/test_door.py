"""What all commands share: help, exit codes, errors, and manners towards pipes and people."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from api import cli
from api.cli import output
from ledger import errors
from tests.api.cli.conftest import Run

ASSURANCE = [sys.executable, "-c", "from api.cli import main; main()"]


def commands(name: str) -> list[tuple[list[str], Any]]:
    """A command of the table, or those of its group, each with its words."""
    found = cli.load(name)
    if not isinstance(found, TyperGroup):
        return [([name], found)]
    return [([name], found), *(([name, part], each) for part, each in found.commands.items())]


WITHOUT_JSON = {"serve"}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_shows_an_example_of_every_command(name: str):
    for words, command in commands(name):
        shown = CliRunner().invoke(cli.app, [*words, "--help"])
        assert shown.exit_code == 0
        assert "Example" in shown.stdout
        assert f"assurance {' '.join(words)}" in shown.stdout.partition("Example")[2]
        has_json = any("--json" in parameter.opts for parameter in command.params)
        answers = not isinstance(command, TyperGroup) or command.invoke_without_command
        assert has_json == (answers and name not in WITHOUT_JSON)


def test_the_readme_names_every_command():
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    table = "".join(line for line in readme.splitlines() if line.startswith("| `"))
    assert [name for name in cli.COMMANDS if not re.search(rf"`{name}\b", table)] == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_table_says_what_the_command_says(name: str):
    assert (cli.load(name).help or "").partition("\n")[0] == cli.COMMANDS[name].help


def test_help_needs_nothing_slow():
    code = """
import sys
from typer.testing import CliRunner
from api.cli import app
shown = CliRunner().invoke(app, ["--help"])
assert "trial-balance" in shown.stdout, shown
print(*{"sqlalchemy", "fastapi", "pyarrow", "alembic", "pydantic", "msgspec"} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []


# Errors of HTTP alone are there when its tests were collected before these.
MET_HERE = [error for error in errors.catalogue() if not error.__module__.startswith("api.http")]


@pytest.mark.parametrize("error", MET_HERE, ids=lambda error: error.code)
def test_every_error_has_an_exit_code(error: type[errors.LedgerError], capsys: pytest.CaptureFixture[str]):
    status = output.report_error(error("So it was.", field="id"), as_json=False)
    assert status == (1 if error in {errors.LedgerError, errors.Corrupt} else 2)
    said = capsys.readouterr().err
    assert said.startswith(f"error[{error.code}]: {error.title()} So it was. (id)\n")
    assert error.remedy() in said


def test_an_error_is_an_object_for_machines(run: Run):
    said = run("balance", "nobody", "--json", status=2)
    assert said.stdout == ""
    assert json.loads(said.stderr) == {
        "code": "unknown_account",
        "title": "No transfer has ever touched this account.",
        "detail": "Got 'nobody'.",
        "field": "account",
        "remedy": "`assurance trial-balance --all` lists the accounts there are.",
    }


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["ordr"], "Did you mean 'order'"),
        (["order"], "Missing argument 'ID'"),
        (["journal", "--limit", "0"], "--limit"),
        (["journal", "--after", "x"], "not a position such as 812 or 812/0"),
        (["journal", "--after", "9" * 30], "not a position such as 812 or 812/0"),
        (["report", "refunds", "--by", "year"], "--by"),
    ],
)
def test_wrong_usage_ends_with_2(args: list[str], says: str, run_here: Run):
    said = run_here(*args, status=2).stderr
    assert said.startswith("error[usage]: ")
    assert says in said
    assert "--help` shows how it is used." in said
    assert json.loads(run_here(*args, "--json", status=2).stderr)["code"] == "usage"


def test_nothing_said_is_answered_with_help(run_here: Run):
    assert "trial-balance" in run_here(status=2).stdout


@pytest.mark.parametrize(
    ("url", "code"),
    [("mysql://somewhere", "invalid_setting"), ("sqlite:////no/such/folder/x.db", "storage_unavailable")],
)
def test_a_database_that_cannot_be_used(url: str, code: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSURANCE_DATABASE_URL", url)
    said = CliRunner().invoke(cli.app, ["trial-balance", "--json"])
    assert said.exit_code == 2
    assert json.loads(said.stderr)["code"] == code


@pytest.fixture
def process_environment(sqlite_url: str) -> dict[str, str]:
    return {**os.environ, "ASSURANCE_DATABASE_URL": sqlite_url}


def test_a_reader_that_goes_away_is_no_error(process_environment: dict[str, str]):
    with subprocess.Popen(
        [*ASSURANCE, "trial-balance"], env=process_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_an_interrupt_is_no_error(
    process_environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
):
    fifo = tmp_path / "never.json"
    os.mkfifo(fifo)
    # What a shell runs in the background ignores the keys, and so would its children; a handler ends with exec.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with subprocess.Popen(
        [*ASSURANCE, "do", "shops.open", "S1", "--data", f"@{fifo}"],
        env=process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        # The pipe has a writer as soon as the command reads from it, and then waits for ever.
        writer = os.open(fifo, os.O_WRONLY)
        time.sleep(0.1)
        # A finalizer that happens to run just then may swallow an interrupt; people press the keys again.
        for _ in range(6):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)  # Another interrupt while it ends would be told.
                break
        else:
            process.kill()
        out, err = process.communicate(timeout=30)
        os.close(writer)
    assert (process.returncode, out, err) == (128 + signal.SIGINT, b"", b"")


def test_away_from_a_terminal_nothing_is_cut_or_coloured(run_here: Run):
    long = "x" * 120
    run_here("do", "shops.open", long)
    run_here("do", "shops.pay-deposit", long, "--data", '{"amount": 1}')
    for command in (["trial-balance"], ["journal"], ["statement", f"shop_deposit:{long}"]):
        shown = run_here(*command, env={"COLUMNS": "40", "TERM": "xterm-256color"}).stdout
        assert f"shop_deposit:{long}" in shown
        assert "\x1b" not in shown
        assert "…" not in shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_people_see_drawn_tables_and_a_bar(monkeypatch: pytest.MonkeyPatch):
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    output.print_table("account  >balance", [("x" * 100, 1)])
    shown = stdout.getvalue()
    assert "\x1b" in shown
    assert "─" in shown
    assert shown.count("x") == 100
    assert not output.progress_bar().disable
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert output.progress_bar().disable


def test_what_a_file_brought_in_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]):
    output.print_table("title", [["gone\x1b[2J\r\nnext"]])
    output.print_fields([("title", "gone\x9b2J")])
    assert capsys.readouterr().out == "title\ngone�[2J��next\ntitle  gone�2J\n"
