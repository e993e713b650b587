"""Terms of benefits: which version counts, until when, and what it pays, with each step of the reckoning.

Sums are minor units of the terms' currency, times UTC microseconds. What a claim is owed is the larger of
contract and law above the refund; the law's part is never cut by a cap. Expressions in a trace use whole
minor units and can be typed into any calculator: `round` is half-up on the absolute value.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger import money, time
from ledger.errors import InvalidPolicy
from ledger.events.policy import Basis, Quota, Rule, Terms

__all__ = [
    "NEVER",
    "Inputs",
    "Quota",
    "Quote",
    "Rule",
    "Step",
    "Terms",
    "applies",
    "check",
    "in_force",
    "quota",
    "quote",
    "window_last",
]

NEVER = time.micros(time.parse("9999-12-30"))
"""The last moment of a window without end."""
_DAY_US = 86_400_000_000
_HOME_US = time.HOME_OFFSET * 60_000_000


class Inputs(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a claim brings to the formula, minor units.

    `units` is the cash paid for the goods of each unit claimed: no coupon, no freight. `refunded` is what of
    it went back in cash already. `cost` is that of the waybill or of the repair, `loss` the buyer's loss,
    `offset` what an incident of the same cause has paid.
    """

    units: tuple[int, ...] = ()
    refunded: int = 0
    cost: int = 0
    loss: int = 0
    offset: int = 0


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a reckoning that a person can check by hand: its name, what was reckoned, the result."""

    name: str
    expression: str
    value: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """What is owed: `refund` of the price, `compensation` beside it, and on which basis.

    Flags: `needs_person` (nothing was paid for the goods, so it is never paid automatically),
    `refund_included` (the compensation uses up what is left of the units' refund).
    """

    refund: int
    compensation: int
    basis: Basis
    flags: tuple[str, ...]
    trace: tuple[Step, ...]

    @property
    def total(self) -> int:
        """Refund and compensation together."""
        return self.refund + self.compensation


class _Owed(msgspec.Struct, frozen=True, gc=False):
    """What one version of terms gives by itself; `above` is what it gives beside the refund."""

    terms: Terms
    amount: int
    above: int
    step: Step


def quote(terms: Terms, law: Sequence[Terms], inputs: Inputs) -> Quote:
    """Reckon what `terms`, and `law` as their floor, give for these inputs, all in the terms' currency."""
    paid = sum(inputs.units)
    left = max(paid - inputs.refunded, 0)
    trace = []
    if inputs.units:
        trace.append(Step("paid", " + ".join(map(str, inputs.units)), paid))
    if any(version.refund or version.formula == "repair_or_refund" for version in (terms, *law)):
        trace.append(Step("left of the refund", f"max({paid} - {inputs.refunded}, 0)", left))
    offers = [_owed(version, inputs, left) for version in (terms, *law)]
    trace += [offer.step for offer in offers]
    best = max(offers, key=lambda offer: offer.above)  # The contract, where both are the same.
    if law:
        larger = ", ".join(str(offer.above) for offer in offers)
        trace.append(Step(f"above the refund: {_named(best.terms)}", f"max({larger})", best.above))
    compensation, flags = best.amount, []
    included = best.terms.refund_included
    if included:
        compensation = max(best.amount - inputs.refunded, 0)
        trace.append(
            Step("less what was refunded", f"max({best.amount} - {inputs.refunded}, 0)", compensation)
        )
    if inputs.offset and "same_cause" in best.terms.offset:
        after = max(compensation - inputs.offset, 0)
        trace.append(
            Step("less what the same cause has paid", f"max({compensation} - {inputs.offset}, 0)", after)
        )
        compensation = after
    if included or (best.terms.formula == "repair_or_refund" and not inputs.cost):
        flags.append("refund_included")
    if inputs.units and not paid:
        flags.append("needs_person")
    refund = left if best.terms.refund else 0
    return Quote(refund, compensation, best.terms.basis, tuple(flags), tuple(trace))


def _owed(terms: Terms, inputs: Inputs, left: int) -> _Owed:
    """What one version gives, between its floor and cap, and the step that shows it."""
    bases = inputs.units if terms.per == "unit" else (sum(inputs.units),)
    parts = [_part(terms, base, inputs, left) for base in bases or (0,)]
    amount = sum(value for value, _ in parts)
    above = amount - sum(inputs.units) if terms.refund_included else amount
    return _Owed(terms, amount, above, Step(_named(terms), " + ".join(text for _, text in parts), amount))


def _part(terms: Terms, base: int, inputs: Inputs, left: int) -> tuple[int, str]:
    """The amount for one base and its expression. A contract gives nothing for what nobody paid for."""
    match terms.formula:
        case "multiple":
            value, text = terms.multiple * base, f"{terms.multiple} × {base}"
        case "multiple_or_loss":
            value = max(terms.multiple * base, terms.loss_multiple * inputs.loss)
            text = f"max({terms.multiple} × {base}, {terms.loss_multiple} × {inputs.loss})"
        case "rate":
            value = money.round_ratio(base * terms.rate_bp, 10_000)
            text = f"round({base} × {terms.rate_bp} / 10000)"
        case "cost":
            value, text = inputs.cost, f"{inputs.cost}"
        case "repair_or_refund":
            value = min(inputs.cost, left) if inputs.cost else left
            text = f"min({inputs.cost}, {left})" if inputs.cost else f"{left}"
        case "fixed":
            value, text = terms.amount, f"{terms.amount}"
        case "refund":
            return 0, "0"
    if terms.floor and (base or value or terms.basis == "law"):
        value, text = max(value, terms.floor), f"max({text}, {terms.floor})"
    if terms.cap is not None and terms.basis == "contract":
        value, text = min(value, terms.cap), f"min({text}, {terms.cap})"
    return value, text


def _named(terms: Terms) -> str:
    return f"{terms.benefit} {terms.version}"


def in_force(versions: Sequence[Terms], paid_at: int, at: int | None = None) -> Terms | None:
    """The version in force when an order was paid, or a later one flagged as better for the buyer.

    `versions` in order of time. With `at`, later versions count only once they are in force then.
    """
    found = None
    for terms in versions:
        begun = terms.effective_from <= paid_at
        then = begun and (terms.effective_to is None or paid_at < terms.effective_to)
        better = found and not begun and terms.better_for_buyer
        if then or (better and (at is None or terms.effective_from <= at)):
            found = terms
    return found


def window_last(terms: Terms, start: int) -> int:
    """The last microsecond of a window that began at `start`: day 1 is the day after, in Asia/Shanghai."""
    if not terms.window_days:
        return NEVER
    last_day = time.local_day(start, time.HOME_OFFSET) + terms.window_days
    return (last_day + 1) * _DAY_US - _HOME_US - 1


def applies(terms: Terms, category: str) -> bool:
    """Whether the terms are about goods of a category."""
    return not terms.categories or category in terms.categories


def quota(terms: Terms, tier: str) -> Quota | None:
    """How often and how far a card of a tier may use the benefit; None if that is not limited."""
    if not terms.quotas:
        return None
    rows = {row.tier: row for row in terms.quotas}
    return rows.get(tier) or rows.get("") or Quota(tier=tier, uses=0)


def check(rule: Rule) -> None:
    """Refuse a rule that contradicts itself or leaves something open; raises InvalidPolicy."""
    parameters = {
        "multiple": "multiple" in rule.formula,
        "loss_multiple": rule.formula == "multiple_or_loss",
        "rate_bp": rule.formula == "rate",
        "amount": rule.formula == "fixed",
    }
    for name, wanted in parameters.items():
        if wanted != bool(getattr(rule, name)):
            need = "needs" if wanted else "knows no"
            raise InvalidPolicy(f"The formula {rule.formula} {need} {name}.", field=name)
    if rule.refund and rule.refund_included:
        raise InvalidPolicy("The refund is either beside the compensation or in it.", field="refund_included")
    if rule.refund_included and rule.formula != "multiple":
        raise InvalidPolicy(f"The formula {rule.formula} cannot hold the refund.", field="refund_included")
    if rule.formula == "refund" and not rule.refund:
        raise InvalidPolicy("The formula refund gives nothing without refund = true.", field="refund")
    if rule.cap is not None and rule.cap < rule.floor:
        raise InvalidPolicy(f"The cap {rule.cap} is below the floor {rule.floor}.", field="cap")
    if bool(rule.window_days) != (rule.window_from is not None):
        raise InvalidPolicy("A window has a start and a number of days.", field="window_from")
    if not rule.payers or len(set(rule.payers)) < len(rule.payers):
        raise InvalidPolicy("Somebody pays, and nobody stands twice.", field="payers")
    if rule.basis == "law" and (rule.law or rule.cap is not None):
        raise InvalidPolicy("The law has no floor but its own, and no cap.", field="basis")
    tiers = [row.tier for row in rule.quotas]
    if len(set(tiers)) < len(tiers):
        raise InvalidPolicy("A tier has one quota.", field="quotas")
