"""What one cell of a file means: text, a whole number, money or a moment; exact, or refused as malformed.

Cells come as their file has them: always text in CSV, numbers and booleans too in JSON lines (decimal
fractions as Decimal), dates and times too in Parquet. What is missing is None, an empty text or not a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from ledger import money
from ledger.errors import InvalidAmount, InvalidIdentifier, InvalidTime, LedgerError, Malformed

_WHOLE = re.compile(r"([+-]?[0-9]{1,30})(?:\.0*)?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")
_PLATFORM = re.compile(r"[^\s\x00-\x1f\x7f:]{1,31}")
_LARGEST_EXPONENT = 99
_WHOLE_LIMIT = 10**18
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}


def is_missing(cell: object) -> bool:
    """Whether a cell says nothing."""
    return cell is None or cell == "" or cell != cell  # noqa: PLR0124 - only "not a number" differs from itself


def text(cell: object) -> str:
    """A cell as text; 17850.0, which a column of floats makes of a number with gaps, is 17850."""
    if is_missing(cell):
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float | Decimal):
        number = decimal(cell)
        return str(int(number)) if number == number.to_integral_value() else str(number)
    if isinstance(cell, date):
        return cell.isoformat()
    raise Malformed(f"A {type(cell).__name__} stands where a value is expected.")


def name(cell: object) -> str:
    """A cell that names something: 1 to 128 characters without spaces."""
    found = text(cell)
    if not _NAME.fullmatch(found):
        raise InvalidIdentifier(f"Got {shown(cell)}.")
    return found


def platform(found: str) -> str:
    """A platform's name: up to 31 characters and no colon, which stands between it and its orders."""
    if not _PLATFORM.fullmatch(found):
        raise InvalidIdentifier(f"Got {shown(found)} for a platform.", field="platform")
    return found


def whole(cell: object) -> int:
    """A cell as a whole number of at most 18 digits."""
    number: int | Decimal | None = None
    if isinstance(cell, int) and not isinstance(cell, bool):
        number = cell
    elif isinstance(cell, str) and (digits := _WHOLE.fullmatch(cell)):
        number = int(digits[1])
    elif isinstance(cell, float | Decimal) and not is_missing(cell):
        number = decimal(cell)
    if number is None or number != (found := int(number)):
        raise Malformed(f"{shown(cell)} is not a whole number.")
    if abs(found) >= _WHOLE_LIMIT:
        raise Malformed(f"{shown(cell)} is out of range.")
    return found


def decimal(cell: object) -> Decimal:
    """A cell as a decimal number; a float counts as the shortest number that it stands for."""
    try:
        number = Decimal(str(cell)) if not isinstance(cell, str) or _DECIMAL.fullmatch(cell) else None
    except InvalidOperation:
        number = None
    if number is None or isinstance(cell, bool) or not number.is_finite():
        raise InvalidAmount(f"{shown(cell)} is not a number.")
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise InvalidAmount(f"{shown(cell)} is out of range.")
    return number


def minor_units(cell: object, currency: str, decimals: int = 0, times: int = 1) -> int:
    """`times` × a cell in minor units of `currency`, rounded half-up once; a missing cell is 0.

    `decimals` says how many digits of the number stand behind its point: 0 for 19.99, 2 for 1999 cents.
    """
    if is_missing(cell):
        return 0
    numerator, denominator = decimal(cell).as_integer_ratio()
    scaled = numerator * times * 10 ** money.exponent(currency)
    return money.amount(money.round_ratio(scaled, denominator * 10**decimals), signed=True)


def moment(cell: object, zone: tzinfo, layout: str = "") -> datetime:
    """A cell as an aware time, in `zone` unless it brings an offset.

    `layout` is a strptime format, `epoch_s` or `epoch_ms` for numbers since 1970, or empty for ISO 8601.
    """
    try:
        if layout in _EPOCHS:
            since = timedelta(microseconds=whole(cell) * _EPOCHS[layout])
            return (datetime(1970, 1, 1, tzinfo=UTC) + since).astimezone(zone)
        if isinstance(cell, datetime):
            return _aware(cell, zone)
        if isinstance(cell, date):
            return _aware(datetime.combine(cell, time()), zone)
        if isinstance(cell, str):
            return _parsed(cell, zone, layout)
    except (ValueError, OverflowError, Malformed):
        pass
    raise InvalidTime(f"Got {shown(cell)}.")


@lru_cache(maxsize=4096)
def _parsed(found: str, zone: tzinfo, layout: str) -> datetime:
    return _aware(datetime.strptime(found, layout) if layout else datetime.fromisoformat(found), zone)  # noqa: DTZ007 - the zone follows


def _aware(local: datetime, zone: tzinfo) -> datetime:
    """The same with its offset fixed, which later arithmetic is quicker with."""
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
    offset = local.utcoffset() or timedelta()
    # Before there were time zones, offsets had seconds; the ledger's have minutes.
    return local.replace(tzinfo=_fixed(offset)) if not offset.seconds % 60 else local.astimezone(UTC)


@lru_cache(maxsize=256)
def _fixed(offset: timedelta) -> tzinfo:
    return timezone(offset)


@lru_cache(maxsize=64)
def zone_of(named: str) -> tzinfo:
    """The time zone of an IANA name; Malformed if there is none."""
    try:
        return ZoneInfo(named)
    except (KeyError, ValueError, OSError):
        raise Malformed(f"{named!r} is no time zone.", field="zone") from None


@contextmanager
def naming(column: str) -> Iterator[None]:
    """Say in every refusal which column it was."""
    try:
        yield
    except LedgerError as error:
        raise type(error)(f"{column}: {error.detail}", field=column) from None


def shown(cell: object) -> str:
    """A cell as messages quote it: short."""
    quoted = repr(cell)
    return quoted if len(quoted) <= 60 else f"{quoted[:57]}…"  # noqa: PLR2004 - about a line with its message
