"""Facts of a review (`review-{id}`): the invitation, what the buyer says of a line, and what is answered."""

from __future__ import annotations

from ledger.events.base import Fact


class ReviewInvited(Fact):
    """The buyer of an order was asked to review one of its lines (from 1)."""

    TOPIC = "review-invited"

    order: str
    line: int
    shop: str
    host: str
    buyer: str
    marks: tuple[str, ...] = ()


class ReviewSubmitted(Fact):
    """The buyer of an order reviewed one of its lines (from 1).

    Ratings are 1 to 5, 0 where nothing was rated. The text is not in the ledger, `digest` is its SHA-256 in
    hexadecimal ("" if there is none). How many orders the buyer had before is not said here: it follows from
    the orders. With the mark `again` the line had been reviewed before, with `not_the_buyer` somebody else
    wrote it: such a review counts nowhere.
    """

    TOPIC = "review-submitted"

    order: str
    line: int
    shop: str
    host: str
    buyer: str
    quality: int
    service: int = 0
    logistics: int = 0
    content: int = 0
    welfare: int = 0
    digest: str = ""
    marks: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the review is the line's own, and the buyer's."""
        return "again" not in self.marks and "not_the_buyer" not in self.marks


class ReviewAnswered(Fact):
    """The shop or the host (`by`: shop or host) answered; `digest` is the SHA-256 of the text."""

    TOPIC = "review-answered"

    by: str
    digest: str
    marks: tuple[str, ...] = ()
