"""Reports that come before what they belong to wait for it, and in the end it makes no difference."""

import random
from datetime import datetime, timedelta, timezone
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import given as given_
from hypothesis import strategies as st

from ledger import time
from ledger.codec import CODEC
from ledger.decisions import base
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import (
    CancelOrder,
    CloseOrder,
    OrderLine,
    PayOrder,
    PlaceOrder,
    SettleOrder,
    VoidOrder,
    kept,
    payment,
)
from ledger.decisions.refund import (
    ApproveRefund,
    CloseRefund,
    CompleteRefund,
    EscalateRefund,
    ReceiveReturn,
    RecordRefund,
    RefundItem,
    RefuseRefund,
    ReportedLine,
    RequestRefund,
    ShipReturn,
)
from ledger.errors import LedgerError, Malformed
from ledger.events.base import Source
from ledger.events.order import OrderPaid, OrderPlaced
from ledger.events.parking import FactParked
from ledger.events.refund import Bearers, RefundCompleted, RefundRequested, ReturnShipped
from tests.ledger.stories import (
    CONFIRM,
    DISPATCH,
    PAID,
    PAY,
    PLACE,
    PLACED,
    RECORD,
    SETTLE,
    START,
    Ledger,
    Reported,
    Row,
    asked,
    but,
    gave,
    has,
    stories,
    tell,
)

GAVE = Reported(gave("r1", 4_000))
SHIP = Reported(ShipReturn(id="r1", waybill="w2"))


def waits(command: str, parent: str, reason: str = ""):
    return has(FactParked, command=command, waits_for=parent, reason=reason)


STORIES: dict[str, Row] = {
    "a refund waits for the payment":   ((),                    GAVE,           [waits("refunds.record", "paid")]),
    "also of a placed order":           (PLACED,                GAVE,           [waits("refunds.record", "paid")]),
    "the payment waits for the order":  ((),                    Reported(PAY),  [waits("orders.pay", "placed")]),
    "the same report waits once":       ((GAVE,),               GAVE,           ()),
    "another version waits beside it":  ((GAVE,),               Reported(gave("r1", 4_000), 1), [waits("refunds.record", "paid")]),
    "what names no order does not wait": ((),                   Reported(gave("r1", 5, order="")), [has(RefundCompleted)]),
    "goods back wait for the request":  (PAID,                  SHIP,           [waits("refunds.ship-return", "requested")]),
    "the order brings the payment":     ((Reported(PAY),),      PLACE,          [has(OrderPlaced), has(OrderPaid)]),
    "the payment brings the refund":    ((*PLACED, GAVE),       PAY,            [has(OrderPaid), has(RefundCompleted)]),
    "the order brings them all":        ((GAVE, Reported(PAY)), PLACE,          [has(OrderPlaced), has(OrderPaid), has(RefundCompleted)]),
    "a request brings goods back":      ((*PAID, SHIP),         asked("r1"),    [has(RefundRequested), has(ReturnShipped, marks=("out_of_order",))]),
    "so does a refund without one":     ((*PAID, SHIP),         GAVE,           [has(RefundCompleted), has(ReturnShipped, marks=("out_of_order",))]),
    "the order does not bring a refund": ((GAVE,),              PLACE,          [has(OrderPlaced)]),
    "what contradicts goes to review":  ((Reported(PAY), Reported(but(PAY, cash=5))), PLACE,
                                         [has(OrderPlaced), has(OrderPaid, cash=10_000), waits("orders.pay", "review", "wrong_state")]),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


def test_what_could_not_be_read_back_does_not_wait():
    """A report made in Python is not checked against its schema before: it must not be lost later."""
    tell((), Reported(gave("r1", 5, shop="two words")), Malformed)


def test_a_parked_report_follows_in_its_own_words():
    """Its time with its offset, its source and actor, and the position that caused it are its own."""
    summer = timezone(timedelta(hours=1))
    source = Source("feed", "r1", 7, b"\x01" * 32)
    command = gave("r1", 4_000, at=datetime(2011, 7, 1, 9, 30, tzinfo=summer))
    ledger = Ledger()
    asks = base.Request(command=command, actor="importer", source=source, key="k1")
    [parked] = ledger.past().decide(asks).facts
    ledger.memory.facts.append(parked)
    ledger.do(PLACE)
    refund = ledger.do(PAY)[-1]
    assert isinstance(refund.fact, RefundCompleted)
    assert time.rfc3339(refund.envelope.effective_at, refund.envelope.offset) == "2011-07-01T09:30:00+01:00"
    assert (refund.envelope.source, refund.envelope.actor) == (source, "importer")
    assert (refund.envelope.causation, refund.stream) == (parked.position, "refund-r1")
    assert refund.envelope.recorded_at > parked.envelope.recorded_at
    assert ledger.state("order-p:1").parked == ()


def test_without_a_time_of_its_own_it_counts_when_it_came():
    ledger = Ledger([GAVE, PLACE, PAY])
    parked, *_, refund = ledger.memory.facts
    assert refund.envelope.effective_at == parked.envelope.effective_at
    assert refund.envelope.offset == parked.envelope.offset == 480


def test_reports_follow_in_the_order_they_count():
    times = {"r1": 3, "r2": 1, "r3": 2}
    reports = [Reported(gave(id_, 1_000, at=START + timedelta(days=day))) for id_, day in times.items()]
    ledger = Ledger([*reports, PLACE])
    assert [recorded.stream for recorded in ledger.do(PAY)[1:]] == ["refund-r2", "refund-r3", "refund-r1"]


def test_a_guard_that_refuses_a_parked_report_leaves_it_for_review(monkeypatch):
    """Even a fact that was already yielded is taken back, and all others stand."""

    def twice_too_much(past, command):
        completed = RefundCompleted(
            "p:1", "s1", "h1", "b1", "CNY", 10_000, 0, 0, 10_000, (), Bearers(escrow=10_000)
        )
        yield completed
        yield completed

    ledger = Ledger([GAVE, Reported(gave("r2", 1_000)), PLACE])
    monkeypatch.setitem(base.DECISIONS, RecordRefund, twice_too_much)
    facts = [recorded.fact for recorded in ledger.do(PAY)]
    assert [type(fact) for fact in facts] == [OrderPaid, FactParked, FactParked]
    assert all(waits("refunds.record", "review", "insufficient_funds").fits(fact) for fact in facts[1:])
    assert ledger.balances() == {"bank": 10_000, "order_escrow:p:1": 10_000}
    assert ledger.used() == {}
    assert len(ledger.state("order-p:1").parked) == 2


# Every order of arrival.


def end(ledger: Ledger) -> Any:
    """What a ledger ends with: balances, what is used, and states, without what arrival alone decides.

    That is: positions, the times parked reports were noted, which of several refunds bears what is too much
    of them together, and what coupons would bear of refunds that were asked for and not given.
    """
    states = {}
    for stream, state in ledger.states().items():
        kept = msgspec.structs.asdict(state)
        if "parked" in kept:
            kept["parked"] = sorted((w.fact.command, w.fact.body, w.fact.waits_for) for w in kept["parked"])
        if stream.startswith("order-"):
            kept.pop("handed_out")
        if stream.startswith("refund-"):
            done = kept["completed"] = bool(kept["completed"])
            kept["lines"] = [(r.line, r.quantity, r.cash, r.coupon * done) for r in kept["lines"]]
            kept["coupon"] *= done
        states[stream] = kept
    used = {subject: n for subject, n in ledger.used().items() if not subject.startswith("reversed/")}
    return {"CNY": ledger.balances(), "USD": ledger.balances("USD")}, used, states


def arrive(reports: Any) -> tuple[Any, list[LedgerError]]:
    ledger = Ledger()
    refusals = [found for report in reports if isinstance(found := ledger.try_(report), LedgerError)]
    return end(ledger), refusals


SCENES: dict[str, tuple[Command, ...]] = {
    "an order and its refund":          (PLACE, PAY, SETTLE, gave("r1", 4_000)),
    "a life in five reports":           (PLACE, PAY, DISPATCH, CONFIRM, SETTLE),
    "refunds of more than was paid":    (PLACE, PAY, SETTLE, gave("r1", 7_000), gave("r2", 6_000, 0)),
    "cancelled, voided, closed":        (PLACE, PAY, CancelOrder(id="p:1"), VoidOrder(id="p:1", reason="x"), CloseOrder(id="p:1")),
    "a shop in debt":                   (PLACE, PAY, SETTLE, gave("r9", 12_000, order=""), gave("r1", 10_000)),
    "a refund that is shipped back":    (PLACE, PAY, asked("r1", 4_000), SHIP.command, CompleteRefund(id="r1")),
}  # fmt: skip


@pytest.mark.parametrize("commands", SCENES.values(), ids=list(SCENES))
def test_every_order_of_arrival_ends_the_same(commands):
    reports = [Reported(but(command, at=START + timedelta(hours=n))) for n, command in enumerate(commands)]
    ends = [arrive(order)[0] for order in permutations(reports)]
    assert all(found == ends[0] for found in ends)


def test_a_refund_in_suspense_whose_line_is_gone_can_still_be_replaced():
    """Its line went to suspense with an amendment, the rest of it came back: the newer version undoes both."""
    lines = (ReportedLine(line=2, cash=30), ReportedLine(line=0, cash=60))
    both = (OrderLine(sku="cup", amount=10), OrderLine(sku="pot", amount=11))
    told = [
        Reported(but(RECORD, lines=both), 1),
        Reported(gave("r1", 0, lines=lines), 1),
        Reported(but(RECORD, lines=(but(both[0], amount=55),)), 2),
        Reported(gave("r1", 3, line=5), 2),
    ]
    dated = [Reported(but(step.command, at=START), step.version) for step in told]
    for order in permutations(dated):
        assert arrive(order) == arrive(dated[::-1])
    assert arrive(dated)[0][0]["CNY"] == {"bank": 52, "import_suspense:feed": 3, "order_escrow:p:1": 55}


SMALL = st.sampled_from([0, 1, 2, 3, 7, 30, 50, 99, 100])
HOURS = st.integers(0, 40)


@st.composite
def order_lines(draw: st.DrawFn, coupons: bool) -> tuple[OrderLine, ...]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        amount = draw(SMALL)
        coupon = draw(st.sampled_from([0, 1, amount])) if coupons else 0
        quantity = draw(st.integers(1, 3))
        found.append(
            OrderLine(sku=f"sku{number}", quantity=quantity, amount=amount + coupon, platform_coupon=coupon)
        )
    return tuple(found)


@st.composite
def reports(draw: st.DrawFn) -> list[Reported]:
    """What several sources say about one or two orders of a shop: few sums, so that they meet.

    Coupons are drawn for all or none, and not together with refunds that were asked for: what coupons bear of
    those is reckoned from what is left.
    """
    found: list[Reported] = []

    def say(command: Command, version: int = 0, hour: int | None = None) -> None:
        at = START + timedelta(hours=draw(HOURS) if hour is None else hour)
        found.append(Reported(but(command, at=at), version))

    coupons = draw(st.booleans())
    for number in range(draw(st.integers(1, 2))):
        id_ = f"p:{number}"
        draw(st.sampled_from([_placed_and_paid, _recorded]))(draw, say, id_, coupons)
        _sent(draw, say, id_)
        for refund in range(draw(st.integers(0, 3))):
            asks = draw(st.booleans()) and not coupons
            (_asked if asks else _given_back)(draw, say, f"r{number}{refund}", id_, coupons)
    return found


def _placed_and_paid(draw, say, id_, coupons):
    host = draw(st.sampled_from(["", "h1"]))
    lines, freight = draw(order_lines(coupons)), draw(st.sampled_from([0, 5]))
    say(PlaceOrder(id=id_, shop="s1", host=host, currency="CNY", lines=lines, freight=freight))
    if draw(st.integers(0, 9)):
        due = payment(kept(lines), freight, None).cash
        say(PayOrder(id=id_, cash=draw(st.sampled_from([due, due, due + 3, due // 2]))))
    if draw(st.booleans()):
        say(SettleOrder(id=id_, commission=draw(SMALL), host_share=draw(SMALL)))


def _recorded(draw, say, id_, coupons):
    host, hour = draw(st.sampled_from(["", "h1"])), draw(HOURS)
    paid, settled = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    for version in range(1, draw(st.integers(1, 3)) + 1):
        record = RecordOrder(
            id=id_,
            shop="s1",
            host=host,
            buyer="b1",
            currency="CNY",
            lines=draw(order_lines(coupons)),
            freight=draw(st.sampled_from([0, 5])),
            paid=version >= paid,
            settled=version >= settled,
            commission=draw(SMALL),
            host_share=draw(SMALL),
        )
        say(record, version, hour)


def _sent(draw, say, id_):
    for number in range(draw(st.integers(0, 2))):
        item = st.builds(ParcelItem, line=st.sampled_from([1, 1, 2, 4]), quantity=st.integers(1, 3))
        parts = draw(st.lists(item, max_size=2))
        say(DispatchParcel(id=id_, waybill=f"w{number}", items=tuple(parts)))
        if draw(st.booleans()):
            say(DeliverParcel(id=id_, waybill=f"w{number}"))
    for end_ in draw(st.sets(st.sampled_from(["confirm", "close", "cancel", "void"]), max_size=2)):
        commands = {
            "confirm": ConfirmReceipt(id=id_),
            "close": CloseOrder(id=id_),
            "cancel": CancelOrder(id=id_),
            "void": VoidOrder(id=id_, reason="brushing"),
        }
        say(commands[end_])


def _given_back(draw, say, id_, order, coupons):
    order = draw(st.sampled_from([order] * 6 + [""]))
    for version in range(1, draw(st.sampled_from([1, 1, 2, 3])) + 1):
        line = st.builds(
            ReportedLine,
            line=st.sampled_from([0, 1, 1, 2, 3, 5]),
            cash=SMALL,
            coupon=st.sampled_from([0, 1, 3]) if coupons else st.just(0),
        )
        currency = draw(st.sampled_from(["CNY"] * 9 + ["USD"]))
        lines = tuple(draw(st.lists(line, min_size=1, max_size=2)))
        freight = draw(st.sampled_from([0, 0, 2]))
        refund = RecordRefund(id=id_, order=order, shop="s1", currency=currency, lines=lines, freight=freight)
        say(refund, version)


def _asked(draw, say, id_, order, coupons):
    items = tuple(draw(st.lists(st.builds(RefundItem, line=st.just(1), cash=SMALL), min_size=1, max_size=2)))
    say(RequestRefund(id=id_, order=order, items=items, returns=draw(st.booleans())))
    steps = [
        ApproveRefund(id=id_),
        RefuseRefund(id=id_, reason="no"),
        EscalateRefund(id=id_),
        ShipReturn(id=id_, waybill="b1"),
        ReceiveReturn(id=id_),
        CompleteRefund(id=id_),
        CloseRefund(id=id_),
    ]
    for step in draw(st.lists(st.sampled_from(steps), max_size=5)):
        say(step)


def _arrives_alike(told: list[Reported], seed: int) -> None:
    shuffled = told[:]
    random.Random(seed).shuffle(shuffled)
    (first, refused), (second, refused_too) = arrive(told), arrive(shuffled)
    note("\n".join(map(repr, shuffled)))
    assert not refused + refused_too
    assert first == second


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given_(reports(), st.integers(0, 2**32))
def test_any_reports_in_any_order_end_the_same(told, seed):
    _arrives_alike(told, seed)


@pytest.mark.long
@settings(suppress_health_check=[HealthCheck.too_slow])
@given_(reports(), st.integers(0, 2**32))
def test_any_reports_in_any_order_end_the_same_for_long(told, seed):
    _arrives_alike(told, seed)


def test_the_bytes_of_a_parked_report_are_the_command():
    [parked] = Ledger([GAVE]).memory.facts
    assert isinstance(parked.fact, FactParked)
    assert CODEC.decode_body("fact-parked", CODEC.encode_body(parked.fact)) == parked.fact
    assert msgspec.msgpack.decode(parked.fact.body, type=RecordRefund) == GAVE.command
