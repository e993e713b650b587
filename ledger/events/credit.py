"""Facts of how far a buyer's refunds may be advanced (`credit-{buyer}`), and of the rule for it."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class CreditStep(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A step of the reckoning as a person would write it down: `value` is what the expression comes to."""

    name: str
    expression: str
    value: int


class CreditRulePublished(Fact):
    """How standing makes the limit from now on; it stands in `standing-rule`.

    A buyer with fewer than `few_orders` paid orders has `few_rate_bp` (hundredths of a percent) of what the
    terms allow; each rejected claim and each voided order takes `rejected_rate_bp` of it off.
    """

    TOPIC = "credit-rule-published"

    version: str
    few_orders: int
    few_rate_bp: int
    rejected_rate_bp: int
    reason: str = ""


class StandingAssessed(Fact):
    """What was known of a buyer up to a position: paid orders, voided ones, claims that were rejected."""

    TOPIC = "standing-assessed"

    position: int
    paid_orders: int
    voided: int
    rejected: int


class StandingAppealed(Fact):
    """The buyer does not accept the limit."""

    TOPIC = "standing-appealed"

    reason: str


class StandingAppealDecided(Fact):
    """A person looked at it: from now on the limit is at least `limit` (minor units; 0: it stays)."""

    TOPIC = "standing-appeal-decided"

    limit: int
    currency: str
    reason: str


class InstantCreditTaken(Fact):
    """A refund was advanced on the buyer's standing (minor units); `limit` is the most that may be open.

    `version` is that of the rule, `trace` how the limit was reckoned.
    """

    TOPIC = "instant-credit-taken"

    refund: str
    buyer: str
    currency: str
    amount: int
    limit: int
    version: str
    trace: tuple[CreditStep, ...]


class InstantCreditFreed(Fact):
    """The refund that was advanced is complete: what it had taken of the limit is free again."""

    TOPIC = "instant-credit-freed"

    refund: str
    buyer: str
    currency: str
    amount: int
