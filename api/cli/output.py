"""How the command line speaks: tables for people, JSON for machines, and one table of exit codes.

What a command answers goes to stdout, what it has to say about it to stderr. Away from a terminal there are
no colours and no lines, and nothing is cut to a width: what is printed can be searched and piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import typer
from rich import box
from rich.cells import cell_len
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


def console(file: TextIO) -> Console:
    """Rich without markup, so that text is what it says, and without wrapping away from a terminal."""
    width = None if file.isatty() else _ENDLESS
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def print_json(value: object) -> None:
    """One JSON value on stdout: on one line for machines, indented where a person looks."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def print_table(columns: str, rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A table; `columns` are the headings, split at two spaces, those with a `>` stand to the right."""
    _print(title, columns.split("  "), [[_cell(value) for value in row] for row in rows], header=True)


def print_fields(fields: Iterable[tuple[str, object]], *, title: str = "") -> None:
    """Names and values, a line each; what is empty is left out."""
    rows = [(name, _cell(value)) for name, value in fields if value not in ("", None)]
    _print(title, ("", ""), rows, header=False)


def _cell(value: object) -> str:
    """A value as text that cannot steer a terminal or break a line, whatever a file brought in."""
    return "" if value is None else str(value).translate(_CONTROLS)


def _print(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool) -> None:
    """Drawn by rich in a terminal, in bare columns elsewhere."""
    names = [column.removeprefix(">") for column in columns]
    right = [column.startswith(">") for column in columns]
    if sys.stdout.isatty():
        table = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, pad_edge=False)
        for name, to_the_right in zip(names, right, strict=True):
            table.add_column(name, justify="right" if to_the_right else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        console(sys.stdout).print(*(Text(title, style="bold"), table) if title else (table,), sep="\n")
        return
    lines = [names, *rows] if header else rows
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if title:
        print_line(title)
    for line in lines:
        padded = (_padded(*cell) for cell in zip(line, widths, right, strict=True))
        print_line("  ".join(padded).rstrip())


def _padded(text: str, width: int, to_the_right: bool) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if to_the_right else text + blanks


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
    message = error.format_message().replace("Value error, ", "")  # what Typer lets through of pydantic
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
