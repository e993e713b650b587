"""How the command line speaks: tables for people, JSON for machines, and one table of exit codes.

What a command answers goes to stdout, what it has to say about it to stderr. Away from a terminal there are
no colours and no lines, and nothing is cut to a width: what is printed can be searched and piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Literal, TextIO

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ledger import money, time
from ledger.errors import Conflict, Corrupt, LedgerError, Malformed, Missing, Refused, Unavailable

OK = 0
WRONG = 1
REFUSED = 2

EXIT_CODES: dict[type[LedgerError], int] = {
    LedgerError: WRONG,  # nobody foresaw it: the ledger may be damaged
    Malformed: REFUSED,
    Missing: REFUSED,
    Conflict: REFUSED,
    Refused: REFUSED,
    Unavailable: REFUSED,
    Corrupt: WRONG,
}
"""0 on success, 1 when a check found something wrong, 2 on wrong usage or refused input."""

_ENDLESS = 1_000_000
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "�")


def console(file: TextIO | None = None) -> Console:
    """Where people read: stdout unless said otherwise, as it is now, for tests exchange it."""
    file = file or sys.stdout
    width = None if file.isatty() else _ENDLESS
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def print_json(value: object) -> None:
    """One JSON value on stdout: on one line for machines, indented where a person looks."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def print_table(columns: str, rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A table; `columns` are the headings, split at two spaces, those with a `>` stand to the right."""
    table = _table(header=True)
    for heading in columns.split("  "):
        justify: Literal["left", "right"] = "right" if heading.startswith(">") else "left"
        table.add_column(heading.removeprefix(">"), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else _cell(value) for value in row))
    _print_table(title, table)


def print_fields(fields: Iterable[tuple[str, object]], *, title: str = "") -> None:
    """Names and values, a line each; what is empty is left out."""
    table = _table(header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields:
        if value not in ("", None):
            table.add_row(name, _cell(value))
    _print_table(title, table)


def _cell(value: object) -> str:
    """A value as text that cannot steer a terminal or break a line, whatever a file brought in."""
    return str(value).translate(_CONTROLS)


def _table(*, header: bool) -> Table:
    drawn = box.SIMPLE_HEAD if header and sys.stdout.isatty() else None
    return Table(box=drawn, show_header=header, pad_edge=False)


def _print_table(title: str, table: Table) -> None:
    """A table below its title; without the blanks that fill the lines where nobody sees them."""
    out = console()
    with nullcontext() if out.is_terminal else out.capture() as captured:
        if title:
            out.print(title, style="bold", soft_wrap=True)
        out.print(table)
    if captured is not None:
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def print_line(text: str = "") -> None:
    """A line for people on stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """A line about the answer rather than of it, on stderr."""
    console(sys.stderr).print(text, style="dim", soft_wrap=True)


def progress_bar() -> Progress:
    """A bar on stderr if somebody is watching."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty())


def amount(value: int, currency: str) -> str:
    """Minor units as people write them, with their currency: 1,791.00 CNY."""
    return f"{money.display(value, currency)} {currency}"


def when(us: int, offset: int = time.HOME_OFFSET) -> str:
    """A moment in UTC microseconds, as RFC 3339 with the offset in minutes it came with."""
    return time.rfc3339(us, offset)


def report_error(error: LedgerError, *, as_json: bool) -> int:
    """Say on stderr what is wrong and what to do next; answers the exit code."""
    status = next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
    say_error(error.code, error.title(), error.detail, error.remedy(), error.field, as_json=as_json)
    return status


def report_usage(error: typer.TyperException, *, as_json: bool) -> int:
    """The same for a command line that cannot be understood; help that was printed instead needs no word."""
    message = error.format_message()
    if message:
        ctx = getattr(error, "ctx", None)
        remedy = f"`{ctx.command_path} --help` shows how it is used." if ctx else ""
        say_error("usage", message, "", remedy, as_json=as_json)
    return REFUSED


def say_error(code: str, title: str, detail: str, remedy: str, field: str = "", *, as_json: bool) -> None:
    """An error on stderr: `error[code]: message`, then what to do next; with --json as an object."""
    if as_json:
        value = {"code": code, "title": title, "detail": detail, "field": field, "remedy": remedy}
        sys.stderr.write(json.dumps(value, ensure_ascii=False) + "\n")
        return
    text = Text.assemble((f"error[{code}]", "bold red"), f": {title} {detail}".rstrip())
    if field:
        text.append(f" ({field})")
    if remedy:
        text.append(f"\n{remedy}")
    console(sys.stderr).print(text, soft_wrap=True)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(("Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)))


JSON = typer.Option("--json", help="Print JSON for machines; amounts in minor units.")
