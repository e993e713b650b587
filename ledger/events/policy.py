"""Facts of the terms of a benefit; the stream is `policy-{benefit}`.

Terms are kept as a map with names, unlike other facts' arrays: they are a document that people wrote, and a
dispute reads them years later.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ledger.events.base import Fact

Basis = Literal["contract", "law"]
Family = Literal["authenticity", "dispatch", "refund", "freight", "warranty", "incident"]
Formula = Literal["multiple", "multiple_or_loss", "rate", "cost", "repair_or_refund", "refund", "fixed"]
Payer = Literal["escrow", "payable", "deposit", "lab", "freight_pool", "warranty_pool", "fund", "backstop"]
Per = Literal["unit", "line", "order", "buyer", "waybill", "claim"]
Start = Literal["paid", "promised", "received", "returned", "declared"]

_Word = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,128}$(?!\n)")]
_Sum = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1, description="minor units")]
_Small = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """How often a card of a tier may use the benefit in a period; the empty tier is every other one."""

    tier: str = ""
    uses: _Small
    limit: _Sum | None = None
    """The most that may be advanced for the card's buyer and not yet be made good, minor units."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a benefit gives, to whom, when, and who pays for it; sums in minor units of `currency`."""

    family: Family
    """At most one payout per unit and family."""
    title: str = ""
    basis: Basis = "contract"
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")] = "CNY"
    trigger: str = ""
    """What must have happened, in words."""
    unasked: bool = False
    """Whether it is paid without being asked for."""
    formula: Formula
    multiple: _Small = 0
    """Times the base: what was paid in cash for the units' goods."""
    loss_multiple: _Small = 0
    """Times the loss, where the formula knows one."""
    rate_bp: _Small = 0
    """Hundredths of a percent of the base."""
    amount: _Sum = 0
    """The sum of a fixed formula."""
    refund: bool = False
    """Whether what is left of the units' price goes back beside the compensation."""
    refund_included: bool = False
    """Whether the compensation contains the refund: then what was refunded comes off it."""
    floor: _Sum = 0
    cap: _Sum | None = None
    per: Per = "unit"
    """What floor and cap bound, and what is paid for once."""
    window_from: Start | None = None
    window_days: Annotated[int, msgspec.Meta(ge=0, le=36_525)] = 0
    """Days after the day of the start; 0 means without end."""
    calendar: Literal["Asia/Shanghai"] = "Asia/Shanghai"
    evidence: tuple[_Word, ...] = ()
    quotas: tuple[Quota, ...] = ()
    """By card tier; without any, use is not limited."""
    quota_period: Literal["month", "quarter", "year", "ever"] = "year"
    categories: tuple[_Word, ...] = ()
    """Of goods; without any, all."""
    payers: tuple[Payer, ...] = ()
    """Who pays, in this order."""
    law: tuple[_Word, ...] = ()
    """Benefits whose terms are the floor that the law sets."""
    stacking: Literal["larger"] = "larger"
    """Of contract and law the larger is paid, never the sum."""
    offset: tuple[Literal["same_cause"], ...] = ()
    """Payments that come off the compensation: those of an incident of the same cause."""
    approvals: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    """How many different people must approve before anything is paid."""
    penalty: bool = False
    """Whether an upheld claim proposes a penalty."""
    rounding: Literal["half_up"] = "half_up"
    better_for_buyer: bool = False
    """Whether it also counts for orders paid under earlier versions."""


class Terms(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A version of a benefit's rule; in force from `effective_from` until before `effective_to` (UTC µs)."""

    benefit: _Word
    version: _Word
    effective_from: int
    effective_to: int | None = None


class PolicyPublished(Fact):
    """A version of a benefit's terms was published; an open one before it ends where it begins.

    `forced` is why the notice was shorter than usual, empty if it was not.
    """

    TOPIC = "policy-published"

    terms: Terms
    forced: str = ""


class PolicyRetired(Fact):
    """A version ends at `effective_to` (UTC µs) without a successor; orders paid before keep it."""

    TOPIC = "policy-retired"

    version: str
    effective_to: int
    reason: str
    forced: str = ""
