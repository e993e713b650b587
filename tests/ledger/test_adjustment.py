"""Stories of adjustments: what a source changed in its own books is kept, and moves nothing."""

from ledger.decisions.adjustment import RecordAdjustment
from ledger.decisions.correction import RecordCorrection
from ledger.errors import AlreadyExists, InvalidAmount, InvalidCurrency
from ledger.events.adjustment import AdjustmentRecorded
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import Ledger, Reported, Row, but, stories, tell

ADJUST = RecordAdjustment(id="a1", shop="s1", currency="GBP", amount=-1_100_000, reason="bad debt")
ADJUSTED = (ADJUST,)
FACT = AdjustmentRecorded("s1", "GBP", -1_100_000, "bad debt")
UNDO = RecordCorrection(id="1", reason="ours, not theirs")

STORIES: dict[str, Row] = {
    "an adjustment is kept":            ((),               ADJUST,                              [FACT]),
    "from a source":                    ((),               Reported(ADJUST),                    [FACT]),
    "the same again changes nothing":   (ADJUSTED,         ADJUST,                              ()),
    "another sum":                      (ADJUSTED,         but(ADJUST, amount=5),               AlreadyExists),
    "another reason":                   (ADJUSTED,         but(ADJUST, reason=""),              AlreadyExists),
    "another, once it was reversed":    ((*ADJUSTED, UNDO), but(ADJUST, amount=5),              [AdjustmentRecorded("s1", "GBP", 5, "bad debt")]),
    "no currency":                      ((),               but(ADJUST, currency="pounds"),      InvalidCurrency),
    "more than can be kept":            ((),               but(ADJUST, amount=-MAX_AMOUNT - 1), InvalidAmount),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


def test_an_adjustment_moves_nothing():
    ledger = Ledger(ADJUSTED)
    assert ledger.posted == []
    assert ledger.state("adjustment-a1").fact == FACT
