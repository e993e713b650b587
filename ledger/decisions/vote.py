"""Worth-it votes: a user says once whether an article of a shop is worth its price."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions.base import INITIAL, Command, Item, Name, Past, decides, folds
from ledger.errors import AccountGone, AlreadyExists, AlreadyVoted
from ledger.events.base import Recorded
from ledger.events.vote import WorthVoteCast


class Vote(msgspec.Struct, frozen=True, gc=False):
    """What a vote says; `user` is empty while it is unknown."""

    item: str = ""
    shop: str = ""
    user: str = ""
    worth: bool = False


INITIAL["vote"] = Vote()


@folds(WorthVoteCast)
def _cast(_vote: Vote, fact: WorthVoteCast, _recorded: Recorded) -> Vote:
    return Vote(fact.item, fact.shop, fact.user, fact.worth)


class CastVote(Command, kw_only=True):
    """Say whether an article of a shop (`item`, its SKU) is worth its price."""

    NAME = "votes.cast"
    STREAM = "vote"

    id: Name
    item: Name
    shop: Name
    user: Name
    worth: bool


def check_there(past: Past, user: str) -> tuple[str, ...]:
    """Refuse a user whose account was removed with a gang; a mark for a report of it."""
    if not past.used(f"removed/{user}"):
        return ()
    if not past.reported:
        raise AccountGone(f"Got {user!r}.", field="user")
    return ("account_gone",)


@decides(CastVote)
def cast(past: Past, command: CastVote) -> Iterator[Item]:
    """A user votes once on an article; of what others report the first vote counts."""
    vote: Vote = past.state(command.stream)
    asked = Vote(command.item, command.shop, command.user, command.worth)
    if vote == asked:
        return
    if vote.user:
        raise AlreadyExists(f"Vote {command.id} is that of {vote.user} on {vote.item}.", field="id")
    marks = check_there(past, command.user)
    if past.used(f"voted/{command.shop} {command.item} {command.user}"):
        if not past.reported:
            raise AlreadyVoted(f"{command.user} on {command.item} of {command.shop}.", field="user")
        marks = (*marks, "already_voted")
    yield WorthVoteCast(command.item, command.shop, command.user, command.worth, marks)
