"""Sums are whole minor units; they are split without loss and rounded once, half-up on the absolute value."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import money
from ledger.errors import InvalidAmount, InvalidCurrency

SUMS = st.integers(0, money.MAX_AMOUNT)


@pytest.mark.parametrize("code", ["CNY", "GBP", "JPY", "KWD", "ZZZ"])
def test_a_currency_is_three_capitals(code):
    assert money.currency(code) == code


@pytest.mark.parametrize("code", ["", "cny", "CN", "CNYY", "C1Y", "CNY\n", "C\uff2eY", " CNY"])
def test_anything_else_is_no_currency(code):
    with pytest.raises(InvalidCurrency) as refusal:
        money.currency(code)
    assert refusal.value.field == "currency"


@pytest.mark.parametrize(("code", "digits"), [("CNY", 2), ("GBP", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3)])
def test_minor_units_follow_the_currency(code, digits):
    assert money.exponent(code) == digits


def test_an_amount_is_what_the_ledger_can_keep():
    assert money.amount(0) == 0
    assert money.amount(money.MAX_AMOUNT) == money.MAX_AMOUNT
    assert money.amount(-money.MAX_AMOUNT, signed=True) == -money.MAX_AMOUNT


@pytest.mark.parametrize(("value", "signed"), [
    (-1,                    False),
    (money.MAX_AMOUNT + 1,  False),
    (money.MAX_AMOUNT + 1,  True),
    (-money.MAX_AMOUNT - 1, True),
])  # fmt: skip
def test_other_amounts_are_refused(value, signed):
    with pytest.raises(InvalidAmount) as refusal:
        money.amount(value, field="cash", signed=signed)
    assert refusal.value.field == "cash"


@pytest.mark.parametrize(("numerator", "denominator", "rounded"), [
    (0,   7,  0),
    (1,   2,  1),
    (-1,  2,  -1),
    (3,   2,  2),
    (-3,  2,  -2),
    (49,  100, 0),
    (50,  100, 1),
    (-49, 100, 0),
    (-50, 100, -1),
    (7,   7,  1),
])  # fmt: skip
def test_ratios_are_rounded_half_up_on_the_absolute_value(numerator, denominator, rounded):
    assert money.round_ratio(numerator, denominator) == rounded


@given(st.integers(-money.MAX_AMOUNT, money.MAX_AMOUNT), st.integers(1, 10**6))
def test_rounding_agrees_with_fractions(numerator, denominator):
    rounded = math.floor(Fraction(abs(numerator), denominator) + Fraction(1, 2))
    assert money.round_ratio(numerator, denominator) == math.copysign(1, numerator) * rounded


@pytest.mark.parametrize(("total", "part", "whole", "share"), [
    (5,   30,  100, 2),    # 1.5
    (20,  35,  70,  10),
    (100, 0,   7,   0),
    (100, 7,   7,   100),
    (100, 0,   0,   100),  # Nothing to divide by: everything.
])  # fmt: skip
def test_a_share(total, part, whole, share):
    assert money.share(total, part, whole) == share


@pytest.mark.parametrize(("total", "weights", "parts"), [
    (0,      (1, 1),        (0, 0)),
    (10_000, (1, 1, 1),     (3_334, 3_333, 3_333)),
    (10,     (1, 2, 3),     (2, 3, 5)),
    (1,      (1, 1),        (1, 0)),      # A tie goes to the lower number.
    (5,      (0, 0, 0),     (2, 2, 1)),   # No weights are equal weights.
    (100,    (0, 3, 0),     (0, 100, 0)),
    (7,      (),            ()),
])  # fmt: skip
def test_a_split_is_by_largest_remainder(total, weights, parts):
    assert money.split(total, weights) == parts


@given(SUMS, st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_split_loses_nothing_and_strays_by_less_than_a_unit(total, weights):
    parts = money.split(total, weights)
    whole = sum(weights) or len(weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights if any(weights) else [1] * len(weights), strict=True):
        assert abs(part * whole - total * weight) < whole


@given(SUMS, st.integers(1, 200))
def test_units_are_the_split_into_equal_parts(total, quantity):
    units = [money.unit(total, quantity, number) for number in range(1, quantity + 1)]
    assert tuple(units) == money.split(total, [1] * quantity)


def test_a_unit_of_a_billion_costs_no_list():
    assert money.unit(10**15 + 1, 10**9, 1) == 10**6 + 1
    assert money.unit(10**15 + 1, 10**9, 10**9) == 10**6


@pytest.mark.parametrize(("text", "code", "value"), [
    ("1791",    "CNY", 179_100),
    ("0.005",   "CNY", 1),
    ("-0.005",  "CNY", -1),
    ("0.0049",  "CNY", 0),
    ("12.345",  "CNY", 1_235),
    ("12.345",  "KWD", 12_345),
    ("1.5",     "JPY", 2),
    ("1e2",     "CNY", 10_000),
    ("-0",      "CNY", 0),
    ("90071992547409.91", "CNY", money.MAX_AMOUNT),
])  # fmt: skip
def test_decimal_numbers_are_read_as_minor_units(text, code, value):
    assert money.parse(text, code) == value


@pytest.mark.parametrize("text", [
    "", "abc", "1,000.00", "1.2.3", "NaN", "sNaN", "Infinity", "-inf", "1e400", "90071992547409.92", "0x10",
])  # fmt: skip
def test_anything_else_is_no_amount(text):
    with pytest.raises(InvalidAmount):
        money.parse(text, "CNY")


@pytest.mark.parametrize(("value", "code", "text"), [
    (179_100,  "CNY", "1,791.00"),
    (-5,       "CNY", "-0.05"),
    (0,        "CNY", "0.00"),
    (1_234,    "JPY", "1,234"),
    (1_234,    "KWD", "1.234"),
    (money.MAX_AMOUNT, "CNY", "90,071,992,547,409.91"),
])  # fmt: skip
def test_amounts_as_people_write_them(value, code, text):
    assert money.display(value, code) == text


@given(st.integers(-money.MAX_AMOUNT, money.MAX_AMOUNT), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_displayed_reads_as_itself(value, code):
    assert money.parse(money.display(value, code).replace(",", ""), code) == value
