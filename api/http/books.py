"""The books over HTTP: balances, statements and the trial balance."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from api.http import cursors
from api.http.asking import Asked, Cursor, Limit, Money, OfTheLog
from api.http.openapi import answers
from api.http.service import Running, Service, answer
from ledger import books, time
from ledger.errors import Malformed
from ledger.postings import kind_of
from projections import account_days

router = APIRouter(tags=["books"])


ByPosting = Annotated[
    bool,
    Query(description="By posting: what came too late for a closed period counts on the first open day."),
]


class Account(msgspec.Struct):
    """An account's natural balance in each of its currencies; `kind` is its class in the chart."""

    account: str
    kind: str
    balances: list[Money]


class StatementLine(msgspec.Struct):
    """One movement: its place, its fact, the other account, the signed change and the balance after it."""

    position: int
    number: int
    effective_at: str
    type: str
    stream: str
    other: str
    change: Money
    balance: Money


class Statement(msgspec.Struct):
    """The movements of an account in recorded order, up to the position it was first asked at."""

    account: str
    currency: str
    lines: list[StatementLine]
    next: str | None


class Balance(msgspec.Struct):
    """An account in the trial balance, minor units of the currency it stands under."""

    account: str
    kind: str
    balance: int


class Book(msgspec.Struct):
    """All accounts of a currency; debit equals credit."""

    debit: int
    credit: int
    accounts: list[Balance]


class TrialBalance(msgspec.Struct):
    """Every balance by currency."""

    position: int
    currencies: dict[str, Book]


class ClosedPeriod(msgspec.Struct):
    """A month that is closed with all before it; what comes too late for it is posted at `until`."""

    period: str
    until: str
    position: int


class Periods(msgspec.Struct):
    """The closed months."""

    periods: list[ClosedPeriod]


class StatementQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of a statement is asked with; `after` is the place behind which it begins."""

    account: str
    currency: str
    as_of: int | None
    as_at: int
    limit: int
    after: tuple[int, int] = (0, -1)


@router.get(
    "/v1/accounts/{account:path}/statement",
    operation_id="statement",
    summary="The movements of an account, with the balance after each.",
    response_class=Response,
    responses=answers(Statement, "A page of movements; `next` leads to the one after it."),
)
def statement(
    service: Running,
    asked: OfTheLog,
    account: str,
    currency: Annotated[str | None, Query(description="Needed where the account has several.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Fix the position at the first page, so that all pages tell of one state of the books."""
    if cursor is not None:
        query = cursors.read(service.secret, StatementQuery, cursor)
        if query.account != account:
            raise Malformed(f"The cursor is for {query.account}.", field="cursor")
    else:
        as_of, as_at = asked.clocks(service.database)
        as_at = service.head() if as_at is None else as_at
        currency = currency or _only_currency(service, account)
        query = StatementQuery(account, currency, as_of, as_at, limit)
    found = books.statement(
        service.database,
        account,
        query.currency,
        books.Clocks(query.as_of, query.as_at),
        after=query.after,
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    following = None
    if len(found) > len(page):
        following = cursors.write(
            service.secret, msgspec.structs.replace(query, after=(page[-1].position, page[-1].number))
        )
    lines = [_line(line, query.currency) for line in page]
    return answer(Statement(account, query.currency, lines, following), query.as_at)


def _only_currency(service: Running, account: str) -> str:
    currencies = list(books.balances(service.database, account))
    if len(currencies) > 1:
        raise Malformed(f"{account} has {', '.join(currencies)}: name one.", field="currency")
    return currencies[0]


def _line(line: books.StatementLine, currency: str) -> StatementLine:
    return StatementLine(
        line.position,
        line.number,
        time.rfc3339(line.effective_at, line.offset),
        line.type,
        line.stream,
        line.other,
        Money(line.change, currency),
        Money(line.balance, currency),
    )


def _clocks(service: Service, asked: Asked, *, posted: bool) -> books.Clocks | books.Posted:
    """Both clocks, and whether the effective one is that of posting."""
    clocks = asked.clocks(service.database)
    return books.Posted(books.closings(service.database), *clocks) if posted else clocks


@router.get(
    "/v1/accounts/{account:path}",
    operation_id="account",
    summary="The balance of an account in each of its currencies.",
    response_class=Response,
    responses=answers(Account, "Natural balances: what is owed or held is positive."),
)
def balances(service: Running, asked: OfTheLog, account: str, posted: ByPosting = False) -> Response:
    """Read running balances, so that no history is summed."""
    clocks = _clocks(service, asked, posted=posted)
    position = service.head() if clocks.as_at is None else clocks.as_at
    found = account_days.balances(service.database, account, clocks)
    sums = [Money(amount, currency) for currency, amount in found.items()]
    return answer(Account(account, kind_of(account).group, sums), position)


@router.get(
    "/v1/periods",
    operation_id="periods",
    summary="The months that are closed.",
    response_class=Response,
    responses=answers(Periods, "In their order."),
)
def periods(service: Running, asked: OfTheLog) -> Response:
    """List the closings recorded by then."""
    clocks = asked.clocks(service.database)
    position = service.head() if clocks.as_at is None else clocks.as_at
    closings = [
        ClosedPeriod(closing.period, time.rfc3339(closing.until, time.HOME_OFFSET), closing.position)
        for closing in books.closings(service.database)
        if closing.position <= position
    ]
    return answer(Periods(closings), position)


@router.get(
    "/v1/trial-balance",
    operation_id="trial-balance",
    summary="Every balance, with the sums of both sides.",
    response_class=Response,
    responses=answers(TrialBalance, "By currency; amounts in minor units."),
)
def trial_balance(
    service: Running,
    asked: OfTheLog,
    zero: Annotated[bool, Query(description="List accounts at zero too.")] = False,
    posted: ByPosting = False,
) -> Response:
    """Answer exactly what the command line prints."""
    found = books.trial_balance(service.database, _clocks(service, asked, posted=posted), zero=zero)
    return answer(found, found["position"])


SCHEMAS = (Account, Periods, Statement, TrialBalance)
