"""Stories of corrections: what should not have been recorded is mirrored, once, and everything follows."""

import pytest

from ledger.codec import CODEC
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.order import CloseOrder
from ledger.decisions.refund import AdvanceRefund, ApproveRefund, CompleteRefund
from ledger.decisions.shop import OpenShop, PayDeposit, PayOutHost, PayOutShop, RefundDeposit, RequestClosing
from ledger.errors import (
    AlreadyReversed,
    InsufficientFunds,
    NotCorrectable,
    UnknownPosition,
    VersionChanged,
    WrongState,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.order import Line, OrderAmended, OrderSettled, SharesRestored
from ledger.events.refund import RefundAdvanceRecovered
from tests.ledger.stories import (
    CONFIRMED,
    CUPS,
    PAID,
    RECORD,
    SETTLE,
    SETTLED,
    Ledger,
    Reported,
    Row,
    Step,
    asked,
    but,
    gave,
    has,
    refunded,
    request,
    stories,
    tell,
)


def undo(position: int) -> RecordCorrection:
    return RecordCorrection(id=str(position), reason="wrong")


def mirror(position: int, topic: str):
    return has(CorrectionRecorded, position=position, topic=topic, reason="wrong")


# Every step of these is one fact, so that positions can be counted.
SHOP: tuple[Step, ...] = (OpenShop(id="s1"), PayDeposit(id="s1", amount=1_000))  # 1, 2
LEFT = (*SHOP, RequestClosing(id="s1"), RefundDeposit(id="s1", amount=600))  # 3, 4
PAID_OUT = (*SETTLED, PayOutShop(id="s1"), PayOutHost(id="h1"))  # 6, 7
EARLY = (*PAID, *refunded("r1", 4_000), *CONFIRMED[2:], SETTLE)  # 5, 8
LATE = (*SETTLED, *refunded("r1", 4_000))  # 5, 8
OPENED_REFUND = (
    *PAID,
    asked("r1", 4_000),
    AdvanceRefund(id="r1"),
    ApproveRefund(id="r1"),
    CompleteRefund(id="r1"),
)
LESS = Reported(
    but(RECORD, lines=(but(CUPS, amount=9_000),), settled=True, commission=500, host_share=300), 1
)

STORIES: dict[str, Row] = {
    "a deposit":                        (SHOP,      undo(2),     [mirror(2, "deposit-paid")]),
    "a deposit that was refunded":      (LEFT,      undo(4),     [mirror(4, "deposit-refunded")]),
    "a pay-out":                        (PAID_OUT,  undo(6),     [mirror(6, "shop-paid-out")]),
    "a host's pay-out":                 (PAID_OUT,  undo(7),     [mirror(7, "host-paid-out")]),
    "a settlement":                     (SETTLED,   undo(5),     [mirror(5, "order-settled")]),
    "a settlement after refunds":       (EARLY,     undo(8),     [mirror(8, "order-settled")]),
    "a refund":                         ((*PAID, *refunded("r1")), undo(5), [mirror(5, "refund-completed")]),
    "a refund after the settlement":    (LATE,      undo(8),     [mirror(8, "refund-completed")]),
    "a refund before the settlement":   (EARLY,     undo(5),     [mirror(5, "refund-completed"), SharesRestored("s1", "h1", "CNY", 4_000, -200, -120)]),
    "to the cent in the end":           ((*SETTLED, gave("r1", 9), gave("r2", 9)), undo(6),
                                         [mirror(6, "refund-completed"), SharesRestored("s1", "h1", "CNY", 0, -1, -1)]),
    "a refund of no order":             ((gave("r1", 400, order=""),), undo(1), [mirror(1, "refund-completed")]),
    "once it was made good":            ((gave("r1", 400, order=""), *SETTLED), undo(1),
                                         [mirror(1, "refund-completed"), RefundAdvanceRecovered("", "s1", "CNY", 0, -400, 0)]),
    "others make room":                 ((*PAID, gave("r1", 6_000), gave("r2", 6_000)), undo(3),
                                         [mirror(3, "refund-completed"), has(OrderAmended, recounted=2_000, marks=("recounted",))]),
    "in another currency":              ((*SETTLED, gave("r1", 400, currency="USD")), undo(6), [mirror(6, "refund-completed")]),
    "a deposit that was used":          (LEFT,      undo(2),     InsufficientFunds),
    "reversed twice":                   ((*SHOP, undo(2)), undo(2), AlreadyReversed),
    "a settlement that was refunded":   (LATE,      undo(5),     WrongState),
    "a settlement that was amended":    ((*SETTLED, LESS), undo(5), WrongState),
    "a settlement twice":               ((*SETTLED, undo(5)), undo(5), AlreadyReversed),
    "a refund that was advanced":       (OPENED_REFUND, undo(6), NotCorrectable),
    "an order":                         (SETTLED,   undo(1),     NotCorrectable),
    "a payment":                        (SETTLED,   undo(2),     NotCorrectable),
    "a correction":                     ((*SHOP, undo(2)), undo(3), NotCorrectable),
    "nothing yet":                      (SHOP,      undo(3),     UnknownPosition),
    "nothing ever":                     ((),        undo(10**17), UnknownPosition),
    "no number a database takes":       ((),        undo(10**30), UnknownPosition),
    "no number":                        ((),        but(undo(1), id="first"), UnknownPosition),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


def test_a_correction_keeps_what_it_reverses():
    ledger = Ledger(SHOP)
    recorded = ledger.do(undo(2))[0]
    deposit = ledger.memory.facts[1].fact
    assert recorded.fact == CorrectionRecorded(2, deposit.TOPIC, CODEC.encode_body(deposit), "wrong")
    assert (recorded.stream, recorded.version, recorded.envelope.reverses) == ("shop-s1", 3, 2)
    assert recorded.envelope.correlation == "correction-2"
    assert ledger.balances() == {}


@pytest.mark.parametrize(("given", "position", "again"), [
    (SETTLED,                          5, SETTLE),
    (EARLY,                            8, SETTLE),
    ((*SETTLED, PayOutShop(id="s1")),  5, SETTLE),
    ((gave("r9", 400, order=""), *SETTLED), 6, SETTLE),
    ((*PAID, gave("r1", 4_000)),       3, Reported(gave("r1", 4_000), 1)),
    ((*SETTLED, gave("r1", 4_000)),    6, Reported(gave("r1", 4_000), 1)),
    ((gave("r1", 400, order=""), *SETTLED), 1, Reported(gave("r1", 400, order=""), 1)),
    (SHOP,                             2, SHOP[1]),
    (PAID_OUT,                         6, PAID_OUT[5]),
], ids=str)  # fmt: skip
def test_what_was_reversed_can_be_done_again(given, position, again):
    done = Ledger(given)
    redone = Ledger([*given, undo(position), again])
    assert redone.balances() == done.balances()
    assert {k: n for k, n in redone.used().items() if not k.startswith("reversed")} == done.used()


def test_a_refund_that_is_reversed_leaves_no_trace_in_the_books():
    """Before and after the settlement, with another beside it: to the cent as if it had never been."""
    other = gave("r2", 3_333)
    for steps in (
        (*PAID, gave("r1", 1_234), other, *CONFIRMED[2:], SETTLE, undo(3)),
        (*PAID, gave("r1", 1_234), *CONFIRMED[2:], SETTLE, other, undo(3)),
        (*PAID, other, *CONFIRMED[2:], SETTLE, gave("r1", 1_234), undo(7)),
        (*SETTLED, gave("r1", 1_234), other, undo(6)),
        (*SETTLED, other, gave("r1", 11_000), undo(7)),
        (*SETTLED, gave("r1", 11_000), other, undo(6)),
    ):
        assert Ledger(steps).balances() == Ledger([*SETTLED, other]).balances()


def test_a_settlement_that_is_reversed_opens_the_order_again():
    ledger = Ledger([*SETTLED, undo(5)])
    assert ledger.state("order-p:1").status == "confirmed"
    assert ledger.balances() == {"bank": 10_000, "order_escrow:p:1": 10_000}
    tell([*SETTLED, undo(5)], CloseOrder(id="p:1"), WrongState)
    tell([*SETTLED, undo(5)], but(SETTLE, commission=400), [has(OrderSettled, commission=400)])


def test_the_own_stream_of_a_correction_stays_empty():
    """Whoever expects a version of it can only expect none."""
    ledger = Ledger(SHOP)
    asks = request(undo(2))
    past = ledger.past()
    with pytest.raises(VersionChanged):
        past.decide(but(asks, expected=1))
    assert len(past.decide(but(asks, expected=0)).facts) == 1


OVER = (*PAID, gave("r1", 8_000), gave("r2", 6_000))


@stories({
    "a refund that waits in part": (OVER, undo(4), [
        has(CorrectionRecorded, position=4, topic="refund-completed", reason="wrong"),
    ]),
    "a refund beside one that waits in part": (OVER, undo(3), [
        has(CorrectionRecorded, position=3, topic="refund-completed", reason="wrong"),
        OrderAmended(0, "s1", "h1", "b1", "CNY", (Line("cup", "", 3, 10_000),), 0, 10_000, 0, (10_000,), (0,),
            0, 0, 0, 0, 4_000, (4_000,), source="command", marks=("recounted",)),
    ]),
    "a position with as many digits as there are": (SHOP, but(undo(2), id="2".zfill(18)), [
        has(CorrectionRecorded, position=2, topic="deposit-paid", reason="wrong"),
    ]),
    "no position at all": (SHOP, but(undo(2), id="x"), UnknownPosition),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)
