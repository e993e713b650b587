"""Mutants: each decision, fold, formula and posting is changed a little, and a test has to notice.

`make mutants` prints how many were noticed, room by room, and every one that was not. mutmut passes over
decorated functions, and here nearly all carry `@decides` or `@folds`: it works on a copy of the project in which
they are registered by a statement of their own. A mutant is only switched on when a test begins, so in that copy
the rows of the posting table are compiled when they are asked for, not when they are imported.
"""

import contextlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import libcst as cst

ROOT = Path(__file__).parents[1]
ROOMS = ("ledger/decisions/*.py", "ledger/policy.py", "ledger/postings.py", "ledger/uses.py")
COPIED = ("ledger", "projections", "api", "tests", "pyproject.toml", "README.md", "CONTRIBUTING.md", "docs")
ENOUGH = 0.9
"""The part of all mutants that has to be noticed."""

SETTINGS = """
[tool.mutmut]
source_paths = ["ledger"]
only_mutate = [{rooms}]
also_copy = ["projections", "api", "tests", "README.md", "CONTRIBUTING.md", "docs"]
pytest_add_cli_args = ["-m", "not slow and not database", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = [{tests}]
"""


class Undecorated(cst.CSTTransformer):
    """`@decides(PayOrder)` above `def pay` becomes `decides(PayOrder)(pay)` below it."""

    def leave_FunctionDef(  # noqa: N802 - the name is libcst's
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        calls = [each.decorator for each in updated_node.decorators if _registers(each.decorator)]
        if not calls:
            return updated_node
        rest = [each for each in updated_node.decorators if each.decorator not in calls]
        below = [
            cst.SimpleStatementLine([cst.Expr(cst.Call(call, [cst.Arg(original_node.name)]))])
            for call in calls
        ]
        return cst.FlattenSentinel([updated_node.with_changes(decorators=rest), *below])


def _registers(decorator: cst.BaseExpression) -> bool:
    return (
        isinstance(decorator, cst.Call)
        and isinstance(decorator.func, cst.Name)
        and decorator.func.value in {"decides", "folds"}
    )


def prepare(folder: Path, rooms: tuple[str, ...]) -> None:
    """Copy the project, undecorated, with mutmut's settings."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for path in (folder / "ledger/decisions").glob("*.py"):
        path.write_text(cst.parse_module(path.read_text()).visit(Undecorated()).code)
    postings = folder / "ledger/postings.py"
    early, late = "in _COMPILED[type(fact)]:", "in map(_compile, POSTINGS[type(fact)]):"
    told = postings.read_text()
    assert early in told
    postings.write_text(told.replace(early, late))
    with (folder / "pyproject.toml").open("a") as file:
        file.write(SETTINGS.format(rooms=_quoted(rooms), tests=_quoted(_stories())))


def _stories() -> list[str]:
    """The tests of the rooms that are quick: what takes random steps would take hours for all mutants."""
    files = (ROOT / "tests/ledger").glob("test_*.py")
    return sorted(str(file.relative_to(ROOT)) for file in files if "propert" not in file.name)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def results(folder: Path) -> dict[str, str]:
    """Each mutant by its name: `ledger.decisions.shop.x_close__mutmut_3` was `killed`, `survived` …"""
    lines = subprocess.run(
        [*MUTMUT, "results", "--all", "true"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return dict(line.strip().split(": ") for line in lines if ": " in line)


def changed(folder: Path, mutant: str) -> str:
    """The lines a mutant has instead of ours."""
    shown = subprocess.run([*MUTMUT, "show", mutant], cwd=folder, capture_output=True, text=True, check=True)
    lines = shown.stdout.splitlines()
    return "; ".join(line[1:].strip() for line in lines if line.startswith("+") and line[1:2] != "+")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


MUTMUT = (sys.executable, "-m", "mutmut")


def room(mutant: str) -> str:
    """The module a mutant is of."""
    return mutant.rpartition(".")[0]


def main(rooms: tuple[str, ...]) -> int:
    """Make, test and count them; 1 if too few were noticed."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, rooms)
        log = folder / "mutmut.log"
        with log.open("w") as file, contextlib.suppress(KeyboardInterrupt):
            subprocess.run([*MUTMUT, "run"], cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=False)
        found = results(folder)
        if "killed" not in found.values():  # As where a test fails without any mutant.
            say(log.read_text().replace("\r", "\n")[-4_000:])
            return 1
        alive = [
            mutant for mutant, status in found.items() if status not in {"killed", "timeout", "segfault"}
        ]
        for mutant in alive:
            say(f"{found[mutant]}  {mutant}: {changed(folder, mutant)}")
    all_, left = Counter(map(room, found)), Counter(map(room, alive))
    for name_, count in sorted(all_.items()):
        say(f"{name_:<32} {count - left[name_]:>6} of {count:>6}  {1 - left[name_] / count:7.1%}")
    part = 1 - len(alive) / len(found)
    say(f"{'all':<32} {len(found) - len(alive):>6} of {len(found):>6}  {part:7.1%}")
    return 0 if part >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or ROOMS))
