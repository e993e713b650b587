"""What lies behind a figure: the parts it is made of, the claims and terms that decided it, the facts."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from api.figures import Explanation, FigureCause, FigurePart, Question, Reckoning, behind
from api.merits import OF_SHOPS, explain_host
from api.reputation import explain_index
from ledger import codec, time
from ledger.books import Clocks
from ledger.errors import Missing
from ledger.events.base import Recorded
from ledger.events.claim import ClaimFiled, ClaimFunded, ClaimUpheld, CompensationCancelled, Parts
from ledger.events.incident import IncidentCompensationGranted, IncidentDeclared
from ledger.store.database import Database
from projections.cards import CardView, Owed, card_view
from projections.pet_fund import SOURCES, USES, dues, fund_view, holders, movements
from projections.streams import facts_of

FIGURES = (
    "fund/available",
    "fund/reserved",
    "fund/held",
    "fund/recourse",
    "fund/due",
    "fund/in/SOURCE",
    "fund/out/USE",
    "card:BUYER/compensation",
    "card:BUYER/compensation/pending",
    "card:BUYER/compensation/payable",
    "card:BUYER/compensation/paid",
    "claim:ID/compensation",
    "shop:ID/index",
    "shop:ID/experience",
    "shop:ID/badge/BADGE",
    "shop:ID/traffic",
    "host:ID/index",
)
"""What can be explained."""


class UnknownFigure(Missing):
    """There is no such figure.

    `assurance explain --help` lists those that can be explained.
    """

    code = "unknown_figure"


def explain(
    database: Database,
    figure: str,
    *,
    currency: str = "CNY",
    clocks: Clocks,
    moment: int,
    limit: int = 100,
    day: int | None = None,
) -> Explanation:
    """Explain a figure of FIGURES; raises UnknownFigure, and what the view it is from raises.

    A figure that is reckoned for a day is that of `day` (days since 1970), else of the as-of time, else of
    `moment`; all others take no day.
    """
    if day is None:
        day = time.local_day(moment if clocks.as_of is None else clocks.as_of, time.HOME_OFFSET)
    question = Question(database, currency, clocks, moment, limit, day)
    subject, _, rest = figure.partition("/")
    kind, _, id_ = subject.partition(":")
    found = _KINDS.get(kind)
    answer = found(question, id_, rest) if found else None
    if answer is None:
        raise UnknownFigure(f"Got {figure!r}.", field="figure")
    answer.figure = figure
    return answer


def _fund(question: Question, id_: str, figure: str) -> Explanation | None:
    what, _, name = figure.partition("/")
    if id_ or (bool(name) != (what in {"in", "out"})):
        return None
    match what:
        case "available":
            return _available(question)
        case "due":
            return _due(question)
        case "reserved" | "held" | "recourse":
            return _held(question, what)
        case "in" | "out":
            return _moved(question, name, came=what == "in")
        case _:
            return None


def _available(question: Question) -> Explanation:
    view = fund_view(question.database, question.currency, question.clocks)
    parts = [FigurePart(name, amount, f"fund/in/{name}") for name, amount in view.came.items()]
    parts += [FigurePart(name, -amount, f"fund/out/{name}") for name, amount in view.went.items()]
    means = "What the pet fund can still spend: all that came into it less all that it was spent on."
    return Explanation(figure="", currency=question.currency, amount=view.available, means=means, parts=parts)


def _due(question: Question) -> Explanation:
    waiting = dues(question.database, question.currency, question.clocks)
    parts = [
        FigurePart(due.claim, due.amount, "" if "/" in due.claim else f"claim:{due.claim}/compensation")
        for due in waiting
    ]
    means = "What upheld claims and approved batches wait for, in the order in which it will be paid."
    amount = sum(due.amount for due in waiting)
    return Explanation(figure="", currency=question.currency, amount=amount, means=means, parts=parts)


_HELD = {
    "reserved": ("pet_fund_reserved", "incident/", "What approved batches of incidents may still grant."),
    "held": ("penalty_held", "penalty/", "Fines that were paid and are not decided for good."),
    "recourse": ("fund_recourse_claim", "shop/", "What the fund paid in the place of shops, which owe it."),
}


def _held(question: Question, what: str) -> Explanation:
    kind, prefix, means = _HELD[what]
    found = holders(question.database, kind, question.currency, question.clocks)
    parts = [FigurePart(f"{prefix}{party}", balance) for party, balance in found]
    amount = sum(balance for _, balance in found)
    return Explanation(figure="", currency=question.currency, amount=amount, means=means, parts=parts)


def _moved(question: Question, name: str, *, came: bool) -> Explanation | None:
    view = fund_view(question.database, question.currency, question.clocks)
    moved = view.came if came else view.went
    if name not in moved and name not in (SOURCES if came else USES).values():
        return None
    found = movements(
        question.database,
        name,
        came=came,
        currency=question.currency,
        clocks=question.clocks,
        limit=question.limit + 1,
    )
    listed = [behind(each.recorded, each.amount) for each in found[: question.limit]]
    means = (
        f"What {name.replace('_', ' ')} {'brought to' if came else 'took from'} the pet fund, newest first."
    )
    return Explanation(
        figure="",
        currency=question.currency,
        amount=moved.get(name, 0),
        means=means,
        facts=listed,
        more=len(found) > question.limit,
    )


_BALANCES: dict[str, tuple[str, Callable[[Owed], int]]] = {
    "pending": ("Compensation that was decided and is not yet funded.", attrgetter("pending")),
    "payable": ("What the buyer's account holds: funded and not on its way.", attrgetter("payable")),
    "paid": ("Compensation that was sent to the buyer and did not fail.", attrgetter("sent")),
}


def _card(question: Question, id_: str, figure: str) -> Explanation | None:
    what, _, balance = figure.partition("/")
    if not id_ or what != "compensation" or (balance and balance not in _BALANCES):
        return None
    view = card_view(question.database, id_, question.moment, question.currency, question.clocks)
    if not balance:
        amounts = {"pending": view.pending, "payable": view.payable, "paid": view.paid}
        parts = [
            FigurePart(name, amount, f"card:{id_}/compensation/{name}") for name, amount in amounts.items()
        ]
        means = "All compensation of the buyer: pending, payable and paid."
        owed_for = view.owed
    else:
        means, reckon = _BALANCES[balance]
        owed_for = tuple(owed for owed in view.owed if reckon(owed))
        parts = [FigurePart(owed.cause, reckon(owed), _figure(owed)) for owed in owed_for]
    return Explanation(
        figure="",
        currency=question.currency,
        amount=sum(part.amount for part in parts),
        means=means,
        parts=parts,
        causes=[_cause(question, view, owed) for owed in owed_for],
    )


def _figure(owed: Owed) -> str:
    what, _, id_ = owed.cause.partition("/")
    return f"claim:{id_}/compensation" if what == "claim" else ""


def _cause(question: Question, view: CardView, owed: Owed) -> FigureCause:
    what, _, id_ = owed.cause.partition("/")
    streams = (f"claim-{id_}",) if what == "claim" else (f"incident-{id_}", f"member-{id_}:{view.buyer}")
    with question.database.snapshot() as connection:
        told = facts_of(connection, question.database, streams, question.clocks)
    cause = FigureCause(owed.cause, "", "", "", [], [], owed.decided, owed.funded, owed.sent, {}, [])
    for recorded in told:
        _tell(cause, recorded)
    return cause


def _tell(cause: FigureCause, recorded: Recorded) -> None:
    """Add what one fact says of how a sum was decided and who bore it."""
    match recorded.fact:
        case ClaimFiled(benefit=benefit, version=version):
            cause.benefit, cause.version = benefit, version
        case ClaimUpheld() as fact:
            cause.version, cause.basis, cause.law = fact.version, fact.basis, list(fact.law)
            cause.trace += [Reckoning(step.name, step.expression, step.value) for step in fact.trace]
        case ClaimFunded(parts=parts):
            _bore(cause, parts, 1)
        case CompensationCancelled(parts=parts):
            _bore(cause, parts, -1)
        case IncidentDeclared() as fact:
            cause.benefit, cause.version, cause.basis = "incident", fact.version, "contract"
            cause.trace = [Reckoning(f"incident {fact.version}", str(fact.amount), fact.amount)]
        case IncidentCompensationGranted(amount=amount):
            cause.payers = {"fund": amount}
        case _:
            return
    cause.facts.append(recorded.position)


def _bore(cause: FigureCause, parts: Parts, sign: int) -> None:
    for payer, amount in codec.plain(parts).items():
        left = cause.payers.get(payer, 0) + sign * amount
        if left:
            cause.payers[payer] = left
        else:
            cause.payers.pop(payer, None)


def _claim(question: Question, id_: str, figure: str) -> Explanation | None:
    if not id_ or figure != "compensation":
        return None
    with question.database.snapshot() as connection:
        told = facts_of(connection, question.database, (f"claim-{id_}",), question.clocks)
    filed = next((each.fact for each in told if isinstance(each.fact, ClaimFiled)), None)
    if filed is None:
        return None
    question = question._replace(currency=filed.currency)
    view = card_view(question.database, filed.buyer, question.moment, filed.currency, question.clocks)
    found = [owed for owed in view.owed if owed.cause == f"claim/{id_}"]
    causes = [_cause(question, view, owed) for owed in found]
    return Explanation(
        figure="",
        currency=filed.currency,
        amount=sum(owed.decided for owed in found),
        means="The compensation that was decided: beside the refund, by the terms and the law.",
        causes=causes,
    )


_OF_SHOPS: dict[str, Callable[[Question, str], Explanation]] = {
    "index": explain_index,
    **OF_SHOPS,
}


def _shop(question: Question, id_: str, figure: str) -> Explanation | None:
    found = _OF_SHOPS.get(figure)
    return found(question, id_) if found and id_ else None


def _host(question: Question, id_: str, figure: str) -> Explanation | None:
    return explain_host(question, id_) if id_ and figure == "index" else None


_KINDS: dict[str, Callable[[Question, str, str], Explanation | None]] = {
    "fund": _fund,
    "card": _card,
    "claim": _claim,
    "shop": _shop,
    "host": _host,
}
