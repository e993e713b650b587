"""Facts that read models leave out: each once, each with a reason, each one that exists."""

import msgspec
import pytest

from ledger.decisions.projection import SkipFact
from ledger.errors import UnknownPosition, WrongState
from ledger.events.projection import FactSkipped
from tests.ledger.stories import PAID, Ledger, stories, tell

SKIP = SkipFact(id="refunds", position=2, reason="its fold stops there")


@stories({
    "a fact":                     (PAID, SKIP, [FactSkipped("refunds", 2, "its fold stops there")]),
    "the same again":             ([*PAID, SKIP], SKIP, WrongState),
    "the same for another":       ([*PAID, SKIP], SkipFact(id="cards", position=2, reason="too"),
                                   [FactSkipped("cards", 2, "too")]),
    "another for the same":       ([*PAID, SKIP], SkipFact(id="refunds", position=1, reason="too"),
                                   [FactSkipped("refunds", 1, "too")]),
    "one that is not there yet":  (PAID, SkipFact(id="refunds", position=3, reason="early"), UnknownPosition),
    "none at all":                ([], SKIP, UnknownPosition),
})  # fmt: skip
def test_skipping(given, when, then):
    tell(given, when, then)


def test_the_state_is_what_is_left_out():
    ledger = Ledger([*PAID, SKIP, SkipFact(id="refunds", position=1, reason="too")])
    assert ledger.state("projection-refunds") == {1, 2}


@pytest.mark.parametrize("wrong", [{"position": 0}, {"position": 2**63}, {"reason": ""}])
def test_what_the_schema_refuses(wrong):
    said = {"id": "refunds", "position": 1, "reason": "why", **wrong}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, SkipFact)
