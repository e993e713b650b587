"""Facts of a penalty (`penalty-{id}`), of what it leaves due from a deposit, and of brushing."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class Measure(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a penalty demands beside money: a warning, training, suspension …; `days` 0: until lifted."""

    name: str
    days: int = 0


class GivenBack(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a fine that was decided in error comes back, in minor units.

    `held` goes from what is still held to the deposit. Of what was released, `fund`, `platform` and
    `backstop` bear their parts, of which `deposit` goes to the deposit and `bank` is held again for whoever
    paid by bank.
    """

    held: int = 0
    fund: int = 0
    platform: int = 0
    backstop: int = 0
    deposit: int = 0
    bank: int = 0

    @property
    def to_deposit(self) -> int:
        """All that the deposit gets back."""
        return self.held + self.deposit


class PenaltyProposed(Fact):
    """Somebody asks for a penalty; it binds nobody until it is imposed.

    `party` is shop, host, account, live or gang, `shop` the shop whose deposit answers for the fine ("" if
    none), `cause` the stream of what led to it; the fine is in minor units.
    """

    TOPIC = "penalty-proposed"

    party: str
    party_id: str
    shop: str
    currency: str
    fine: int
    points: int
    measures: tuple[Measure, ...]
    reason: str
    cause: str = ""


class PenaltyDropped(Fact):
    """The proposal leads to nothing."""

    TOPIC = "penalty-dropped"

    reason: str


class PenaltyImposed(Fact):
    """The penalty binds. `from_deposit` says whether the fine stands among the shop's dues."""

    TOPIC = "penalty-imposed"

    party: str
    party_id: str
    shop: str
    currency: str
    fine: int
    points: int
    measures: tuple[Measure, ...]
    reason: str
    cause: str = ""
    from_deposit: bool = False
    marks: tuple[str, ...] = ()


class PenaltyPublished(Fact):
    """Everybody may read it in the register."""

    TOPIC = "penalty-published"


class PenaltySent(Fact):
    """The notice was sent to the party."""

    TOPIC = "penalty-sent"


class PenaltyServed(Fact):
    """The party has received the notice."""

    TOPIC = "penalty-served"


class FeeAdded(Fact):
    """A fee comes on top of the fine: of sending, of collecting (minor units)."""

    TOPIC = "fee-added"

    currency: str
    amount: int
    reason: str = ""


class PenaltyIncreased(Fact):
    """The fine was not paid in time: `total` is the new fine, fees apart (minor units).

    `sequence` is its place in the source's own order (0: the order of recording).
    """

    TOPIC = "penalty-increased"

    currency: str
    total: int
    sequence: int = 0
    marks: tuple[str, ...] = ()


class SentToCollection(Fact):
    """What is unpaid is now collected by force."""

    TOPIC = "sent-to-collection"


class FineCollected(Fact):
    """The deposit of the shop paid towards the fine and its fees (minor units)."""

    TOPIC = "fine-collected"

    shop: str
    currency: str
    amount: int


class FinePaid(Fact):
    """The party paid towards the fine and its fees by bank (minor units)."""

    TOPIC = "fine-paid"

    currency: str
    amount: int
    marks: tuple[str, ...] = ()


class PenaltyAppealed(Fact):
    """The party appeals to an instance: `first` and `second` of the platform, `prefecture`, `judge`."""

    TOPIC = "penalty-appealed"

    instance: str
    reason: str = ""
    marks: tuple[str, ...] = ()


class AppealAdvanced(Fact):
    """An appeal is on its way: `forwarded` to the instance, its result `received`, the party `notified`."""

    TOPIC = "appeal-advanced"

    instance: str
    step: str


class AppealDenied(Fact):
    """The instance lets the penalty stand, also one that an instance before it had overturned.

    `sequence` is its place in the source's own order, as of all rulings; the last one counts.
    """

    TOPIC = "appeal-denied"

    instance: str
    reason: str = ""
    sequence: int = 0
    marks: tuple[str, ...] = ()


class PenaltyOverturned(Fact):
    """The instance strikes the penalty. `back` is what moves at once, of the `received` in all.

    What was paid by bank is held and owed back until it is returned.
    """

    TOPIC = "penalty-overturned"

    instance: str
    shop: str
    currency: str
    reason: str
    back: GivenBack
    received: int
    sequence: int = 0
    marks: tuple[str, ...] = ()


class PenaltyVaried(Fact):
    """The instance lowers the fine to `total`, fees apart. `back` moves at once, of the `received`."""

    TOPIC = "penalty-varied"

    instance: str
    shop: str
    currency: str
    total: int
    reason: str
    back: GivenBack
    received: int
    sequence: int = 0
    marks: tuple[str, ...] = ()


class PenaltyFinal(Fact):
    """Nobody appealed, or the appeals are over: the penalty stands."""

    TOPIC = "penalty-final"


class FineReleased(Fact):
    """The appeal is over: the fund gets its share of the fine, the platform the rest (minor units)."""

    TOPIC = "fine-released"

    currency: str
    fund: int
    platform: int


class FineReturned(Fact):
    """What a ruling made undue was paid back by bank, out of the `received` in all."""

    TOPIC = "fine-returned"

    currency: str
    amount: int
    received: int


class FineOverpaymentReturned(Fact):
    """What was paid beyond the fine and its fees was paid back by bank, out of the `received` in all."""

    TOPIC = "fine-overpayment-returned"

    currency: str
    amount: int
    received: int


class TrainingCompleted(Fact):
    """The party has passed the training that the penalty demands."""

    TOPIC = "training-completed"


class AccountRemoved(Fact):
    """An account of the gang was removed; `again` if it was removed with another gang before."""

    TOPIC = "account-removed"

    account: str
    again: bool = False


class LeadReferred(Fact):
    """What was found was handed to an authority, which knows it under its `reference`."""

    TOPIC = "lead-referred"

    authority: str
    reference: str = ""


class CaseLinked(Fact):
    """An authority's own case belongs to this penalty."""

    TOPIC = "case-linked"

    authority: str
    case: str


class FineDueRecorded(Fact):
    """What a shop's deposit still owes of a fine (0: nothing more); it stands in `shop-{shop}`.

    `called` says whether it is taken as soon as the deposit has it.
    """

    TOPIC = "fine-due-recorded"

    penalty: str
    currency: str
    due: int
    called: bool


class FineSharePublished(Fact):
    """From `effective_from` (UTC µs) on, of fines imposed, so many hundredths of a percent go to the fund.

    It stands in `fines-share`.
    """

    TOPIC = "fine-share-published"

    rate_bp: int
    effective_from: int
    reason: str = ""


class BrushingIntercepted(Fact):
    """So many fake orders were stopped on the day of the stream `brushing-{day}`; the last count stands."""

    TOPIC = "brushing-intercepted"

    count: int
    detail: str = ""
