"""How far a buyer's refunds may be advanced: by the terms, the card and the buyer's standing, explained.

Standing follows from orders, claims and debts in this ledger and from nothing else. It is no score: it only
limits what the platform advances, every step of it is kept, and a person decides an appeal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec

from ledger import money, policy
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    On,
    Past,
    Text,
    decides,
    folds,
)
from ledger.errors import AlreadyExists, CreditLimitExceeded, WrongState
from ledger.events.base import Recorded
from ledger.events.credit import (
    CreditRulePublished,
    CreditStep,
    InstantCreditFreed,
    InstantCreditTaken,
    StandingAppealDecided,
    StandingAppealed,
    StandingAssessed,
)

WHOLE_BP = 10_000
RULE = "standing-rule"
"""The stream of the rule: there is one."""

_Rate = Annotated[int, msgspec.Meta(ge=0, le=WHOLE_BP, description="hundredths of a percent")]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Rule(msgspec.Struct, frozen=True, gc=False):
    """How standing makes a limit; what it is until the first is published is our own proposal."""

    version: str = "2021-06"
    few_orders: int = 3
    few_rate_bp: int = 5_000
    rejected_rate_bp: int = 2_500


class Credit(msgspec.Struct, frozen=True, gc=False):
    """A buyer's standing, and the refunds that were advanced on it and are not complete."""

    position: int = 0
    paid_orders: int = 0
    voided: int = 0
    rejected: int = 0
    appealed: bool = False
    floors: dict[str, int] = {}
    """By currency what a person decided the limit to be at least, minor units."""
    taken: dict[str, int] = {}
    """By refund what it took of the limit, minor units."""


INITIAL["standing"] = Rule()
INITIAL["credit"] = Credit()


@folds(CreditRulePublished)
def _published(_rule: Rule, fact: CreditRulePublished, _recorded: Recorded) -> Rule:
    return Rule(fact.version, fact.few_orders, fact.few_rate_bp, fact.rejected_rate_bp)


@folds(StandingAssessed)
def _assessed(credit: Credit, fact: StandingAssessed, _recorded: Recorded) -> Credit:
    return msgspec.structs.replace(
        credit,
        position=fact.position,
        paid_orders=fact.paid_orders,
        voided=fact.voided,
        rejected=fact.rejected,
    )


@folds(StandingAppealed)
def _appealed(credit: Credit, _fact: StandingAppealed, _recorded: Recorded) -> Credit:
    return msgspec.structs.replace(credit, appealed=True)


@folds(StandingAppealDecided)
def _decided(credit: Credit, fact: StandingAppealDecided, _recorded: Recorded) -> Credit:
    floors = {**credit.floors, fact.currency: fact.limit} if fact.limit else credit.floors
    return msgspec.structs.replace(credit, appealed=False, floors=floors)


@folds(InstantCreditTaken)
def _taken(credit: Credit, fact: InstantCreditTaken, _recorded: Recorded) -> Credit:
    return msgspec.structs.replace(credit, taken={**credit.taken, fact.refund: fact.amount})


@folds(InstantCreditFreed)
def _freed(credit: Credit, fact: InstantCreditFreed, _recorded: Recorded) -> Credit:
    taken = {refund: amount for refund, amount in credit.taken.items() if refund != fact.refund}
    return msgspec.structs.replace(credit, taken=taken)


class PublishRule(Command, kw_only=True):
    """Set how standing makes the limit of instant refunds from now on."""

    NAME = "standing.publish-rule"
    STREAM = "standing"

    id: Literal["rule"] = "rule"
    version: Name
    few_orders: _Number
    few_rate_bp: _Rate
    rejected_rate_bp: _Rate
    reason: Text = ""


class AssessStanding(Command, kw_only=True):
    """Keep what the ledger knows of a buyer up to a position of the log; `assurance credit` counts it."""

    NAME = "credit.assess"
    STREAM = "credit"

    id: Name
    position: _Number
    paid_orders: _Number
    voided: _Number = 0
    rejected: _Number = 0


class AppealStanding(Command, kw_only=True):
    """Appeal the limit of instant refunds, for the buyer."""

    NAME = "credit.appeal"
    STREAM = "credit"

    id: Name
    reason: Text


class DecideStandingAppeal(Command, kw_only=True):
    """Decide a buyer's appeal: the limit is at least `limit` from now on; 0 leaves it as it is."""

    NAME = "credit.decide-appeal"
    STREAM = "credit"

    id: Name
    limit: Amount
    currency: Currency = "CNY"
    reason: Text


@decides(PublishRule)
def publish_rule(past: Past, command: PublishRule) -> Iterator[Item]:
    """A version of the rule is published once."""
    rule: Rule = past.state(command.stream)
    sums = command.few_orders, command.few_rate_bp, command.rejected_rate_bp
    new = Rule(command.version, *sums)
    if new == rule:
        return
    if new.version == rule.version:
        raise AlreadyExists(
            f"Version {new.version} of the rule is in force with other numbers.", field="version"
        )
    yield CreditRulePublished(command.version, *sums, command.reason)


@decides(AssessStanding)
def assess(past: Past, command: AssessStanding) -> Iterator[Item]:
    """What is known later replaces what was known before; of an older position nothing is kept."""
    credit: Credit = past.state(command.stream)
    found = command.paid_orders, command.voided, command.rejected
    if command.position > past.position:
        raise WrongState(f"The log ends at {past.position}.", field="position")
    if command.position > credit.position and found != (credit.paid_orders, credit.voided, credit.rejected):
        yield StandingAssessed(command.position, *found)


@decides(AppealStanding)
def appeal(past: Past, command: AppealStanding) -> Iterator[Item]:
    """One appeal at a time."""
    if not past.state(command.stream).appealed:
        yield StandingAppealed(command.reason)


@decides(DecideStandingAppeal)
def decide_appeal(past: Past, command: DecideStandingAppeal) -> Iterator[Item]:
    """An appeal is decided once, by a person."""
    if not past.state(command.stream).appealed:
        raise WrongState("Nobody has appealed.", field="id")
    yield StandingAppealDecided(
        money.amount(command.limit, field="limit"), money.currency(command.currency), command.reason
    )


class Limit(NamedTuple):
    """The most that may be advanced for a buyer and open at once, minor units (None: the terms set none)."""

    buyer: str
    currency: str
    most: int | None
    taken: int
    trace: tuple[CreditStep, ...]

    @property
    def left(self) -> int | None:
        """What may still be advanced."""
        return None if self.most is None else max(self.most - self.taken, 0)


def limit(past: Past, buyer: str, terms: policy.Terms, tier: str) -> Limit:
    """What may be advanced for a buyer by terms, card and standing, with every step of the reckoning."""
    taken = past.used(f"credit/{buyer}/{terms.currency}")
    quota = policy.quota(terms, tier)
    if quota is None or quota.limit is None:
        return Limit(buyer, terms.currency, None, taken, ())
    credit: Credit = past.state(f"credit-{buyer}")
    rule: Rule = past.state(RULE)
    debts = max(past.balance(f"buyer_receivable:{buyer}", terms.currency), 0)
    most = quota.limit
    trace = [CreditStep(f"card: {tier or 'none'}", f"{most}", most)]
    if credit.paid_orders < rule.few_orders:
        few = money.round_ratio(most * rule.few_rate_bp, WHOLE_BP)
        name = f"{credit.paid_orders} paid orders, fewer than {rule.few_orders}"
        trace.append(CreditStep(name, f"round({most} × {rule.few_rate_bp} / {WHOLE_BP})", few))
        most = few
    if bad := credit.rejected + credit.voided:
        rate = max(WHOLE_BP - bad * rule.rejected_rate_bp, 0)
        less = money.round_ratio(most * rate, WHOLE_BP)
        name = f"{credit.rejected} rejected claims, {credit.voided} voided orders"
        trace.append(CreditStep(name, f"round({most} × {rate} / {WHOLE_BP})", less))
        most = less
    if floor := min(credit.floors.get(terms.currency, 0), quota.limit):
        trace.append(CreditStep("decided on appeal", f"max({most}, {floor})", max(most, floor)))
        most = max(most, floor)
    if debts:
        trace.append(CreditStep("less debts", f"max({most} - {debts}, 0)", max(most - debts, 0)))
        most = max(most - debts, 0)
    return Limit(buyer, terms.currency, most, taken, tuple(trace))


def take(past: Past, refund: str, amount: int, found: Limit) -> Iterator[On]:
    """Use a part of the limit for a refund; raises CreditLimitExceeded with every step."""
    if found.most is None:
        return
    if found.taken + amount > found.most:
        steps = "; ".join(f"{step.name}: {step.expression} = {step.value}" for step in found.trace)
        detail = f"{amount} is asked for, {found.taken} of {found.most} is advanced already. {steps}."
        raise CreditLimitExceeded(detail, field="id")
    rule: Rule = past.state(RULE)
    sums = found.currency, amount, found.most, rule.version
    yield On(f"credit-{found.buyer}", InstantCreditTaken(refund, found.buyer, *sums, found.trace))


def free(past: Past, refund: str, buyer: str, currency: str) -> Iterator[On]:
    """Give back what a refund had taken of its buyer's limit, if it did."""
    if amount := past.state(f"credit-{buyer}").taken.get(refund):
        yield On(f"credit-{buyer}", InstantCreditFreed(refund, buyer, currency, amount))
