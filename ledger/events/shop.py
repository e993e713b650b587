"""Facts of a shop (`shop-{id}`) and a host (`host-{id}`): deposit, pay-out, benefits, standing, leaving."""

from __future__ import annotations

from ledger.events.base import Fact


class ShopOpened(Fact):
    """A shop may sell."""

    TOPIC = "shop-opened"

    name: str
    currency: str
    industry: str


class DepositPaid(Fact):
    """The shop paid into its deposit (minor units)."""

    TOPIC = "deposit-paid"

    shop: str
    currency: str
    amount: int


class DepositRefunded(Fact):
    """The platform paid the deposit, or part of it, back."""

    TOPIC = "deposit-refunded"

    shop: str
    currency: str
    amount: int


class ShopPaidOut(Fact):
    """The shop received what it was owed; `suspense` is the part of a reported pay-out it was not owed."""

    TOPIC = "shop-paid-out"

    shop: str
    currency: str
    amount: int
    suspense: int = 0
    source: str = ""
    marks: tuple[str, ...] = ()

    @property
    def owed(self) -> int:
        """The part that was owed."""
        return self.amount - self.suspense


class FreightServiceCharged(Fact):
    """The shop paid for return-freight cover from what it was owed (minor units)."""

    TOPIC = "freight-service-charged"

    shop: str
    currency: str
    amount: int
    reference: str = ""


class WarrantyServiceCharged(Fact):
    """The shop paid for device warranties from what it was owed (minor units)."""

    TOPIC = "warranty-service-charged"

    shop: str
    currency: str
    amount: int
    reference: str = ""


class SubsidyGranted(Fact):
    """The platform gives the shop a subsidy in money (minor units); the shop is owed it from now on."""

    TOPIC = "subsidy-granted"

    shop: str
    currency: str
    amount: int
    reason: str = ""


class HostPaidOut(Fact):
    """The host received what it was owed; `suspense` is the part of a reported pay-out it was not owed."""

    TOPIC = "host-paid-out"

    host: str
    currency: str
    amount: int
    suspense: int = 0
    source: str = ""
    marks: tuple[str, ...] = ()

    @property
    def owed(self) -> int:
        """The part that was owed."""
        return self.amount - self.suspense


class BenefitOpened(Fact):
    """Orders paid from now on carry this benefit, if terms of it are in force then."""

    TOPIC = "benefit-opened"

    benefit: str


class BenefitClosed(Fact):
    """Orders paid from now on no longer carry this benefit; those paid before keep it."""

    TOPIC = "benefit-closed"

    benefit: str
    reason: str = ""


class ShopRestricted(Fact):
    """The shop may not do all it could: it opens no benefits until the cause is gone."""

    TOPIC = "shop-restricted"

    cause: str
    """What restricts it: `deposit` (the fund advanced what the deposit lacked), or a penalty."""
    reason: str = ""


class ShopSuspended(Fact):
    """The shop may not sell for a time; `until` in UTC microseconds, None until it is reinstated."""

    TOPIC = "shop-suspended"

    cause: str
    """The penalty that leads to it."""
    reason: str = ""
    until: int | None = None


class ShopBanned(Fact):
    """The shop may never sell again, unless it is reinstated."""

    TOPIC = "shop-banned"

    cause: str
    """The penalty that leads to it."""
    reason: str = ""


class ShopReinstated(Fact):
    """A cause of restriction, suspension or ban is gone; others of another cause stay."""

    TOPIC = "shop-reinstated"

    cause: str
    """The cause that the restraint named: `deposit`, or a penalty."""
    reason: str = ""


class ShopClosingRequested(Fact):
    """The shop wants to leave."""

    TOPIC = "shop-closing-requested"

    reason: str


class ShopClosed(Fact):
    """The shop has left and nothing is owed either way."""

    TOPIC = "shop-closed"


class ShopProviderChanged(Fact):
    """From now on an agency serves the shop; empty: none does."""

    TOPIC = "shop-provider-changed"

    provider: str
    marks: tuple[str, ...] = ()
