"""Stories of worth-it votes: a user votes once on an article, and accounts that were removed do not."""

import pytest

from ledger.decisions.brushing import RemoveAccounts
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.vote import CastVote, Vote
from ledger.errors import AccountGone, AlreadyExists, AlreadyVoted
from ledger.events.vote import WorthVoteCast
from tests.ledger.stories import Ledger, Reported, Row, but, stories, tell

NOTHING = ()
VOTE = CastVote(id="w1", item="cup", shop="s1", user="u1", worth=False)
SECOND = but(VOTE, id="w2", worth=True)
GANG = (
    ImposePenalty(id="g1", party="gang", party_id="gang-1", reason="brushing"),
    RemoveAccounts(id="g1", accounts=("u1",)),
)

VOTES: dict[str, Row] = {
    "a vote":                       ((), VOTE,                          [WorthVoteCast("cup", "s1", "u1", False)]),
    "the same again":               ((VOTE,), VOTE,                     NOTHING),
    "under its name another":       ((VOTE,), but(VOTE, worth=True),    AlreadyExists),
    "a second vote":                ((VOTE,), SECOND,                   AlreadyVoted),
    "a report of a second vote":    ((VOTE,), Reported(SECOND),         [WorthVoteCast("cup", "s1", "u1", True, ("already_voted",))]),
    "on another article":           ((VOTE,), but(SECOND, item="pot"),  [WorthVoteCast("pot", "s1", "u1", True)]),
    "of another shop":              ((VOTE,), but(SECOND, shop="s2"),   [WorthVoteCast("cup", "s2", "u1", True)]),
    "by another user":              ((VOTE,), but(SECOND, user="u2"),   [WorthVoteCast("cup", "s1", "u2", True)]),
    "an account that was removed":  (GANG, VOTE,                        AccountGone),
    "a report of its vote":         (GANG, Reported(VOTE),              [WorthVoteCast("cup", "s1", "u1", False, ("account_gone",))]),
}  # fmt: skip


@stories(VOTES)
def test_votes(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize("other", [
    but(SECOND, shop="s1/cup", item="x", user="u1"),
    but(SECOND, shop="s1", item="cup/u1", user="u1"),
    but(SECOND, shop="s1", item="cup", user="cup/u1"),
])  # fmt: skip
def test_no_name_runs_into_the_next(other):
    ledger = Ledger((VOTE, other))
    assert [isinstance(each.fact, WorthVoteCast) and each.fact.counts for each in ledger.memory.facts] == [
        True
    ] * 2


def test_a_vote_without_effect_leaves_the_user_free_to_vote():
    ledger = Ledger((*GANG, Reported(VOTE)))
    assert ledger.used().get("voted/s1 cup u1") is None
    assert Ledger((SECOND,)).state("vote-w2") == Vote("cup", "s1", "u1", True)
