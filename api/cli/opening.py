"""What commands that read the ledger share: the database of the settings, and the two clocks as options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import select

from api.settings import PREFIX, Settings
from ledger import time
from ledger.books import Clocks, position_at
from ledger.errors import InvalidTime, Malformed
from ledger.store.database import Database, storage_errors
from ledger.store.schema import accounts

AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="As it was effective up to a time: RFC 3339, or a date for its first moment in Shanghai.",
    ),
]
AsAt = Annotated[
    str,
    typer.Option(
        "--as-at", metavar="TIME|POSITION", help="As it was recorded up to a time or a position of the log."
    ),
]

InCurrency = Annotated[
    str,
    typer.Option(
        "--currency", help="In which currency. Default: the only one of the books, CNY if they have several."
    ),
]

_FIRST_DAY = date(1970, 1, 1)


class InvalidSetting(Malformed):
    """A setting cannot be used.

    Correct the variable in the environment or in `.env`; `assurance settings --help` says more.
    """

    code = "invalid_setting"


def read_settings() -> Settings:
    """The settings of the environment and of `.env`; raises InvalidSetting."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise InvalidSetting(f"{first['msg']}.", field=f"{PREFIX}{name}") from None


@contextmanager
def opened() -> Iterator[Database]:
    """The database of the settings, migrated first; what fails in it is StorageUnavailable."""
    settings = read_settings()
    with storage_errors():
        database = settings.open_database()
        try:
            yield database
        finally:
            database.close()


def clocks(database: Database, as_of: str, as_at: str) -> Clocks:
    """Both clocks as they were typed; raises InvalidTime or UnknownPosition."""
    return Clocks(moment(as_of, "as_of") if as_of else None, position_at(database, as_at) if as_at else None)


def in_currency(database: Database, asked: str) -> str:
    """The one that was asked for, or else the only one of the books; CNY if they have none or several."""
    if asked:
        return asked
    with database.read() as connection:
        found = connection.execute(select(accounts.c.currency).distinct().limit(2)).scalars().all()
    return found[0] if len(found) == 1 else "CNY"


def moment(text: str, field: str) -> int:
    """A typed time in UTC microseconds; raises InvalidTime that names the option."""
    try:
        return time.micros(time.parse(text))
    except InvalidTime as error:
        raise InvalidTime(error.detail, field=field) from None


def local_day(text: str, field: str) -> int | None:
    """A typed date as the number of its day, None without one; raises InvalidTime that names the option."""
    try:
        return (date.fromisoformat(text) - _FIRST_DAY).days if text else None
    except ValueError:
        raise InvalidTime(f"Got {text!r}, not a date such as 2011-12-31.", field=field) from None
