"""The appraisal warehouse: its facts in full, and what is known of a piece afterwards."""

import pytest

from ledger.decisions.appraisal import InspectDevice, Piece, RecordCheck
from ledger.decisions.fulfilment import ParcelItem
from ledger.decisions.order import OrderLine
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem
from ledger.errors import AlreadyExists, InvalidAmount, UnknownOrder
from ledger.events.appraisal import (
    AppraisalFailed,
    CertificateIssued,
    CheckRecorded,
    DeviceInspected,
    ItemReceived,
)
from ledger.events.fulfilment import ItemAppraised, ItemAtWarehouse
from ledger.events.parking import FactParked
from ledger.events.refund import Bearers, RefundApproved, RefundCompleted, RefundLine, RefundRequested
from tests.ledger.stories import (
    CUPS,
    DISPATCH,
    PAID,
    PAY,
    PLACE,
    PLACED,
    START,
    Ledger,
    Reported,
    asked,
    but,
    has,
    refunded,
    stories,
    tell,
)
from tests.ledger.test_appraisal import (
    CERTIFIED,
    CERTIFY,
    CHECKED,
    DELIVER,
    DIGEST,
    FAIL,
    FAILED,
    HERE,
    PASS,
    PASSED,
    RECEIVE,
    SENT,
    WRONG,
    checks,
)

TWO = (but(PLACE, lines=(CUPS, OrderLine(sku="pot", amount=600, platform_coupon=100))), but(PAY, cash=10_500))
POT = but(RECEIVE, line=2)
POT_WRONG = (POT, *checks(item=False))
PART = but(DISPATCH, items=(ParcelItem(line=1, quantity=1),))
TOLD = RecordCheck(id="i1", check="narration", passed=False, said="gold", found="brass", evidence=DIGEST)
AGAIN = (*[but(step, id="p:2") for step in PAID], but(RECEIVE, order="p:2"))
HALF = (but(PLACE, lines=(OrderLine(sku="cup", amount=1_000, platform_coupon=500),)), but(PAY, cash=500))
FREE = (but(PLACE, lines=(OrderLine(sku="cup", amount=1_000, platform_coupon=1_000),)), but(PAY, cash=0))


@stories({
    "the next line": (TWO, POT, [ItemReceived("p:1", 2, 1, "s1", "lab1"), ItemAtWarehouse("i1", 2, 1)]),
    "a unit that is named": (PAID, but(RECEIVE, unit=3), [
        ItemReceived("p:1", 1, 3, "s1", "lab1"),
        ItemAtWarehouse("i1", 1, 3),
    ]),
    "a unit that is there": (HERE, but(RECEIVE, id="i2", unit=1), InvalidAmount),
    "a unit there is not": (PAID, but(RECEIVE, unit=4), InvalidAmount),
    "a unit that only the other line has": (TWO, but(POT, unit=2), InvalidAmount),
    "it fails, half of it paid by a coupon": ((*HALF, RECEIVE, *checks(item=False)), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 500, 500, (RefundLine(1, "cup", 1, 500, 500, 1_000, (1,)),),
            "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 500, 500, 0, 1_000, (RefundLine(1, "cup", 1, 500, 500,
            1_000, (1,)),), Bearers(1_000)),
    ]),
    "after a part has left": ((*PAID, PART), RECEIVE, [
        ItemReceived("p:1", 1, 1, "s1", "lab1"),
        ItemAtWarehouse("i1", 1, 1),
    ]),
    "after it passed, for another order": (PASSED, but(RECEIVE, order="p:2"), AlreadyExists),
    "a report before the order": ((), Reported(RECEIVE), [
        has(FactParked, command="items.receive", waits_for="paid"),
    ]),
    "of an order nobody placed": (PLACED, but(RECEIVE, order="p:9"), UnknownOrder),
    "a check in full": (HERE, TOLD, [
        CheckRecorded("narration", False, "gold", "brass",
            "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"),
    ]),
    "a report of a check once it passed": (PASSED, Reported(TOLD), [
        CheckRecorded("narration", False, "gold", "brass",
            "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", ("out_of_order",)),
    ]),
    "a report that it failed, though nothing was wrong": (CHECKED, Reported(FAIL), [
        AppraisalFailed((), "plated", ("out_of_order",)),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 3_334, 0, (RefundLine(1, "cup", 1, 3_334, paid=10_000,
            units=(1,)),), "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_334, 0, 0, 10_000, (RefundLine(1, "cup", 1, 3_334,
            paid=10_000, units=(1,)),), Bearers(3_334)),
    ]),
    "a report that it failed after it passed": (PASSED, Reported(FAIL), [
        AppraisalFailed((), "plated", ("out_of_order",)),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 3_334, 0, (RefundLine(1, "cup", 1, 3_334, paid=10_000,
            units=(1,)),), "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_334, 0, 0, 10_000, (RefundLine(1, "cup", 1, 3_334,
            paid=10_000, units=(1,)),), Bearers(3_334)),
    ]),
    "and something was wrong": ((*PASSED, Reported(TOLD)), Reported(FAIL), [
        AppraisalFailed(("narration",), "plated", ("out_of_order",)),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 3_334, 0, (RefundLine(1, "cup", 1, 3_334, paid=10_000,
            units=(1,)),), "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_334, 0, 0, 10_000, (RefundLine(1, "cup", 1, 3_334,
            paid=10_000, units=(1,)),), Bearers(3_334)),
    ]),
    "a report of a certificate before it passed": (CHECKED, Reported(CERTIFY), [
        CertificateIssued("c1", "p:1", "s1", "lab1", "CNY", 500, marks=("out_of_order",)),
        ItemAppraised("i1", 1, 1, "certified", "c1"),
    ]),
    "a report on a device, in full": (
        HERE,
        InspectDevice(id="i1", report=DIGEST, grade="B", findings="scratched"), [
            DeviceInspected("lab1", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "B",
                "scratched"),
        ]),
    "on a device that passed": (PASSED, InspectDevice(id="i1", report=DIGEST), [
        DeviceInspected("lab1", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"),
    ]),
    "on a device with a certificate": (CERTIFIED, InspectDevice(id="i1", report=DIGEST), [
        DeviceInspected("lab1", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"),
    ]),
    "a report on what failed": (FAILED, Reported(InspectDevice(id="i1", report=DIGEST)), [
        DeviceInspected("lab1", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            marks=("out_of_order",)),
    ]),
    "a report on a device that nobody has": ((), Reported(InspectDevice(id="i1", report=DIGEST)), [
        has(FactParked, command="items.inspect", waits_for="received"),
    ]),
    "it fails, the second of two lines": ((*TWO, *POT_WRONG), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 2, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 500, 100, (RefundLine(2, "pot", 1, 500, 100, 600, (1,)),),
            "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 500, 100, 0, 10_600, (RefundLine(2, "pot", 1, 500,
            100, 600, (1,)),), Bearers(600)),
    ]),
    "it fails, a part of its line was given back": (
        (*TWO, *refunded("r1", 9_999), *HERE[2:], *checks(item=False)),
        FAIL, [
            AppraisalFailed(("item",), "plated"),
            ItemAppraised("i1", 1, 1, "failed"),
            RefundRequested("p:1", "s1", "b1", "CNY", 1, 0, (RefundLine(1, "cup", 0, 1, paid=10_000),),
                "i1 failed its appraisal", False),
            RefundApproved(),
            RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 1, 0, 0, 10_600, (RefundLine(1, "cup", 0, 1,
                paid=10_000),), Bearers(1)),
        ]),
    "it fails, a part of another line was given back": ((*TWO, *refunded("r1", 9_999), *POT_WRONG), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 2, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 500, 100, (RefundLine(2, "pot", 1, 500, 100, 600, (1,)),),
            "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 500, 100, 0, 10_600, (RefundLine(2, "pot", 1, 500,
            100, 600, (1,)),), Bearers(600)),
    ]),
    "it fails, exactly its price is left": (
        (*PAID, *refunded("r1", 6_666), RECEIVE, *checks(item=False)),
        FAIL, [
            AppraisalFailed(("item",), "plated"),
            ItemAppraised("i1", 1, 1, "failed"),
            RefundRequested("p:1", "s1", "b1", "CNY", 3_334, 0, (RefundLine(1, "cup", 1, 3_334, paid=10_000,
                units=(1,)),), "i1 failed its appraisal", False),
            RefundApproved(),
            RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_334, 0, 0, 10_000, (RefundLine(1, "cup", 1,
                3_334, paid=10_000, units=(1,)),), Bearers(3_334)),
        ]),
    "it fails, one fen is left": ((*PAID, *refunded("r1", 9_999), RECEIVE, *checks(item=False)), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 1, 0, (RefundLine(1, "cup", 0, 1, paid=10_000),),
            "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 1, 0, 0, 10_000, (RefundLine(1, "cup", 0, 1,
            paid=10_000),), Bearers(1)),
    ]),
    "it fails, its unit was given back": (
        (*PAID, but(asked("r1"), items=(RefundItem(line=1, units=(1,)),)), ApproveRefund(id="r1"),
            CompleteRefund(id="r1"), RECEIVE, *checks(item=False)),
        FAIL, [
            AppraisalFailed(("item",), "plated"),
            ItemAppraised("i1", 1, 1, "failed"),
        ]),
    "it fails, only a coupon paid it": ((*FREE, RECEIVE, *checks(item=False)), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:1", "s1", "b1", "CNY", 0, 1_000, (RefundLine(1, "cup", 1, 0, 1_000, 1_000, (1,)),),
            "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 0, 1_000, 0, 1_000, (RefundLine(1, "cup", 1, 0, 1_000,
            1_000, (1,)),), Bearers(1_000)),
    ]),
    "it fails, nobody paid it": (
        (but(PLACE, lines=(OrderLine(sku="cup", amount=0),)), but(PAY, cash=0), RECEIVE, *checks(item=False)),
        FAIL, [
            AppraisalFailed(("item",), "plated"),
            ItemAppraised("i1", 1, 1, "failed"),
        ]),
    "it fails the second time": ((*FAILED, *AGAIN, *checks(item=False)), FAIL, [
        AppraisalFailed(("item",), "plated"),
        ItemAppraised("i1", 1, 1, "failed"),
        RefundRequested("p:2", "s1", "b1", "CNY", 3_334, 0, (RefundLine(1, "cup", 1, 3_334, paid=10_000,
            units=(1,)),), "i1 failed its appraisal", False),
        RefundApproved(),
        RefundCompleted("p:2", "s1", "h1", "b1", "CNY", 3_334, 0, 0, 10_000, (RefundLine(1, "cup", 1, 3_334,
            paid=10_000, units=(1,)),), Bearers(3_334)),
    ]),
    "a certificate once more": ((*CERTIFIED, *AGAIN, *checks(), PASS), CERTIFY, [
        CertificateIssued("c1", "p:2", "s1", "lab1", "CNY", 500, again=True),
        ItemAppraised("i1", 1, 1, "certified", "c1"),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        HERE, "item-i1",
        Piece(sales=1, order="p:1", line=1, unit=1, shop="s1", lab="lab1", checks={}),
        id="it came"),
    pytest.param(
        WRONG, "item-i1",
        Piece(sales=1, order="p:1", line=1, unit=1, shop="s1", lab="lab1", checks={"material": True,
            "weight": True, "item": True, "narration": False}),
        id="the checks"),
    pytest.param(
        (Reported(TOLD), *PAID, RECEIVE), "item-i1",
        Piece(sales=1, order="p:1", line=1, unit=1, shop="s1", lab="lab1", checks={"narration": False}),
        id="what waited for it"),
    pytest.param(
        CERTIFIED, "item-i1",
        Piece(sales=1, passed=True, certified=True, order="p:1", line=1, unit=1, shop="s1", lab="lab1",
            checks={"material": True, "weight": True, "item": True, "narration": True}, certificate="c1"),
        id="certified"),
    pytest.param(
        (*CERTIFIED, *AGAIN), "item-i1",
        Piece(sales=2, order="p:2", line=1, unit=1, shop="s1", lab="lab1", checks={}, certificate="c1"),
        id="sold again"),
    pytest.param(
        (*SENT, but(DELIVER, at=START)), "item-i1",
        Piece(sales=1, passed=True, certified=True, order="p:1", line=1, unit=1, shop="s1", lab="lab1",
            checks={"material": True, "weight": True, "item": True, "narration": True}, certificate="c1",
            report="0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            warranty=1_638_115_199_999_999),
        id="with its warranty"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known
