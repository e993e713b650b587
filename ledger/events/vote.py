"""The fact of a worth-it vote (`vote-{id}`)."""

from __future__ import annotations

from ledger.events.base import Fact


class WorthVoteCast(Fact):
    """A user said whether an article of a shop is worth its price.

    `item` is the article's SKU. A user votes once on an article: with the mark `already_voted` another vote
    counts, not this one.
    """

    TOPIC = "worth-vote-cast"

    item: str
    shop: str
    user: str
    worth: bool
    marks: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is the user's own vote on the article."""
        return not self.marks
