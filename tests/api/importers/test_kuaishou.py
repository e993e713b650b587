"""Kuaishou: orders as far as they have come, after-sales, settled bills and the lines of the wallet."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from ledger.decisions.base import replay
from ledger.events.base import Recorded
from ledger.events.fulfilment import DispatchPromised, ParcelDispatched, Shipped
from ledger.events.order import Line, OrderPaid, OrderPlaced
from ledger.events.refund import RefundCompleted
from ledger.events.shop import ShopPaidOut
from ledger.events.statement import PlatformFundMovementRecorded
from tests.api.importers.ledgers import Ledger

DAY = 86_400_000
JUNE = 1_623_294_000_000  # 2021-06-10 11:00 in Shanghai.
HOUR = 3_600_000


def order(oid: int = 2116, *, parcels: Any = (), split: Any = None, item: Any = None, **base: Any) -> Any:
    """An answer's order of three cups for 99.90, ten off, freight 5.00: 94.90 to pay."""
    return {
        "orderBaseInfo": {
            "oid": oid,
            "status": 30,
            "sellerOpenId": "s1",
            "buyerOpenId": "b1",
            "channel": "live",
            "createTime": JUNE,
            "updateTime": JUNE + 1,
            "payTime": JUNE + 60_000,
            "totalFee": 9_490,
            "discountFee": 1_000,
            "expressFee": 500,
            "riskCode": 0,
            "buyerNick": "never read",
        }
        | base,
        "orderItemInfo": {
            "itemId": 77,
            "skuId": 771,
            "itemTitle": "茶杯",
            "num": 3,
            "originalPrice": 3_990,
            "price": 3_330,
            "discountFee": 1_000,
        }
        | (item or {}),
        "orderRefundList": [],
        "orderLogisticsInfo": [{"expressNo": number, "expressCode": 4} for number in parcels],
        "orderDeliveryInfo": split,
        "orderCpsInfo": {"distributorId": 42},
        "subOrderInfo": None,
    }


def refund(status: int, **more: Any) -> Any:
    return {
        "refundId": 900,
        "oid": 2116,
        "status": status,
        "handlingWay": 1,
        "refundFee": 3_000,
        "createTime": JUNE + 2 * DAY,
        "updateTime": JUNE + 3 * DAY,
        "refundReasonDesc": "七天无理由",
        "sellerId": 11,
        "skuId": 771,
        "logisticsId": 555,
    } | more


def answer(name: str, *items: Any) -> Any:
    return {"result": 1, "data": {name: list(items), "cursor": "nomore"}}


def load(ledger: Ledger, tmp_path: Path, *payloads: Any, **how: Any) -> Any:
    path = tmp_path / "feed.jsonl"
    path.write_text("".join(json.dumps(payload) + "\n" for payload in payloads), encoding="utf-8")
    return ledger.load("kuaishou", path, **how)


def state(ledger: Ledger, stream: str) -> Any:
    return replay(stream, [Recorded(*fact) for fact in ledger.log() if fact[1] == stream])


def test_a_paid_order(ledger: Ledger, tmp_path: Path):
    paid = order(promiseTimeStampOfDelivery=JUNE + 2 * DAY)
    report = load(ledger, tmp_path, answer("orderList", paid))

    assert (report["read"], report["recorded_rows"], report["refused"]) == (3, 3, [])
    assert report["documents"]["sales"] == {"count": 1, "amount": 9_490}
    placed, promised, paid = ledger.facts("order-kuaishou:2116")
    line = Line("771", "茶杯", 3, 9_990, 1_000)
    assert placed == OrderPlaced("s1", "b1", "CNY", (line,), 500, "42", "", "live")
    assert promised == DispatchPromised((JUNE + 2 * DAY) * 1_000)
    assert paid == OrderPaid("CNY", 9_490, 0, (8_990,), (0,))
    times = [(envelope.effective_at, envelope.offset) for *_, envelope, _ in ledger.log()]
    assert times == [(JUNE * 1_000, 480), (JUNE * 1_000, 480), ((JUNE + 60_000) * 1_000, 480)]
    assert ledger.balances() == {"bank": 9_490, "order_escrow:kuaishou:2116": 9_490}


@pytest.mark.parametrize("feed", [
    order(),
    {"data": order()},
    [order()],
    {"data": {"orderList": [order()]}},
], ids=["bare", "detail", "list", "page"])  # fmt: skip
def test_wherever_an_answer_has_it(ledger: Ledger, tmp_path: Path, feed: Any):
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(feed, indent=2), encoding="utf-8")
    ledger.load("kuaishou", path)
    assert ledger.topics() == ["order-placed", "order-paid"]


def test_again_nothing_is_new(ledger: Ledger, tmp_path: Path):
    whole = order(status=70, parcels=["SF1"], sendTime=JUNE + DAY, recvTime=JUNE + 3 * DAY)
    first = load(ledger, tmp_path, whole, refund(60))
    again = load(ledger, tmp_path, whole, refund(60))

    assert (again["read"], again["skipped"], again["recorded"]) == (first["read"], first["read"], 0)


def test_unpaid_and_closed(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(status=10, payTime=0), order(status=80, payTime=0, updateTime=JUNE + DAY))
    assert ledger.topics() == ["order-placed", "same-version-recorded", "order-cancelled"]
    assert ledger.log()[-1][3].effective_at == (JUNE + DAY) * 1_000


def test_newer_versions_become_the_difference_and_older_ones_change_nothing(ledger: Ledger, tmp_path: Path):
    newer = order(updateTime=JUNE + DAY, totalFee=8_990, item={"discountFee": 1_500})
    load(ledger, tmp_path, order(), newer, order(updateTime=JUNE + 5))

    assert ledger.topics() == ["order-placed", "order-paid", "order-amended", "stale-version-recorded"]
    assert ledger.balances() == {"bank": 8_990, "order_escrow:kuaishou:2116": 8_990}


def test_any_order_of_versions_ends_alike(ledger: Ledger, tmp_path: Path):
    newer = order(updateTime=JUNE + DAY, totalFee=8_990, item={"discountFee": 1_500})
    load(ledger, tmp_path, newer, order())
    assert ledger.balances() == {"bank": 8_990, "order_escrow:kuaishou:2116": 8_990}


SENT: dict[str, Any] = {"status": 40, "sendTime": JUNE + DAY}
PARCELS = {
    "one parcel with all": (
        [order(**SENT, parcels=["SF1"])],
        [ParcelDispatched("SF1", "4")], "dispatched",
    ),
    "shipped, but one unit of three": (
        [order(**SENT, parcels=["SF1"], split={"splitDeliveryOrder": True, "deliveryNum": 1})],
        [ParcelDispatched("SF1", "4", (Shipped(1, 1),))], "partly_dispatched",
    ),
    "one unit, then the rest": (
        [
            order(**SENT, parcels=["SF1"], split={"splitDeliveryOrder": True, "deliveryNum": 1}),
            order(**SENT, parcels=["SF1", "SF2"], updateTime=JUNE + DAY),
        ],
        [ParcelDispatched("SF1", "4", (Shipped(1, 1),)), ParcelDispatched("SF2", "4")], "dispatched",
    ),
    "parcels that say what they hold": (
        [order(**SENT) | {"orderLogisticsInfo": [{"expressNo": "SF1", "deliveryNum": 2}, {"expressNo": "SF2", "deliveryNum": 1}]}],
        [ParcelDispatched("SF1", "", (Shipped(1, 2),)), ParcelDispatched("SF2", "", (Shipped(1, 1),))], "dispatched",
    ),
    "sent without a waybill": (
        [order(**SENT)],
        [ParcelDispatched("sent-2116", "")], "dispatched",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("orders", "parcels", "stage"), PARCELS.values(), ids=list(PARCELS))
def test_units_leave_as_their_parcels_say(
    ledger: Ledger, tmp_path: Path, orders: Any, parcels: Any, stage: str
):
    load(ledger, tmp_path, *orders)
    found = [fact for fact in ledger.facts() if isinstance(fact, ParcelDispatched)]
    assert found == parcels
    assert state(ledger, "order-kuaishou:2116").stage == stage


def test_signed_and_done(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(**SENT | {"status": 50}, parcels=["SF1"], recvTime=JUNE + 3 * DAY))
    assert state(ledger, "order-kuaishou:2116").stage == "delivered"
    done = order(**SENT | {"status": 70}, parcels=["SF1"], recvTime=JUNE + 3 * DAY, updateTime=JUNE + 4 * DAY)
    load(ledger, tmp_path, done)
    assert state(ledger, "order-kuaishou:2116").stage == "confirmed"


def test_a_risk_holds_the_clock(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(riskCode=1))
    assert ledger.topics() == ["order-placed", "order-paid", "risk-hold-placed"]


REFUNDS = {
    "asked":          (10, ["refund-requested"], "requested"),
    "refused":        (12, ["refund-requested", "refund-refused"], "refused"),
    "in dispute":     (20, ["refund-requested", "refund-escalated"], "escalated"),
    "platform says":  (22, ["refund-requested", "refund-escalated", "refund-approved"], "approved"),
    "wait for goods": (30, ["refund-requested", "refund-approved"], "approved"),
    "goods under way": (40, ["refund-requested", "refund-approved", "return-shipped"], "return_shipped"),
    "exchanged":      (45, ["refund-requested"], "requested"),
    "executing":      (50, ["refund-requested", "refund-approved", "return-received"], "returned"),
    "paid":           (60, ["refund-requested", "refund-completed"], "completed"),
    "closed":         (70, ["refund-requested", "refund-closed"], "closed"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "topics", "now"), REFUNDS.values(), ids=list(REFUNDS))
def test_an_after_sales_case(ledger: Ledger, tmp_path: Path, status: int, topics: Any, now: str):
    load(ledger, tmp_path, order(), answer("refundOrderInfoList", refund(status)))
    assert ledger.topics("refund-kuaishou:900") == topics
    assert state(ledger, "refund-kuaishou:900").status == now


def test_the_money_of_a_refund(ledger: Ledger, tmp_path: Path):
    report = load(ledger, tmp_path, order(), refund(60, endTime=JUNE + 4 * DAY))

    assert report["documents"]["refunds"] == {"count": 1, "amount": 3_000}
    completed = ledger.facts("refund-kuaishou:900")[-1]
    assert isinstance(completed, RefundCompleted)
    assert (completed.cash, completed.shop, completed.buyer, completed.lines[0].line) == (
        3_000,
        "s1",
        "b1",
        1,
    )
    assert ledger.log()[-1][3].effective_at == (JUNE + 4 * DAY) * 1_000
    assert ledger.balances() == {"bank": 6_490, "order_escrow:kuaishou:2116": 6_490}


def test_refunds_before_their_order_wait(ledger: Ledger, tmp_path: Path):
    first = load(ledger, tmp_path, refund(60))
    assert first["parked"] == first["read"] == 2
    load(ledger, tmp_path, order())
    assert state(ledger, "refund-kuaishou:900").status == "completed"
    assert ledger.balances() == {"bank": 6_490, "order_escrow:kuaishou:2116": 6_490}


def test_one_page_tells_each_refund_once(ledger: Ledger, tmp_path: Path):
    page = {"data": {"refundOrderInfoList": [refund(10)], "dataList": [refund(10)]}}
    assert load(ledger, tmp_path, page)["read"] == 1


def test_a_settled_bill_hands_out_the_shares(ledger: Ledger, tmp_path: Path):
    bill = {
        "orderNo": 2116,
        "settlementTime": "2021-06-20 10:00:00",
        "totalOutgoingAmount": "1490",
        "platformCommissionAmount": "490",
        "distributorCommissionAmount": "1000",
    }
    load(ledger, tmp_path, order(), answer("orders", bill))
    assert ledger.balances() == {
        "bank": 9_490,
        "shop_payable:s1": 8_000,
        "host_payable:42": 1_000,
        "commission": 490,
    }
    assert ledger.log()[-1][3].effective_at == 1_624_154_400_000_000


@pytest.mark.parametrize("time", [None, ""])
def test_a_bill_that_is_not_settled(ledger: Ledger, tmp_path: Path, time: Any):
    report = load(ledger, tmp_path, {"orderNo": 2116, "settlementTime": time})
    assert report["filtered"] == {"orders that are not settled": 1}


def test_the_wallet(ledger: Ledger, tmp_path: Path):
    lines = [
        {"billId": "w1", "bizType": "FUND_FREEZE", "amount": -500, "billTime": JUNE, "remark": "投诉"},
        {"billId": "w2", "bizType": "SUBSIDY_RETURN", "amount": 70, "billTime": JUNE, "orderId": 2116},
        {"withdrawNo": "w3", "bizType": "WITHDRAW", "amount": -9_000, "createTime": JUNE},
    ]
    report = load(ledger, tmp_path, answer("list", *lines), shop="s1")

    assert report["documents"]["movements"] == {"count": 2, "amount": -430}
    assert report["documents"]["payouts"] == {"count": 1, "amount": 9_000}
    assert ledger.facts() == [
        PlatformFundMovementRecorded("s1", "FUND_FREEZE", "CNY", -500, reason="投诉"),
        PlatformFundMovementRecorded("s1", "SUBSIDY_RETURN", "CNY", 70, order="kuaishou:2116"),
        ShopPaidOut("s1", "CNY", 9_000, 9_000, "kuaishou", ("guard_exceeded",)),
    ]


WRONG = {
    "a wallet of nobody":   ({"billId": "w1", "bizType": "SETTLE", "amount": 5, "billTime": JUNE}, "wallet line w1", "--shop"),
    "an order of nobody":   (order(sellerOpenId=None), "order 2116", "--shop"),
    "a line without a number": ({"bizType": "SETTLE", "amount": 5}, "wallet line", "billId"),
    "an unknown status":    (refund(99), "refund 900", "99"),
    "an order without sum": (order(totalFee=None), "order 2116", "totalFee"),
    "a sum that is text":   (order(totalFee="free"), "order 2116", "totalFee"),
    "a year out of range":  (order(createTime=10**17), "order 2116", "time"),
    "nothing to sell":      (order(item={"num": -10**10}), "order 2116", "quantity"),
    "an error for answer":  ({"result": 21, "error_msg": "token expired"}, "payload", "token expired"),
    "a number":             (5, "payload", "object"),
    "an order that is none": ({"orderBaseInfo": 5, "orderItemInfo": {}}, "order", "orderBaseInfo"),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "name", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_refused(ledger: Ledger, tmp_path: Path, payload: Any, name: str, said: str):
    report = load(ledger, tmp_path, payload, order(7))
    (refused,) = report["refused"]
    assert refused["row"] == 1
    assert refused["reason"].startswith(f"{name}: ")
    assert said in refused["reason"]
    assert ledger.topics() == ["order-placed", "order-paid"]


def test_after_sales_without_money(ledger: Ledger, tmp_path: Path):
    report = load(ledger, tmp_path, refund(60, refundFee=0), answer("orderList"))
    assert (report["read"], report["skipped"]) == (1, 1)


def test_the_same_state_in_any_order_of_arrival(ledger: Ledger, tmp_path: Path):
    """An order in three versions, its refund and its bill: whichever comes first, all end alike."""
    feeds = []
    for oid, order_of_arrival in enumerate(permutations(range(5)), 1):
        shop: dict[str, Any] = {"oid": oid, "sellerOpenId": f"s{oid}"}
        story = [
            order(**shop, status=10, payTime=0),
            order(**shop, updateTime=JUNE + HOUR, totalFee=9_000, item={"discountFee": 1_490}),
            order(**shop, **SENT | {"status": 70}, updateTime=JUNE + 4 * DAY, parcels=["SF1", "SF2"]),
            refund(60, refundId=oid, oid=oid),
            {"orderNo": oid, "settlementTime": JUNE + 9 * DAY, "totalOutgoingAmount": 949},
        ]
        feeds += [story[number] for number in order_of_arrival]
    report = load(ledger, tmp_path, *feeds)

    assert report["refused"] == []
    balances = ledger.balances()
    net = 9_490 - 3_000 - (949 - 300)
    assert {balances.get(f"shop_payable:s{oid}") for oid in range(1, 121)} == {net}
    assert not [name for name in balances if name.startswith(("order_escrow", "import_suspense"))]
    streams: dict[str, list[Recorded]] = {}
    for fact in ledger.log():
        streams.setdefault(fact[1], []).append(Recorded(*fact))
    states = {stream: replay(stream, facts) for stream, facts in streams.items()}
    orders = [states[f"order-kuaishou:{oid}"] for oid in range(1, 121)]
    assert {(each.status, each.stage, each.shipped, each.paid_at, each.version) for each in orders} == {
        ("settled", "confirmed", (3,), (JUNE + 60_000) * 1_000, JUNE + 4 * DAY)
    }
    assert {states[f"refund-kuaishou:{oid}"].status for oid in range(1, 121)} == {"completed"}
