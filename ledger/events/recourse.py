"""Facts of what a shop owes the fund that paid in its place; they stand in the shop's stream."""

from __future__ import annotations

from ledger.events.base import Fact


class RecourseOpened(Fact):
    """The fund paid `amount` (minor units) of a claim that the shop should have paid."""

    TOPIC = "recourse-opened"

    claim: str
    shop: str
    currency: str
    amount: int


class RecourseRecovered(Fact):
    """The shop made good to the fund what that had paid of a claim: from its payable and its deposit."""

    TOPIC = "recourse-recovered"

    claim: str
    shop: str
    currency: str
    payable: int
    deposit: int

    @property
    def amount(self) -> int:
        """Both together."""
        return self.payable + self.deposit


class RecourseReleased(Fact):
    """The shop owes `amount` no more: the payout was cancelled, or the buyer gave it back."""

    TOPIC = "recourse-released"

    claim: str
    shop: str
    currency: str
    amount: int
    reason: str


class RecourseWrittenOff(Fact):
    """Nobody expects `amount` from the shop any more."""

    TOPIC = "recourse-written-off"

    claim: str
    shop: str
    currency: str
    amount: int
    reason: str
