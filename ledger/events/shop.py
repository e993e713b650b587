"""Facts of a shop (`shop-{id}`) and of a host (`host-{id}`): deposit, pay-out, opening and closing."""

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


class ShopClosingRequested(Fact):
    """The shop wants to leave."""

    TOPIC = "shop-closing-requested"

    reason: str


class ShopClosed(Fact):
    """The shop has left and nothing is owed either way."""

    TOPIC = "shop-closed"
