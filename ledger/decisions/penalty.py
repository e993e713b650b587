"""A penalty from the proposal to the end: what it demands, and what follows from the facts about it.

What is due is the fine as it stands now and its fees. What the party paid is held until the penalty is final;
then it is released to the fund. All sums follow from the facts whatever order reports of them came in: of
increases and rulings those count that come last in the order of their source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from ledger import money
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    On,
    OptionalName,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.lapse import lapsed
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.errors import (
    AlreadyExists,
    InvalidAmount,
    Malformed,
    UnknownPenalty,
    WrongState,
)
from ledger.events.base import Fact, Recorded
from ledger.events.host import HostBanned, HostReinstated, HostSuspended
from ledger.events.penalty import (
    AccountRemoved,
    AppealAdvanced,
    AppealDenied,
    CaseLinked,
    FeeAdded,
    FineCollected,
    FineDueRecorded,
    FineOverpaymentReturned,
    FinePaid,
    FineReleased,
    FineReturned,
    LeadReferred,
    Measure,
    PenaltyAppealed,
    PenaltyDropped,
    PenaltyFinal,
    PenaltyImposed,
    PenaltyIncreased,
    PenaltyOverturned,
    PenaltyProposed,
    PenaltyPublished,
    PenaltySent,
    PenaltyServed,
    PenaltyVaried,
    SentToCollection,
    TrainingCompleted,
)
from ledger.events.shop import ShopBanned, ShopReinstated, ShopSuspended

Party = Literal["shop", "host", "account", "live", "gang"]
PARTIES = ("shop", "host", "account", "live", "gang")
Instance = Literal["first", "second", "prefecture", "judge"]
Points = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Sequence_ = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1, description="place in the source's own order")]

_DAY_US = 86_400_000_000


class FineDue(NamedTuple):
    """What a deposit still owes of a fine, in minor units; `called`: it is taken as soon as it is there."""

    penalty: str
    currency: str
    due: int
    called: bool


class Penalty(msgspec.Struct, frozen=True, gc=False):
    """What a penalty is now; sums in minor units of `currency`."""

    proposed: bool = False
    dropped: bool = False
    imposed: bool = False
    imposed_at: int = 0
    party: str = ""
    party_id: str = ""
    shop: str = ""
    currency: str = ""
    first: int = 0
    """The fine as it was imposed."""
    fine: int = 0
    """The fine as it stands: increased, or lowered by an instance."""
    increased: int = 0
    """All increases together."""
    amended: int = 0
    """The place, in the source's order, of what the fine follows from."""
    fees: int = 0
    points: int = 0
    measures: tuple[Measure, ...] = ()
    reason: str = ""
    cause: str = ""
    from_deposit: bool = False
    published: bool = False
    sent: bool = False
    served: bool = False
    in_collection: bool = False
    final: bool = False
    trained: bool = False
    collected: int = 0
    """All that the deposit ever paid."""
    paid: int = 0
    """All that was ever paid by bank."""
    restored: int = 0
    """What went back to the deposit."""
    returned: int = 0
    """What was paid back by bank."""
    to_fund: int = 0
    """What was released to the fund, less what came back since."""
    to_platform: int = 0
    """The same of the platform's share."""
    appeals: tuple[str, ...] = ()
    """The instance of each appeal."""
    decided: tuple[str, ...] = ()
    """The instances that have ruled."""
    ruling: str = ""
    """The last ruling: denied, varied or overturned."""
    ruled_by: str = ""
    ruled: int = 0
    """The place of the last ruling in the source's order."""
    accounts: int = 0
    """Accounts removed with a gang, each counted where it was removed first."""
    leads: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    parked: tuple[Waiting, ...] = ()

    @property
    def standing(self) -> bool:
        """Whether it binds: imposed, and not overturned."""
        return self.imposed and self.ruling != "overturned"

    @property
    def due(self) -> int:
        """The fine as it stands and its fees, whatever was paid; of an overturned one as it stood."""
        return self.fine + self.fees

    @property
    def received(self) -> int:
        """All that was ever paid, by deposit and by bank."""
        return self.collected + self.paid

    @property
    def kept(self) -> int:
        """What was paid and not given back."""
        return self.received - self.restored - self.returned

    @property
    def released(self) -> int:
        """What of it the fund and the platform have."""
        return self.to_fund + self.to_platform

    @property
    def held(self) -> int:
        """What of it is held, the balance of `penalty_held`."""
        return self.kept - self.released

    @property
    def excess(self) -> int:
        """What was paid beyond what is due."""
        return max(self.kept - (self.due if self.ruling != "overturned" else 0), 0)

    @property
    def outstanding(self) -> int:
        """What is still to be paid."""
        return max(self.due - self.kept, 0) if self.standing else 0

    @property
    def owed_back(self) -> int:
        """What a ruling made undue and is not returned yet."""
        return self.excess if self.ruling in {"overturned", "varied"} else 0

    @property
    def overpaid(self) -> int:
        """What was paid too much without any ruling."""
        return self.excess - self.owed_back

    @property
    def pending(self) -> tuple[str, ...]:
        """The instances that have not ruled on an appeal yet."""
        return tuple(instance for instance in dict.fromkeys(self.appeals) if instance not in self.decided)

    @property
    def status(self) -> str:
        """One word for people: how far the penalty has come; empty if it is unknown."""
        if not self.imposed:
            return ("dropped" if self.dropped else "proposed") if self.proposed else ""
        if self.ruling == "overturned":
            return "overturned"
        if self.pending:
            return "appealed"
        if self.final:
            done = self.released and not self.outstanding and self.held == self.excess
            return "released" if done else "final"
        if self.due and not self.outstanding:
            return "collected"
        return "published" if self.published else "imposed"

    def measure(self, what: str) -> Measure | None:
        """The measure of this name, if the penalty demands it."""
        return next((measure for measure in self.measures if measure.name == what), None)


INITIAL["penalty"] = Penalty()

_replace = msgspec.structs.replace


@folds(PenaltyProposed)
def _proposed(penalty: Penalty, fact: PenaltyProposed, _recorded: Recorded) -> Penalty:
    return _replace(penalty, proposed=True, **_said(fact))


@folds(PenaltyImposed)
def _imposed(penalty: Penalty, fact: PenaltyImposed, recorded: Recorded) -> Penalty:
    return _replace(
        penalty,
        imposed=True,
        imposed_at=recorded.envelope.effective_at,
        from_deposit=fact.from_deposit,
        parked=without(penalty.parked, "imposed"),
        **_said(fact),
    )


def _said(fact: PenaltyProposed | PenaltyImposed) -> dict[str, Any]:
    return {
        "party": fact.party,
        "party_id": fact.party_id,
        "shop": fact.shop,
        "currency": fact.currency,
        "first": fact.fine,
        "fine": fact.fine,
        "points": fact.points,
        "measures": fact.measures,
        "reason": fact.reason,
        "cause": fact.cause,
    }


_FLAGS: dict[type[Fact], str] = {
    PenaltyDropped: "dropped",
    PenaltyPublished: "published",
    PenaltySent: "sent",
    PenaltyServed: "served",
    SentToCollection: "in_collection",
    PenaltyFinal: "final",
    TrainingCompleted: "trained",
}


@folds(*_FLAGS)
def _flagged(penalty: Penalty, fact: Fact, _recorded: Recorded) -> Penalty:
    return _replace(penalty, **{_FLAGS[type(fact)]: True})


@folds(FeeAdded)
def _fee_added(penalty: Penalty, fact: FeeAdded, _recorded: Recorded) -> Penalty:
    return _replace(penalty, fees=penalty.fees + fact.amount)


def later(sequence: int, last: int) -> bool:
    """Whether something comes behind the last: in the source's order, or as the newest of all."""
    return not sequence or sequence >= last


@folds(PenaltyIncreased)
def _increased(penalty: Penalty, fact: PenaltyIncreased, _recorded: Recorded) -> Penalty:
    if not later(fact.sequence, penalty.amended):
        return penalty
    return _replace(
        penalty,
        fine=fact.total,
        increased=penalty.increased + fact.total - penalty.fine,
        amended=max(fact.sequence, penalty.amended),
    )


@folds(FineCollected)
def _collected(penalty: Penalty, fact: FineCollected, _recorded: Recorded) -> Penalty:
    return _replace(penalty, collected=penalty.collected + fact.amount)


@folds(FinePaid)
def _paid(penalty: Penalty, fact: FinePaid, _recorded: Recorded) -> Penalty:
    return _replace(penalty, paid=penalty.paid + fact.amount)


@folds(FineReturned, FineOverpaymentReturned)
def _returned(penalty: Penalty, fact: Any, _recorded: Recorded) -> Penalty:  # noqa: ANN401 - of both
    return _replace(penalty, returned=penalty.returned + fact.amount)


@folds(FineReleased)
def _released(penalty: Penalty, fact: FineReleased, _recorded: Recorded) -> Penalty:
    return _replace(
        penalty, to_fund=penalty.to_fund + fact.fund, to_platform=penalty.to_platform + fact.platform
    )


@folds(PenaltyAppealed)
def _appealed(penalty: Penalty, fact: PenaltyAppealed, _recorded: Recorded) -> Penalty:
    return _replace(penalty, appeals=(*penalty.appeals, fact.instance), final=False)


folds(AppealAdvanced)(unchanged)


@folds(AppealDenied, PenaltyOverturned, PenaltyVaried)
def _ruled(penalty: Penalty, fact: Any, _recorded: Recorded) -> Penalty:  # noqa: ANN401 - any ruling
    decided = tuple(dict.fromkeys((*penalty.decided, fact.instance)))
    penalty = _replace(penalty, decided=decided)
    if not later(fact.sequence, penalty.ruled):
        return penalty
    ruled = max(fact.sequence, penalty.ruled)
    if isinstance(fact, AppealDenied):
        # A fine that was lowered before stays so: what was denied is to strike or lower it further.
        ruling = "varied" if penalty.ruling == "varied" else "denied"
        return _replace(penalty, ruling=ruling, ruled_by=fact.instance, ruled=ruled)
    back = fact.back
    penalty = _replace(
        penalty,
        ruled_by=fact.instance,
        ruled=ruled,
        restored=penalty.restored + back.to_deposit,
        to_fund=penalty.to_fund - back.fund - back.backstop,
        to_platform=penalty.to_platform - back.platform,
    )
    if isinstance(fact, PenaltyOverturned):
        return _replace(penalty, ruling="overturned", final=False)
    amended = max(fact.sequence, penalty.amended)
    return _replace(penalty, ruling="varied", fine=fact.total, amended=amended)


@folds(AccountRemoved)
def _account_removed(penalty: Penalty, fact: AccountRemoved, _recorded: Recorded) -> Penalty:
    return _replace(penalty, accounts=penalty.accounts + (not fact.again))


@folds(LeadReferred)
def _lead_referred(penalty: Penalty, fact: LeadReferred, _recorded: Recorded) -> Penalty:
    return _replace(penalty, leads=(*penalty.leads, f"{fact.authority} {fact.reference}".strip()))


@folds(CaseLinked)
def _case_linked(penalty: Penalty, fact: CaseLinked, _recorded: Recorded) -> Penalty:
    return _replace(penalty, cases=(*penalty.cases, f"{fact.authority} {fact.case}"))


@folds(FineDueRecorded)
def _due_recorded(shop: Any, fact: FineDueRecorded, _recorded: Recorded) -> Any:  # noqa: ANN401 - a Shop
    dues = {due.penalty: due for due in shop.fines}
    dues[fact.penalty] = FineDue(fact.penalty, fact.currency, fact.due, fact.called)
    return _replace(shop, fines=tuple(due for due in dues.values() if due.due))


class Demand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A measure beside the fine; `days` is how long a suspension lasts, 0 until it is lifted."""

    name: Literal["warning", "training", "removal", "traffic", "suspension", "ban"]
    days: Annotated[int, msgspec.Meta(ge=0, le=36_525)] = 0


class ProposePenalty(Command, kw_only=True):
    """Ask for a penalty. `cause` is the stream of what led to it, such as claim-c1."""

    NAME = "penalties.propose"
    STREAM = "penalty"

    id: Name
    party: Party
    party_id: Name
    shop: OptionalName = ""
    currency: Currency = "CNY"
    fine: Amount = 0
    points: Points = 0
    measures: tuple[Demand, ...] = ()
    reason: Text
    cause: OptionalName = ""


class DropPenalty(Command, kw_only=True):
    """Let a proposal lead to nothing."""

    NAME = "penalties.drop"
    STREAM = "penalty"

    id: Name
    reason: Text


class ImposePenalty(Command, kw_only=True):
    """Impose a penalty, as it was proposed where nothing else is said.

    `shop` is the shop whose deposit answers for the fine; for a penalty on a shop it is that shop.
    """

    NAME = "penalties.impose"
    STREAM = "penalty"

    id: Name
    party: Party | None = None
    party_id: OptionalName = ""
    shop: OptionalName = ""
    currency: Currency | None = None
    fine: Amount | None = None
    points: Points | None = None
    measures: tuple[Demand, ...] | None = None
    reason: Text = ""
    cause: OptionalName = ""

    def touches(self) -> tuple[str, ...]:
        """The shop too, among whose dues the fine will stand."""
        shop = self.shop or (self.party_id if self.party == "shop" else "")
        return (self.stream, f"shop-{shop}") if shop else (self.stream,)


class PublishPenalty(Command, kw_only=True):
    """Enter a penalty in the public register."""

    NAME = "penalties.publish"
    STREAM = "penalty"

    id: Name


class SendPenalty(Command, kw_only=True):
    """Record that the notice was sent, and what sending it adds as a fee."""

    NAME = "penalties.send"
    STREAM = "penalty"

    id: Name
    fee: Amount = 0


class ServePenalty(Command, kw_only=True):
    """Record that the party has received the notice."""

    NAME = "penalties.serve"
    STREAM = "penalty"

    id: Name


class AddFee(Command, kw_only=True):
    """Add a fee to what is due."""

    NAME = "penalties.add-fee"
    STREAM = "penalty"

    id: Name
    amount: Amount
    reason: Text = ""


class IncreasePenalty(Command, kw_only=True):
    """Raise a fine that was not paid in time to a new total, fees apart."""

    NAME = "penalties.increase"
    STREAM = "penalty"

    id: Name
    total: Amount
    sequence: Sequence_ = 0


class SendToCollection(Command, kw_only=True):
    """Have what is unpaid collected by force."""

    NAME = "penalties.send-to-collection"
    STREAM = "penalty"

    id: Name


class CompleteTraining(Command, kw_only=True):
    """Record that the party has passed the training that a penalty demands."""

    NAME = "penalties.complete-training"
    STREAM = "penalty"

    id: Name


class ReferLead(Command, kw_only=True):
    """Hand what was found to an authority."""

    NAME = "penalties.refer-lead"
    STREAM = "penalty"

    id: Name
    authority: Text
    reference: Text = ""


class LinkCase(Command, kw_only=True):
    """Link an authority's own case to a penalty."""

    NAME = "penalties.link-case"
    STREAM = "penalty"

    id: Name
    authority: Text
    case: Text


@decides(ProposePenalty)
def propose(past: Past, command: ProposePenalty) -> Iterator[Item]:
    """A penalty is proposed once; the same again changes nothing."""
    penalty: Penalty = past.state(command.stream)
    fact = PenaltyProposed(
        command.party,
        command.party_id,
        _answers(command.party, command.party_id, command.shop),
        money.currency(command.currency),
        money.amount(command.fine, field="fine"),
        command.points,
        _measures(command.measures),
        command.reason,
        command.cause,
    )
    if not penalty.status:
        yield fact
    elif _said(fact) != {name: getattr(penalty, name) for name in _said(fact)}:
        raise AlreadyExists(f"Penalty {command.id} is {penalty.status} with other content.", field="id")


def _answers(party: str, party_id: str, shop: str) -> str:
    """The shop whose deposit answers for the fine."""
    if party == "shop" and shop not in {"", party_id}:
        raise Malformed(f"The penalty is on shop {party_id}, not {shop}.", field="shop")
    return party_id if party == "shop" else shop


def _measures(demands: tuple[Demand, ...]) -> tuple[Measure, ...]:
    return tuple(Measure(demand.name, demand.days) for demand in demands)


@decides(DropPenalty)
def drop(past: Past, command: DropPenalty) -> Iterator[Item]:
    """What is only proposed can be dropped."""
    penalty: Penalty = past.state(command.stream)
    if not penalty.status:
        raise UnknownPenalty(f"Got {command.id!r}.", field="id")
    if penalty.status == "proposed":
        yield PenaltyDropped(command.reason)
    elif penalty.status != "dropped":
        raise WrongState(f"The penalty is {penalty.status}.", field="id")


@decides(ImposePenalty)
def impose(past: Past, command: ImposePenalty) -> Iterator[Item]:
    """A penalty is imposed once. Its measures follow at once, the fine stands among the shop's dues."""
    penalty: Penalty = past.state(command.stream)
    fact = _to_impose(past, penalty, command)
    if penalty.imposed:
        if _said(fact) != {**{name: getattr(penalty, name) for name in _said(fact)}, "fine": fact.fine}:
            raise AlreadyExists(f"Penalty {command.id} was imposed with other content.", field="id")
        return
    if penalty.dropped:
        raise WrongState("The proposal was dropped.", field="id")
    yield fact
    yield from release(past, for_(penalty.parked, "imposed"))
    yield from restrained(past, command.id)
    yield from due_changed(past, command.id)


def _to_impose(past: Past, penalty: Penalty, command: ImposePenalty) -> PenaltyImposed:
    """The penalty in full; what the command leaves open is as it was proposed or, repeated, imposed."""
    party, party_id = command.party or penalty.party, command.party_id or penalty.party_id
    reason = command.reason or penalty.reason
    for name, value in (("party", party), ("party_id", party_id), ("reason", reason)):
        if not value:
            raise Malformed("Nothing was proposed, so it has to be said.", field=name)
    same = party_id == penalty.party_id
    shop = _answers(party, party_id, command.shop or (penalty.shop if same else ""))
    fine = penalty.first if command.fine is None else command.fine
    measures = penalty.measures if command.measures is None else _measures(command.measures)
    return PenaltyImposed(
        party,
        party_id,
        shop,
        money.currency(command.currency or penalty.currency or "CNY"),
        money.amount(fine, field="fine"),
        penalty.points if command.points is None else command.points,
        measures,
        reason,
        command.cause or penalty.cause,
        # A report names shops that may be known elsewhere only, where the fine is paid too.
        bool(shop) and (not past.reported or bool(past.state(f"shop-{shop}").status)),
    )


# What suspends, bans and reinstates whom; accounts, sessions and gangs have no standing of their own.
_STANDING: dict[str, tuple[type[Fact], type[Fact], type[Fact]]] = {
    "shop": (ShopSuspended, ShopBanned, ShopReinstated),
    "host": (HostSuspended, HostBanned, HostReinstated),
}


def restrained(past: Past, id_: str) -> Iterator[On]:
    """Suspend or ban the shop or host as a standing penalty says, under the penalty's name."""
    penalty: Penalty = past.state(f"penalty-{id_}")
    if penalty.party not in _STANDING or not penalty.standing:
        return
    stream = f"{penalty.party}-{penalty.party_id}"
    suspended, banned, _ = _STANDING[penalty.party]
    if suspension := penalty.measure("suspension"):
        until = past.moment + suspension.days * _DAY_US if suspension.days else None
        yield On(stream, suspended(id_, penalty.reason, until))
    if penalty.measure("ban"):
        yield On(stream, banned(id_, penalty.reason))
    if penalty.party == "shop":
        yield from lapsed(past, penalty.party_id)


def reinstated(past: Past, id_: str, reason: str) -> Iterator[On]:
    """Lift what a penalty that no longer stands had led to."""
    penalty: Penalty = past.state(f"penalty-{id_}")
    if penalty.party in _STANDING and not penalty.standing:
        stream = f"{penalty.party}-{penalty.party_id}"
        if any(restraint.cause == id_ for restraint in past.state(stream).restraints):
            yield On(stream, _STANDING[penalty.party][2](id_, reason))


def due_changed(past: Past, id_: str, *, called: bool = False) -> Iterator[On]:
    """Tell the shop what its deposit now owes of a fine, if that is another sum than before."""
    penalty: Penalty = past.state(f"penalty-{id_}")
    if not penalty.from_deposit:
        return
    stream = f"shop-{penalty.shop}"
    known = next((due for due in past.state(stream).fines if due.penalty == id_), None)
    called = called or (known is not None and known.called)
    new = FineDue(id_, penalty.currency, penalty.outstanding, called)
    if new != known and (new.due or known is not None):
        yield On(stream, FineDueRecorded(*new))


def binding(past: Past, command: Command) -> Penalty | None:
    """The imposed penalty of a command; None for a report that has to wait for it."""
    penalty: Penalty = past.state(command.stream)
    if penalty.imposed:
        return penalty
    if past.reported:
        return None
    if not penalty.status:
        raise UnknownPenalty(f"Got {command.id!r}.", field="id")
    raise WrongState(f"The penalty is {penalty.status}, not imposed.", field="id")


def wait(past: Past, command: Command) -> Iterator[Item]:
    """Park a report until its penalty is imposed."""
    yield from park(past, command, command.stream, "imposed")


def check_stands(past: Past, penalty: Penalty) -> None:
    """Refuse what makes sense only while a penalty binds; a report of it is recorded all the same."""
    if not penalty.standing and not past.reported:
        raise WrongState("The penalty was overturned.", field="id")


@decides(PublishPenalty)
def publish(past: Past, command: PublishPenalty) -> Iterator[Item]:
    """An imposed penalty is published once."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif not penalty.published:
        check_stands(past, penalty)
        yield PenaltyPublished()


@decides(SendPenalty)
def send(past: Past, command: SendPenalty) -> Iterator[Item]:
    """A notice is sent once; a source may report that it was sent again, with another fee."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    if penalty.sent and not past.reported:
        return
    check_stands(past, penalty)
    yield PenaltySent()
    if command.fee:
        yield FeeAdded(penalty.currency, money.amount(command.fee, field="fee"), "sending")
        yield from due_changed(past, command.id)


@decides(ServePenalty)
def serve(past: Past, command: ServePenalty) -> Iterator[Item]:
    """A notice is served once."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif not penalty.served:
        yield PenaltyServed()


@decides(AddFee)
def add_fee(past: Past, command: AddFee) -> Iterator[Item]:
    """A fee is added to a penalty that stands."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    yield FeeAdded(penalty.currency, positive(command.amount), command.reason)
    yield from due_changed(past, command.id)


@decides(IncreasePenalty)
def increase(past: Past, command: IncreasePenalty) -> Iterator[Item]:
    """What is unpaid rises to a higher total; a report of any total is recorded, the last one counts."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    total = money.amount(command.total, field="total")
    if past.reported:
        superseded = not later(command.sequence, penalty.amended)
        marks = ("superseded",) if superseded else ()
        yield PenaltyIncreased(penalty.currency, total, command.sequence, marks)
    elif total != penalty.fine:
        if total < penalty.fine:
            raise InvalidAmount(f"The fine is {penalty.fine} already; an appeal may lower it.", field="total")
        if not penalty.outstanding:
            raise WrongState("The fine is paid.", field="id")
        yield PenaltyIncreased(penalty.currency, total)
    yield from due_changed(past, command.id)


@decides(SendToCollection)
def send_to_collection(past: Past, command: SendToCollection) -> Iterator[Item]:
    """What is unpaid is handed over once."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif not penalty.in_collection:
        if not penalty.outstanding and not past.reported:
            raise WrongState("Nothing is unpaid.", field="id")
        yield SentToCollection()


def positive(amount: int) -> int:
    """A sum that moves; raises InvalidAmount."""
    if amount <= 0:
        raise InvalidAmount(f"There is nothing to move: {amount}.", field="amount")
    return money.amount(amount)


@decides(CompleteTraining)
def complete_training(past: Past, command: CompleteTraining) -> Iterator[Item]:
    """Training that was demanded is completed once."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif not penalty.trained:
        if not penalty.measure("training") and not past.reported:
            raise WrongState("The penalty demands no training.", field="id")
        yield TrainingCompleted()


@decides(ReferLead)
def refer_lead(past: Past, command: ReferLead) -> Iterator[Item]:
    """A lead may be referred as soon as a penalty is proposed, once to each authority and reference."""
    penalty = _known(past, command)
    if f"{command.authority} {command.reference}".strip() not in penalty.leads:
        yield LeadReferred(command.authority, command.reference)


@decides(LinkCase)
def link_case(past: Past, command: LinkCase) -> Iterator[Item]:
    """A case is linked once."""
    penalty = _known(past, command)
    if f"{command.authority} {command.case}" not in penalty.cases:
        yield CaseLinked(command.authority, command.case)


def _known(past: Past, command: Command) -> Penalty:
    penalty: Penalty = past.state(command.stream)
    if not penalty.status:
        raise UnknownPenalty(f"Got {command.id!r}.", field="id")
    return penalty
