"""Guards hold whatever a decision yields: what it should have refused itself is refused at the books."""

from collections.abc import Iterator

import pytest

from ledger.codec import CODEC
from ledger.decisions import base
from ledger.decisions.base import Item, On, Past
from ledger.decisions.order import PayOrder
from ledger.errors import (
    InsufficientFunds,
    InvalidAmount,
    InvalidTime,
    LedgerError,
    NotCorrectable,
    RefundExceedsPaid,
    UnknownPosition,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.order import OrderCancelled, OrderPaid
from ledger.events.penalty import FinePaid, FineReturned
from ledger.events.refund import Bearers, RefundCompleted, RefundLine
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import PAID, PAY, PLACE, START, Ledger, but, has, tell

UNITS = (RefundLine(1, "cup", 1, 3_334, 0, 10_000, (1,)),)


def gives(cash: int, paid: int = 10_000, lines: tuple[RefundLine, ...] = ()) -> On:
    sums = "CNY", cash, 0, 0, paid
    fact = RefundCompleted("p:1", "s1", "h1", "b1", *sums, lines, Bearers(escrow=cash))
    return On("refund-r1", fact)


GIVEN = gives(5_000).fact
FACTS: list[tuple[list[Item], type[LedgerError]]] = [
    ([gives(10_001, paid=20_000)],                            InsufficientFunds),    # More than the escrow holds.
    ([gives(6_000), gives(4_001)],                            InsufficientFunds),
    ([gives(5_001, paid=5_000)],                              RefundExceedsPaid),
    ([gives(10, lines=(RefundLine(1, "", 0, 10, 0, 9),))],    RefundExceedsPaid),
    ([gives(3_334, lines=UNITS), gives(3_334, lines=UNITS)],  RefundExceedsPaid),
    ([On("refund-r1", CorrectionRecorded(2, GIVEN.TOPIC, CODEC.encode_body(GIVEN), ""))], NotCorrectable),
    ([On("penalty-n1", FinePaid("CNY", 10)), On("penalty-n1", FineReturned("CNY", 11, 20))], InsufficientFunds),
    ([On("penalty-n1", FinePaid("CNY", 10)), On("penalty-n1", FineReturned("CNY", 5, 4))], RefundExceedsPaid),
    ([OrderPaid("CNY", -1, 0, (-1,), (0,))],                  InvalidAmount),
    ([OrderPaid("CNY", MAX_AMOUNT, 0, (), ())] * 1_025,       InvalidAmount),        # Beyond 64 bits.
]  # fmt: skip


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch):
    """Let the payment of an order lead to whatever a test wants."""

    def use(decision: base.Decision) -> None:
        monkeypatch.setattr(base, "DECISIONS", base.DECISIONS | {PayOrder: decision})

    return use


@pytest.mark.parametrize(("facts", "refusal"), FACTS)
def test_whatever_is_decided_the_guards_hold(decide, facts, refusal):
    ledger = Ledger(PAID)
    decide(lambda _past, _command: (fact for fact in facts))
    before = ledger.balances(), ledger.used(), ledger.states()
    found = ledger.try_(PAY)
    assert type(found) is refusal
    assert (ledger.balances(), ledger.used(), ledger.states()) == before


def test_a_decision_may_do_without_a_fact_that_is_refused(decide):
    def wary(_past: Past, _command: PayOrder) -> Iterator[Item]:
        try:
            yield gives(10_001, paid=20_000)
        except InsufficientFunds:
            yield OrderCancelled("too much")

    def silent(_past: Past, _command: PayOrder) -> Iterator[Item]:
        try:
            yield gives(10_001, paid=20_000)
        except InsufficientFunds:
            return

    ledger = Ledger(PAID)
    decide(wary)
    assert ledger.try_(PAY) == [OrderCancelled("too much")]
    decide(silent)
    assert ledger.try_(PAY) == []


def test_a_failure_of_our_own_leaves_no_trace_either(decide):
    def broken(_past: Past, _command: PayOrder) -> Iterator[Item]:
        yield gives(1_000)
        raise ZeroDivisionError

    ledger = Ledger(PAID)
    before = ledger.balances(), ledger.used(), ledger.states()
    decide(broken)
    past = ledger.past()
    with pytest.raises(ZeroDivisionError):
        past.decide(base.Request(command=PAY))
    assert past.position == len(ledger.memory.facts)
    assert (ledger.balances(), ledger.used(), ledger.states()) == before


def test_what_a_decision_yields_is_the_past_of_what_it_yields_next(decide):
    seen: list[object] = []

    def looks(past: Past, command: PayOrder) -> Iterator[Item]:
        yield gives(1_000)
        seen.append((past.balance("order_escrow:p:1", "CNY"), past.used("refund/p:1"), past.fact(3).fact))
        seen.append((past.version("refund-r1"), past.version(command.stream)))

    ledger = Ledger(PAID)
    decide(looks)
    ledger.do(PAY)
    assert seen == [(9_000, 1_000, gives(1_000).fact), (1, 2)]


def test_a_position_that_is_not_there():
    with pytest.raises(UnknownPosition):
        Ledger(PAID).past().fact(99)


def test_a_time_without_an_offset():
    tell((), but(PLACE, at=START.replace(tzinfo=None)), InvalidTime)


def test_a_time_of_its_own():
    [placed] = Ledger().do(but(PLACE, at=START))
    assert has(type(placed.fact)).fits(placed.fact)
    assert (placed.envelope.effective_at, placed.envelope.offset) == (START.timestamp() * 1_000_000, 0)
