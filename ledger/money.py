"""Whole minor units: how sums are split, shared and read.

Rounding happens once, at the end, half-up on the absolute value; splitting is by largest remainder, the
lower number first on a tie, so that parts always add up to the whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from ledger.errors import InvalidAmount, InvalidCurrency

MAX_AMOUNT = 2**53 - 1
"""Largest sum in minor units: exact in every JSON reader, and far inside a 64-bit column."""

# ISO 4217 minor units that are not two.
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
_CURRENCY = re.compile(r"[A-Z]{3}")


@lru_cache(maxsize=512)
def currency(code: str) -> str:
    """Return `code` if it has the form of an ISO 4217 code; raise InvalidCurrency otherwise."""
    if not _CURRENCY.fullmatch(code):
        raise InvalidCurrency(f"Got {code!r}.", field="currency")
    return code


def exponent(code: str) -> int:
    """How many decimal digits the minor unit of a currency has (ISO 4217): 2 for CNY, 0 for JPY."""
    return _EXPONENTS.get(code, 2)


def amount(value: int, *, field: str = "amount", signed: bool = False) -> int:
    """Return `value` (minor units) if the ledger can keep it; raise InvalidAmount otherwise."""
    low = -MAX_AMOUNT if signed else 0
    if not low <= value <= MAX_AMOUNT:
        raise InvalidAmount(f"Got {value}.", field=field)
    return value


def round_ratio(numerator: int, denominator: int) -> int:
    """`numerator / denominator`, rounded half-up on the absolute value; the denominator is positive."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient


def share(total: int, part: int, whole: int) -> int:
    """What `part` of `whole` bears of `total`; everything when there is no whole to divide by."""
    return round_ratio(total * part, whole) if whole > 0 else total


def split(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide `total` (zero or more) in proportion to `weights` by largest remainder.

    A tie goes to the lower number; weights that are all zero count as equal. The parts add up to `total`.
    """
    if not weights:
        return ()
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
        for i in by_remainder[:left]:
            parts[i] += 1
    return tuple(parts)


def unit(total: int, quantity: int, number: int) -> int:
    """What a unit (from 1) of a line cost: 100.00 for three is 33.34, 33.33, 33.33."""
    return total // quantity + (number <= total % quantity)


def parse(text: str, code: str, *, field: str = "amount") -> int:
    """Read a decimal number in major units ("12.345") as minor units of `code`, rounded half-up."""
    try:
        value = int(Decimal(text).scaleb(exponent(code)).quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError):  # The latter from what is "not a number" in so many words.
        raise InvalidAmount(f"Got {text!r}.", field=field) from None
    return amount(value, field=field, signed=True)


def display(value: int, code: str) -> str:
    """Minor units as people write them: 179100 CNY is "1,791.00"."""
    return f"{Decimal(value).scaleb(-exponent(code)):,}"
