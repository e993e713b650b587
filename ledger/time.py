"""Points in time: UTC microseconds with the offset they came with."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone
from functools import lru_cache
from time import time_ns

from ledger.errors import InvalidTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOME_OFFSET = 480
"""Minutes east of UTC for facts of our own: Asia/Shanghai, which keeps no summer time."""

_MICROSECOND = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_CALENDAR = (
    timedelta(days=1) + datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC) - timedelta(days=1),
)
"""The times that can be written with any offset."""
_MINUTE_US = 60_000_000
_DAY_US = 1440 * _MINUTE_US


def now() -> int:
    """The machine's clock in UTC microseconds."""
    return time_ns() // 1000


def micros(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware time; raises InvalidTime for a naive one."""
    if moment.tzinfo is None:
        raise InvalidTime(f"{moment.isoformat()} has no offset.")
    if not (MINYEAR < moment.year < MAXYEAR or _CALENDAR[0] <= moment <= _CALENDAR[1]):
        raise InvalidTime(f"{moment.isoformat()} is at the end of the calendar.")
    return (moment - EPOCH) // _MICROSECOND


def offset_minutes(moment: datetime) -> int:
    """Minutes east of UTC of an aware time."""
    offset = moment.utcoffset()
    if offset is None:
        raise InvalidTime(f"{moment.isoformat()} has no offset.")
    return offset // _MINUTE


def moment(us: int, offset: int = 0) -> datetime:
    """The aware time at `us` UTC microseconds, written with an offset in minutes."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(timezone(timedelta(minutes=offset)))


def rfc3339(us: int, offset: int = 0) -> str:
    """The same as text: 2021-06-10T23:59:59+08:00."""
    return moment(us, offset).isoformat()


def parse(text: str) -> datetime:
    """Read RFC 3339 with an offset; a bare date is its first moment in Asia/Shanghai."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidTime(f"Got {text!r}.") from None
    if len(text) == len("2021-06-10"):
        found = found.replace(tzinfo=timezone(timedelta(minutes=HOME_OFFSET)))
    if found.tzinfo is None:
        raise InvalidTime(f"{text!r} has no offset.")
    return found


def local_day(us: int, offset: int) -> int:
    """The number of the local calendar day (days since 1970-01-01) of a moment."""
    return (us + offset * _MINUTE_US) // _DAY_US


@lru_cache(maxsize=4096)
def day_text(day: int) -> str:
    """A day number as a date: 14975 is 2011-01-01."""
    return (EPOCH + timedelta(days=day)).date().isoformat()
