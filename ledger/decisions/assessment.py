"""What a claim is worth: its units in money, what of them went back, and what the terms make of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger import money, policy
from ledger.decisions import policy as policies
from ledger.decisions.base import Past
from ledger.decisions.order import Order
from ledger.errors import InvalidAmount, UnknownPolicy
from ledger.events.claim import ClaimUnit, TraceStep
from ledger.events.policy import Terms
from ledger.events.refund import RefundLine

MOST_UNITS = 1_000
"""Of one claim: a claim is looked at by people."""
_MOST_LOOKED_UP = 10_000


class Matter(msgspec.Struct, frozen=True, gc=False):
    """What is claimed: by which benefit of an order and in which version of its terms, for which units.

    Sums in minor units: `cost` of a waybill or a repair, `loss` of the buyer. `cause` names an incident of
    the same cause. Of an earlier decision of the same claim, `offset` is what of that was taken off, and
    `included` what of the refund its compensation contains.
    """

    order: str
    buyer: str
    benefit: str
    version: str
    units: tuple[ClaimUnit, ...]
    cost: int = 0
    loss: int = 0
    cause: str = ""
    offset: int = 0
    included: int = 0


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """What a claim is owed by its terms (minor units), and all that a decision has to keep of the reckoning.

    `lines` are what goes back as a refund, `included` what of it the compensation contains.
    """

    terms: Terms
    law: tuple[Terms, ...]
    refund: int
    compensation: int
    basis: str
    flags: tuple[str, ...]
    trace: tuple[TraceStep, ...]
    lines: tuple[RefundLine, ...]
    included: tuple[RefundLine, ...]
    offset: int
    offset_of: int


def units(order: Order, items: Sequence[tuple[int, tuple[int, ...]]]) -> tuple[ClaimUnit, ...]:
    """The units of some lines (all of a line where none are named), each once, with what was paid for them.

    Without items, all units of all lines. Raises InvalidAmount.
    """
    named = items or [(number, ()) for number, line in enumerate(order.lines, 1) if line.quantity > 0]
    found: dict[tuple[int, int], ClaimUnit] = {}
    for line, numbers in named:
        if not 1 <= line <= len(order.lines):
            raise InvalidAmount(f"The order has {len(order.lines)} lines, not {line}.", field="items")
        quantity = max(order.lines[line - 1].quantity, 0)
        for unit in numbers or range(1, min(quantity, MOST_UNITS + 1) + 1):
            if not 1 <= unit <= quantity or (line, unit) in found:
                raise InvalidAmount(f"Line {line} has units 1 to {quantity}, each once.", field="items")
            paid = money.unit(order.line_cash[line - 1], quantity, unit)
            found[line, unit] = ClaimUnit(line, unit, paid, order.lines[line - 1].sku)
    if not 1 <= len(found) <= MOST_UNITS:
        raise InvalidAmount(f"A claim is about 1 to {MOST_UNITS} units.", field="items")
    return tuple(found[key] for key in sorted(found))


def terms_of(past: Past, benefit: str, version: str) -> Terms:
    """A version of a benefit's terms; raises UnknownPolicy."""
    for terms in past.state(f"policy-{benefit}"):
        if terms.version == version:
            found: Terms = terms
            return found
    raise UnknownPolicy(f"Got {benefit} {version}.", field="benefit")


def assess(past: Past, matter: Matter) -> Assessment:
    """Reckon a claim by its terms and the law's floor, on what was refunded and paid by now."""
    order: Order = past.state(f"order-{matter.order}")
    terms = terms_of(past, matter.benefit, matter.version)
    category = past.state(f"shop-{order.shop}").industry
    law = policies.law(past, terms, order.paid_at, category)
    left = _left(past, matter, order)
    sums = tuple(unit.paid for unit in matter.units)
    inputs = policy.Inputs(
        units=sums,
        refunded=sum(sums) - sum(line.cash for line in left),
        cost=matter.cost,
        loss=matter.loss,
    )
    same = bool(matter.cause) and past.state(f"incident-{matter.cause}").currency == terms.currency
    offset_of = past.used(f"incident-paid/{matter.cause}/{matter.buyer}") if same else 0
    used = past.used(f"offset/{matter.cause}/{matter.buyer}") if offset_of else 0
    whole = policy.quote(terms, law, inputs)
    inputs = msgspec.structs.replace(inputs, offset=max(offset_of - used + matter.offset, 0))
    quote = policy.quote(terms, law, inputs) if inputs.offset else whole
    included = "refund_included" in quote.flags
    return Assessment(
        terms,
        law,
        quote.refund,
        quote.compensation + (matter.included if included else 0),
        quote.basis,
        quote.flags,
        tuple(TraceStep(step.name, step.expression, step.value) for step in quote.trace),
        _cut(left, quote.refund),
        _cut(left, quote.compensation) if included else (),
        whole.compensation - quote.compensation,
        offset_of,
    )


def _cut(lines: Sequence[RefundLine], most: int) -> tuple[RefundLine, ...]:
    """The first lines up to a sum."""
    found = []
    for line in lines:
        cash = min(line.cash, most)
        most -= cash
        if cash:
            found.append(msgspec.structs.replace(line, cash=cash))
    return tuple(found)


def _left(past: Past, matter: Matter, order: Order) -> tuple[RefundLine, ...]:
    """What of the claimed units' cash did not go back yet, line by line."""
    whole = order.cash - _gone(past, matter.order)
    by_line: dict[int, list[ClaimUnit]] = {}
    for unit in matter.units:
        by_line.setdefault(unit.line, []).append(unit)
    found = []
    for number, claimed in by_line.items():
        if number > len(order.line_cash):
            continue  # A newer version of the order lacks the line.
        open_ = _open(past, matter.order, order, number, claimed)
        left = min(sum(open_.values()), whole, order.line_cash[number - 1])
        if left > 0:
            whole -= left
            numbers, sku = tuple(open_), order.lines[number - 1].sku
            found.append(RefundLine(number, sku, len(numbers), left, 0, order.line_paid(number), numbers))
    return tuple(found)


def _gone(past: Past, subject: str) -> int:
    """The cash that was refunded, or advanced for a refund, of an order or a line."""
    names = [f"{kind}/{subject}" for kind in ("refund", "advanced", "refund-coupon", "advanced-coupon")]
    refunded, advanced, *coupons = past.used_of(names)
    return refunded + advanced - sum(coupons)


def _open(past: Past, id_: str, order: Order, number: int, claimed: Sequence[ClaimUnit]) -> dict[int, int]:
    """The claimed units of a line that were not given back, with what is left of each.

    What went back of a line without naming units is borne by those that were not given back, in proportion.
    """
    gone = _gone(past, f"{id_}/{number}")
    if not gone:
        return {unit.unit: unit.paid for unit in claimed}
    quantity, cash = order.lines[number - 1].quantity, order.line_cash[number - 1]
    looked_up = range(1, quantity + 1) if quantity <= _MOST_LOOKED_UP else [unit.unit for unit in claimed]
    subjects = [f"{kind}/{id_}/{number}/{unit}" for unit in looked_up for kind in ("refund", "advanced")]
    used = past.used_of(subjects)
    given_back = {unit for i, unit in enumerate(looked_up) if used[2 * i] or used[2 * i + 1]}
    prices = {unit: money.unit(cash, quantity, unit) for unit in looked_up}
    gone = max(gone - sum(prices[unit] for unit in given_back), 0)
    rest = [unit for unit in looked_up if unit not in given_back]
    borne = dict(zip(rest, money.split(gone, [prices[unit] for unit in rest]), strict=True))
    return {
        unit.unit: max(unit.paid - borne.get(unit.unit, 0), 0)
        for unit in claimed
        if unit.unit not in given_back
    }
