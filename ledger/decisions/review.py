"""Reviews: the buyer of an order is asked for one, writes it, and the shop or the host answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from ledger.decisions.appraisal import Digest, OptionalDigest
from ledger.decisions.base import (
    INITIAL,
    Command,
    Count,
    Item,
    Name,
    OptionalName,
    OrderId,
    Past,
    decides,
    folds,
)
from ledger.decisions.order import Order
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.errors import (
    AlreadyExists,
    InvalidAmount,
    Malformed,
    NotTheBuyer,
    UnknownOrder,
    UnknownReview,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.review import ReviewAnswered, ReviewInvited, ReviewSubmitted

Rating = Annotated[int, msgspec.Meta(ge=0, le=5, description="1 to 5, 0: not rated")]
Answerer = Literal["shop", "host"]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Who answered (shop or host), and the digest of the words."""

    by: str
    digest: str


class Review(msgspec.Struct, frozen=True, gc=False):
    """What a review is now; `ratings` are quality, service, logistics, content and welfare."""

    order: str = ""
    line: int = 0
    shop: str = ""
    host: str = ""
    buyer: str = ""
    invited: bool = False
    submitted: bool = False
    ratings: tuple[int, ...] = ()
    digest: str = ""
    marks: tuple[str, ...] = ()
    """Those of what was submitted."""
    answers: tuple[Answer, ...] = ()
    parked: tuple[Waiting, ...] = ()

    @property
    def status(self) -> str:
        """One word: empty while it is unknown, invited, submitted or answered."""
        if self.answers:
            return "answered"
        return "submitted" if self.submitted else "invited" if self.invited else ""


INITIAL["review"] = Review()


@folds(ReviewInvited)
def _invited(review: Review, fact: ReviewInvited, _recorded: Recorded) -> Review:
    return msgspec.structs.replace(review, invited=True, **_of(fact))


@folds(ReviewSubmitted)
def _submitted(review: Review, fact: ReviewSubmitted, _recorded: Recorded) -> Review:
    return msgspec.structs.replace(
        review,
        submitted=True,
        ratings=(fact.quality, fact.service, fact.logistics, fact.content, fact.welfare),
        digest=fact.digest,
        marks=fact.marks,
        parked=without(review.parked, "submitted"),
        **_of(fact),
    )


def _of(fact: ReviewInvited | ReviewSubmitted) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in ("order", "line", "shop", "host", "buyer")}


@folds(ReviewAnswered)
def _answered(review: Review, fact: ReviewAnswered, _recorded: Recorded) -> Review:
    return msgspec.structs.replace(review, answers=(*review.answers, Answer(fact.by, fact.digest)))


class InviteReview(Command, kw_only=True):
    """Ask the buyer of an order to review one of its lines."""

    NAME = "reviews.invite"
    STREAM = "review"

    id: Name
    order: OrderId
    line: Count = 1

    def touches(self) -> tuple[str, ...]:
        """The review and its order."""
        return (self.stream, f"order-{self.order}")


class SubmitReview(Command, kw_only=True):
    """Review a line of an order, invited or not; `digest` is the SHA-256 of the words.

    `buyer` is who writes it, by default the buyer of the order: nobody else may.
    """

    NAME = "reviews.submit"
    STREAM = "review"

    id: Name
    order: OrderId
    line: Count = 1
    buyer: OptionalName = ""
    quality: Rating = 0
    service: Rating = 0
    logistics: Rating = 0
    content: Rating = 0
    welfare: Rating = 0
    digest: OptionalDigest = ""

    def touches(self) -> tuple[str, ...]:
        """The review and its order."""
        return (self.stream, f"order-{self.order}")


class AnswerReview(Command, kw_only=True):
    """Answer a review for its shop or for its host; `digest` is the SHA-256 of the words."""

    NAME = "reviews.answer"
    STREAM = "review"

    id: Name
    by: Answerer = "shop"
    digest: Digest


def order_of(past: Past, order_id: str, parent: Literal["placed", "paid"]) -> Order | None:
    """The order that something is said of, once it is placed or paid; None for a report that has to wait."""
    order: Order = past.state(f"order-{order_id}")
    if order.placed if parent == "placed" else order.paid:
        return order
    if past.reported:
        return None
    if not order.placed:
        raise UnknownOrder(f"Got {order_id!r}.", field="order")
    raise WrongState(f"The order is {order.status}, not paid.", field="order")


def line_of(past: Past, order_id: str, number: int) -> tuple[str, ...]:
    """Refuse a line that the order does not have, or an order that is struck; marks for a report of it.

    Line 0 stands for the whole order.
    """
    order: Order = past.state(f"order-{order_id}")
    marks: tuple[str, ...] = ()
    if number > len(order.lines):
        if not past.reported:
            raise InvalidAmount(f"The order has {len(order.lines)} lines, not {number}.", field="line")
        marks = ("unknown_line",)
    if order.voided or order.cancelled:
        if not past.reported:
            raise WrongState(f"The order is {order.status}.", field="order")
        marks = (*marks, "out_of_order")
    return marks


def buyer_of(past: Past, order_id: str, buyer: str) -> tuple[str, tuple[str, ...]]:
    """Who speaks of an order: its buyer, or with a mark whom a report names; raises NotTheBuyer."""
    bought: str = past.state(f"order-{order_id}").buyer
    if buyer in {"", bought}:
        return bought, ()
    if not past.reported:
        raise NotTheBuyer(f"It is not {buyer}.", field="buyer")
    return buyer, ("not_the_buyer",)


def _check_same(review: Review, command: InviteReview | SubmitReview) -> None:
    """A review is of one line for ever."""
    if review.status and (review.order, review.line) != (command.order, command.line):
        detail = f"Review {command.id} is of line {review.line} of {review.order}."
        raise AlreadyExists(detail, field="id")


@decides(InviteReview)
def invite(past: Past, command: InviteReview) -> Iterator[Item]:
    """The buyer of a paid order is asked once for each line, while there is no review of it."""
    review: Review = past.state(command.stream)
    _check_same(review, command)
    if review.invited:
        return
    order = order_of(past, command.order, "paid")
    if order is None:
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    marks = line_of(past, command.order, command.line)
    if not order.buyer and not past.reported:
        raise WrongState("Nobody knows the buyer of the order.", field="order")
    line = f"{command.order}/{command.line}"
    invited, reviewed = past.used_of([f"invited/{line}", f"reviewed/{line}"])
    if invited or (reviewed and not past.reported):
        if not past.reported:
            raise AlreadyExists(f"Line {command.line} has its {_named(reviewed)}.", field="line")
        marks = (*marks, "again")
    yield ReviewInvited(command.order, command.line, order.shop, order.host, order.buyer, marks)


def _named(reviewed: int) -> str:
    return "review" if reviewed else "invitation"


@decides(SubmitReview)
def submit(past: Past, command: SubmitReview) -> Iterator[Item]:
    """The buyer who has the goods reviews a line once; a report may bring a review before the delivery."""
    review: Review = past.state(command.stream)
    _check_same(review, command)
    ratings = command.quality, command.service, command.logistics, command.content, command.welfare
    if not any(ratings) and not command.digest:
        raise Malformed("Nothing is rated, and there are no words.", field="quality")
    order = order_of(past, command.order, "paid")
    if order is None:
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    buyer, marks = buyer_of(past, command.order, command.buyer)
    if review.submitted:
        if (review.buyer, review.ratings, review.digest) == (buyer, ratings, command.digest):
            return
        raise AlreadyExists(f"Review {command.id} was submitted with other content.", field="id")
    marks += line_of(past, command.order, command.line)
    if not (order.received_at or order.settled or order.closed):
        if not past.reported:
            raise WrongState(f"The order is {order.status}: the goods are not there yet.", field="order")
        marks = (*dict.fromkeys((*marks, "out_of_order")),)
    if past.used(f"reviewed/{command.order}/{command.line}"):
        if not past.reported:
            raise AlreadyExists(f"Line {command.line} has its review.", field="line")
        marks = (*marks, "again")
    who = order.shop, order.host, buyer
    yield ReviewSubmitted(command.order, command.line, *who, *ratings, command.digest, marks)
    yield from release(past, for_(review.parked, "submitted"))


@decides(AnswerReview)
def answer(past: Past, command: AnswerReview) -> Iterator[Item]:
    """Shop and host answer a review once each; a report of an answer may wait for it."""
    review: Review = past.state(command.stream)
    if not review.submitted:
        if past.reported:
            yield from park(past, command, command.stream, "submitted")
            return
        if not review.status:
            raise UnknownReview(f"Got {command.id!r}.", field="id")
        raise WrongState("The review is invited, not submitted.", field="id")
    if Answer(command.by, command.digest) in review.answers:
        return
    marks: tuple[str, ...] = ()
    if any(each.by == command.by for each in review.answers):
        if not past.reported:
            raise AlreadyExists(f"The {command.by} has answered.", field="by")
        marks = ("again",)
    if not getattr(review, command.by):
        if not past.reported:
            raise WrongState(f"The order was sold without a {command.by}.", field="by")
        marks = (*marks, "host_unknown")
    yield ReviewAnswered(command.by, command.digest, marks)
