"""Facts of the pet fund (`fund-pet`): what is given to it; what it spends stands where it is decided."""

from __future__ import annotations

from ledger.events.base import Fact


class PetFundContributed(Fact):
    """The platform gave the pet fund money of its own (minor units)."""

    TOPIC = "pet-fund-contributed"

    currency: str
    amount: int
    reason: str = ""
