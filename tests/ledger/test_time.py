"""Points in time are UTC microseconds and keep the offset they came with."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from ledger import time
from ledger.errors import InvalidTime

SHANGHAI = timezone(timedelta(hours=8))
OFFSETS = st.integers(-1439, 1439)


@pytest.mark.parametrize(("text", "us", "offset"), [
    ("1970-01-01T00:00:00+00:00",        0,                     0),
    ("1970-01-01T08:00:00+08:00",        0,                     480),
    ("2021-06-10T23:59:59+08:00",        1_623_340_799_000_000, 480),
    ("2021-06-10T15:59:59Z",             1_623_340_799_000_000, 0),
    ("2021-06-10",                       1_623_254_400_000_000, 480),   # A date is its first moment at home.
    ("1969-12-31T23:59:59.999999+00:00", -1,                    0),
    ("2011-03-28T01:30:00-03:30",        1_301_288_400_000_000, -210),
])  # fmt: skip
def test_times_are_read_with_their_offset(text, us, offset):
    moment = time.parse(text)
    assert (time.micros(moment), time.offset_minutes(moment)) == (us, offset)


@pytest.mark.parametrize("text", ["", "yesterday", "2021-06-31", "2021-06-10T10:00:00", "1623254400"])
def test_other_texts_are_no_time(text):
    with pytest.raises(InvalidTime):
        time.parse(text)


@pytest.mark.parametrize("moment", [
    datetime(2021, 6, 10),                      # noqa: DTZ001 - a naive time is the point
    datetime.min.replace(tzinfo=SHANGHAI),      # Before the first day of the calendar in UTC.
    datetime.max.replace(tzinfo=UTC),
])  # fmt: skip
def test_times_that_cannot_be_kept_are_refused(moment):
    with pytest.raises(InvalidTime):
        time.micros(moment)


def test_a_naive_time_has_no_offset():
    with pytest.raises(InvalidTime):
        time.offset_minutes(datetime(2021, 6, 10))  # noqa: DTZ001 - that is the point


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), OFFSETS)  # noqa: DTZ001 - the offset follows
def test_whatever_is_kept_can_be_written_and_read_back(local, offset):
    moment = local.replace(tzinfo=timezone(timedelta(minutes=offset)))
    us = time.micros(moment)
    assert time.moment(us, offset) == moment
    assert time.moment(us, offset).utcoffset() == moment.utcoffset()
    assert time.parse(time.rfc3339(us, offset)) == moment


@pytest.mark.parametrize(("text", "day"), [
    ("2011-01-01T00:00:00+00:00", "2011-01-01"),
    ("2010-12-31T23:59:59+00:00", "2010-12-31"),
    ("2021-06-11T00:00:00+08:00", "2021-06-11"),   # Still the tenth in UTC: the local day counts.
    ("2021-06-10T23:00:00-05:00", "2021-06-10"),
    ("1969-12-31T23:00:00+00:00", "1969-12-31"),
])  # fmt: skip
def test_the_local_day(text, day):
    moment = time.parse(text)
    assert time.day_text(time.local_day(time.micros(moment), time.offset_minutes(moment))) == day


@given(st.dates(date(1, 1, 3), date(9999, 12, 29)), st.times(), OFFSETS)
def test_every_moment_of_a_day_falls_on_it(day, clock, offset):
    moment = datetime.combine(day, clock, timezone(timedelta(minutes=offset)))
    assert time.day_text(time.local_day(time.micros(moment), offset)) == day.isoformat()


def test_now_is_the_clock_of_the_machine():
    with time_machine.travel(datetime(2021, 6, 10, tzinfo=UTC), tick=False):
        assert time.now() == 1_623_283_200_000_000
