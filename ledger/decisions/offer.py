"""Articles on offer: which of them a lab appraises before they go to the buyer, as buyers see beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ledger.decisions.base import INITIAL, Command, Item, Name, Past, Text, decides, folds
from ledger.decisions.standing import Shop
from ledger.errors import InvalidIdentifier, WrongState
from ledger.events.base import Recorded
from ledger.events.offer import OfferMarked, OfferUnmarked

AUTHENTICITY = "official-authenticity"
"""The benefit whose orders go to the warehouse, if their offer is marked."""

OfferId = Annotated[
    str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f:]{1,128}:[^\s\x00-\x1f\x7f]{1,128}$(?!\n)")
]


class Offer(msgspec.Struct, frozen=True):
    """Since when, and until when, an article's orders go to the warehouse: UTC microseconds."""

    marks: tuple[tuple[int, int | None], ...] = ()

    def marked(self, moment: int) -> bool:
        """Whether an order paid at this moment goes to the warehouse."""
        return any(since <= moment and (until is None or moment < until) for since, until in self.marks)


INITIAL["offer"] = Offer()


@folds(OfferMarked)
def _marked(offer: Offer, _fact: OfferMarked, recorded: Recorded) -> Offer:
    return Offer((*offer.marks, (recorded.envelope.effective_at, None)))


@folds(OfferUnmarked)
def _unmarked(offer: Offer, _fact: OfferUnmarked, recorded: Recorded) -> Offer:
    *before, (since, _) = offer.marks
    return Offer((*before, (since, max(since, recorded.envelope.effective_at))))


class MarkOffer(Command, kw_only=True):
    """Let an article's orders go to a lab's warehouse before they go to the buyer; `id` is shop:article."""

    NAME = "offers.mark"
    STREAM = "offer"

    id: OfferId
    lab: Name
    said: Text = ""


class UnmarkOffer(Command, kw_only=True):
    """Let an article's orders go to the buyer directly from now on; those paid before are still appraised."""

    NAME = "offers.unmark"
    STREAM = "offer"

    id: OfferId
    reason: Text = ""


@decides(MarkOffer)
def mark(past: Past, command: MarkOffer) -> Iterator[Item]:
    """Only a shop whose orders carry the benefit marks its offers."""
    id_, _, article = command.id.partition(":")
    if not (id_ and article):
        raise InvalidIdentifier(f"Got {command.id!r}, not shop:article.", field="id")
    offer: Offer = past.state(command.stream)
    if offer.marks and offer.marks[-1][1] is None:
        return
    shop: Shop = past.state(f"shop-{id_}")
    if AUTHENTICITY not in shop.offers(past.moment) and not past.reported:
        raise WrongState(f"Shop {id_} has not opened {AUTHENTICITY}.", field="id")
    yield OfferMarked(command.lab, command.said)


@decides(UnmarkOffer)
def unmark(past: Past, command: UnmarkOffer) -> Iterator[Item]:
    """A marked offer is unmarked once."""
    offer: Offer = past.state(command.stream)
    if offer.marks and offer.marks[-1][1] is None:
        yield OfferUnmarked(command.reason)


def marked(past: Past, shop: str, article: str, moment: int) -> bool:
    """Whether orders of an article paid at a moment (UTC microseconds) go to the warehouse.

    A shop that never opened the benefit costs no more than a look at what is known of it.
    """
    openings = past.state(f"shop-{shop}").benefits
    if not any(opening.benefit == AUTHENTICITY for opening in openings):
        return False
    offer: Offer = past.state(f"offer-{shop}:{article}")
    return offer.marked(moment)
