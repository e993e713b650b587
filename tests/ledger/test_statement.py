"""Stories of statement lines that stand for nothing in the books: kept as they were told, and matched later."""

from ledger.decisions.correction import RecordCorrection
from ledger.decisions.statement import RecordMovement
from ledger.errors import AlreadyExists, InvalidAmount, InvalidCurrency
from ledger.events.statement import PlatformFundMovementRecorded
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import Ledger, Reported, Row, but, stories, tell

FREEZE = RecordMovement(id="ks:f1", shop="s1", movement="FUND_FREEZE", currency="CNY", amount=-12_000)
FULL = but(FREEZE, fee=-30, order="ks:1", reference="w5", reason="review")
FROZEN = (FREEZE,)
FACT = PlatformFundMovementRecorded("s1", "FUND_FREEZE", "CNY", -12_000)
UNDO = RecordCorrection(id="1", reason="typed by hand, and wrong")

STORIES: dict[str, Row] = {
    "a line is kept":                 ((),              FREEZE,                              [FACT]),
    "with all it says":               ((),              FULL,                                [PlatformFundMovementRecorded("s1", "FUND_FREEZE", "CNY", -12_000, -30, "ks:1", "w5", "review")]),
    "from a source":                  ((),              Reported(FREEZE),                    [FACT]),
    "the same again changes nothing": (FROZEN,          FREEZE,                              ()),
    "another sum":                    (FROZEN,          but(FREEZE, amount=12_000),          AlreadyExists),
    "another, once it was reversed":  ((*FROZEN, UNDO), but(FREEZE, amount=5),               [PlatformFundMovementRecorded("s1", "FUND_FREEZE", "CNY", 5)]),
    "no currency":                    ((),              but(FREEZE, currency="yuan"),        InvalidCurrency),
    "more than can be kept":          ((),              but(FREEZE, amount=MAX_AMOUNT + 1),  InvalidAmount),
    "a fee that cannot be kept":      ((),              but(FREEZE, fee=-MAX_AMOUNT - 1),    InvalidAmount),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


def test_a_movement_moves_nothing():
    ledger = Ledger((FULL,))
    assert ledger.posted == []
    assert ledger.state("statement-ks:f1").fact.movement == "FUND_FREEZE"
