"""The books on both clocks: trial balance, balance, statement and journal."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, note, print_json, print_line, print_table, when
from ledger import books, money
from ledger.postings import kind_of
from ledger.store.database import Database
from projections import account_days

app = typer.Typer()

Account = Annotated[str, typer.Argument(help="Such as bank or shop_payable:S1.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Show at most so many lines.")]
After = Annotated[
    str,
    typer.Option(
        "--after", metavar="POSITION[/NUMBER]", help="Go on behind a place: what the last page ended with."
    ),
]
ByPosting = Annotated[
    bool,
    typer.Option(
        "--posted",
        help="By the day of posting: what came too late for a closed period counts on the first open day.",
    ),
]
_PLACE = re.compile(r"(\d{1,18})(?:/(\d{1,9}))?")
_WHOLE = 2**31 - 1


def _asked(database: Database, as_of: str, as_at: str, *, posted: bool) -> books.Clocks | books.Posted:
    """Both clocks, and whether the effective one is that of posting."""
    asked = clocks(database, as_of, as_at)
    return books.Posted(books.closings(database), *asked) if posted else asked


def _place(text: str) -> tuple[int, int]:
    """The place a page begins behind: a position with all its transfers, or one transfer of it."""
    if not text:
        return (0, -1)
    found = _PLACE.fullmatch(text)
    if not found:
        raise typer.BadParameter(f"Got {text!r}, not a position such as 812 or 812/0.", param_hint="--after")
    return (int(found[1]), int(found[2]) if found[2] else _WHOLE)


@app.command(
    "trial-balance",
    epilog=examples(
        "assurance trial-balance --by-kind",
        "assurance trial-balance --as-of 2011-12-01",
        "assurance trial-balance --all --json",
    ),
)
def trial_balance(
    zero: Annotated[bool, typer.Option("--all", help="Accounts at zero too.")] = False,
    as_of: AsOf = "",
    as_at: AsAt = "",
    posted: ByPosting = False,
    by_kind: Annotated[
        bool, typer.Option("--by-kind", help="For people: one line for all accounts of a kind.")
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every balance, with the sums of both sides."""
    with opened() as database:
        found = books.trial_balance(database, _asked(database, as_of, as_at, posted=posted), zero=zero)
    if as_json:
        print_json(found)
    else:
        print_trial_balance(found, by_kind=by_kind)


def print_trial_balance(found: dict[str, Any], *, by_kind: bool = False) -> None:
    """The trial balance for people, each balance on its side; `by_kind` in one line for all of a kind."""
    for currency, book in found["currencies"].items():
        groups: dict[str, list[dict[str, Any]]] = {}
        for line in book["accounts"]:
            groups.setdefault(line["account"].partition(":")[0] if by_kind else line["account"], []).append(
                line
            )
        rows = [_trial_row(name, lines, currency) for name, lines in groups.items()]
        sums = [money.display(book[side], currency) for side in ("debit", "credit")]
        title = f"{currency} at position {found['position']}"
        print_table("account  kind  >debit  >credit", (*rows, ("total", "", *sums)), title=title)
    if not found["currencies"]:
        print_line(f"Nothing is posted at position {found['position']}.")


def _trial_row(name: str, lines: list[dict[str, Any]], currency: str) -> tuple[str, ...]:
    """Some accounts of a kind in a line: what stands on either side."""
    sign = 1 if kind_of(name).debit_normal else -1
    debits = [sign * line["balance"] for line in lines]
    sides = sum(max(each, 0) for each in debits), sum(max(-each, 0) for each in debits)
    shown = (money.display(side, currency) if side else "" for side in sides)
    return (f"{name} of {len(lines)}" if len(lines) > 1 else name, lines[0]["kind"], *shown)


@app.command(epilog=examples("assurance balance bank", "assurance balance shop_payable:S1 --as-at 1000"))
def balance(
    account: Account,
    as_of: AsOf = "",
    as_at: AsAt = "",
    posted: ByPosting = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One account's balance in each of its currencies."""
    with opened() as database:
        found = account_days.balances(database, account, _asked(database, as_of, as_at, posted=posted))
    if as_json:
        print_json({"account": account, "kind": kind_of(account).group, "balances": found})
        return
    print_table(
        "account  kind  >balance",
        ((account, kind_of(account).group, amount(sum_, code)) for code, sum_ in found.items()),
    )


@app.command(epilog=examples("assurance statement bank --limit 20", "assurance statement bank --after 812/0"))
def statement(
    account: Account,
    currency: Annotated[str, typer.Option("--currency", help="Needed where the account has several.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    after: After = "",
    limit: Limit = 100,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One account's movements and the balance after each."""
    place = _place(after)
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        currency = currency or _only_currency(account, list(books.balances(database, account, asked)))
        found = books.statement(database, account, currency, asked, after=place, limit=limit + 1)
    lines, last = _page(found, limit)
    if as_json:
        head = {"account": account, "kind": kind_of(account).group, "currency": currency}
        print_json({**head, "lines": [_plain(line) for line in lines], "next": last})
        return
    print_table(
        "position  effective  fact  stream  other account  >change  >balance",
        (
            (
                *(line.position, when(line.effective_at, line.offset), line.type, line.stream, line.other),
                *(money.display(line.change, currency), money.display(line.balance, currency)),
            )
            for line in lines
        ),
        title=f"{account} {currency}",
    )
    _say_more(last)


@app.command(epilog=examples("assurance journal --limit 20", "assurance journal --as-of 2011-12-01"))
def journal(
    as_of: AsOf = "",
    as_at: AsAt = "",
    after: After = "",
    limit: Limit = 100,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every transfer in recorded order."""
    place = _place(after)
    with opened() as database:
        found = books.journal(database, clocks(database, as_of, as_at), after=place, limit=limit + 1)
    lines, last = _page(found, limit)
    if as_json:
        print_json({"lines": [_plain(line) for line in lines], "next": last})
        return
    print_table(
        "position  effective  posted later  fact  stream  debit  credit  >amount  currency",
        (
            (
                *(line.position, when(line.effective_at, line.offset), _later(line), line.type, line.stream),
                *(line.debit, line.credit, money.display(line.amount, line.currency), line.currency),
            )
            for line in lines
        ),
    )
    _say_more(last)


@app.command(epilog=examples("assurance periods", "assurance do periods.close 2021-06"))
def periods(as_json: Annotated[bool, JSON] = False) -> None:
    """The months that are closed."""
    with opened() as database:
        found = books.closings(database)
    if as_json:
        names = ("period", "until", "position")
        rows = ((closing.period, when(closing.until), closing.position) for closing in found)
        print_json({"periods": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(
            "period  posted later from  closed at position",
            ((closing.period, when(closing.until), closing.position) for closing in found),
        )


def _only_currency(account: str, currencies: list[str]) -> str:
    if len(currencies) > 1:
        raise typer.BadParameter(f"{account} has {', '.join(currencies)}: name one.", param_hint="--currency")
    return currencies[0]


Line = TypeVar("Line", books.StatementLine, books.JournalLine)


def _page(found: list[Line], limit: int) -> tuple[list[Line], str | None]:
    """The lines of a page, and the place of its last one if there are more behind it."""
    lines = found[:limit]
    return lines, f"{lines[-1].position}/{lines[-1].number}" if len(found) > limit else None


def _plain(line: books.StatementLine | books.JournalLine) -> dict[str, object]:
    fields = line._asdict()
    del fields["offset"]
    for name in {"effective_at", "posted_at"} & fields.keys():
        fields[name] = when(fields[name], line.offset)
    return fields


def _later(line: books.JournalLine) -> str:
    """When a line is posted, if its own time was closed."""
    return when(line.posted_at, line.offset) if line.posted_at != line.effective_at else ""


def _say_more(last: str | None) -> None:
    if last:
        note(f"There is more: --after {last}")
