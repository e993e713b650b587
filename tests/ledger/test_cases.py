"""The cases whose right answer the domain gives, told to the real writer on both databases."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from ledger import time
from ledger.books import trial_balance
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.appeal import AppealPenalty, OverturnPenalty, VaryPenalty
from ledger.decisions.appraisal import CertifyItem, PassItem, ReceiveItem, RecordCheck
from ledger.decisions.base import Command, Request, replay
from ledger.decisions.chargeback import ReceiveChargeback, ReverseChargeback
from ledger.decisions.claim import FileClaim
from ledger.decisions.dispatch import LiftRiskHold, PlaceRiskHold
from ledger.decisions.fine import CollectFine, FinalizePenalty, PayFine, ReleaseFine, ReturnFine
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import CloseOrder, OrderLine, PayOrder, PlaceOrder, SettleOrder
from ledger.decisions.penalty import Demand, ImposePenalty
from ledger.decisions.refund import (
    ApproveRefund,
    CompleteRefund,
    ReceiveReturn,
    RecordRefund,
    RefundItem,
    ReportedLine,
    RequestRefund,
    ShipReturn,
)
from ledger.decisions.returns import ClaimFreight
from ledger.decisions.shop import OpenShop, PayDeposit, PayOutShop, RefundDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.unasked import MarkOverdue
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import CertificateTaken, LedgerError, NotAppraised
from ledger.events.base import Recorded, Source
from ledger.events.claim import ClaimFunded
from ledger.events.order import OrderChargedBack
from ledger.events.shop import DepositRefunded
from ledger.policies import shipped
from ledger.store.database import Database
from ledger.store.log import FactMapper, FactRecorder
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Result, Writer
from tests.ledger.assured import assured, terms
from tests.ledger.stories import START, but


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """The real writer; whatever a case leads to is proved afterwards."""
    database = Database(database_url)
    migrate(database)
    writer = Writer(database)
    yield writer
    writer.close()
    report = verify(database)
    database.close()
    assert report.ok, [check for check in report.checks if not check.ok]


def told(writer: Writer, *commands: Command) -> None:
    for command in commands:
        writer.execute(Request(command=command))


def reported(writer: Writer, command: Command, version: int = 0) -> Result:
    """A report as an importer sends it: its key is that of the record at its version."""
    source = Source("feed", command.id, version)
    return writer.execute(
        Request(command=command, key=f"feed/{command.NAME}/{command.id}@{version}", source=source)
    )


def balances(writer: Writer) -> dict[str, int]:
    """All balances that are not zero, in fen."""
    books = trial_balance(writer.database)["currencies"].get("CNY", {"accounts": []})
    return {row["account"]: row["balance"] for row in books["accounts"]}


def log(writer: Writer) -> list[Recorded]:
    stored = FactRecorder(writer.database).select_notifications(1, 10_000)
    return [FactMapper().to_domain_event(notification) for notification in stored]


def topics(writer: Writer, result: Result) -> list[str]:
    return [recorded.fact.TOPIC for recorded in log(writer)[result.first_position - 1 : result.last_position]]


def placed(order: str, *lines: OrderLine, host: str = "") -> PlaceOrder:
    return PlaceOrder(id=order, shop="s", host=host, buyer="b", currency="CNY", lines=lines)


def bought(writer: Writer, line: OrderLine, cash: int) -> None:
    told(writer, placed("p:1", line), PayOrder(id="p:1", cash=cash))


def refunded(writer: Writer, refund: str, *items: RefundItem) -> None:
    told(
        writer,
        RequestRefund(id=refund, order="p:1", items=items),
        ApproveRefund(id=refund),
        CompleteRefund(id=refund),
    )


def settled(writer: Writer) -> None:
    """As a report, which needs no parcel."""
    reported(writer, SettleOrder(id="p:1"))


CUP = OrderLine(sku="cup", amount=19_900)


# Case 3: the same idempotency key.


@pytest.mark.parametrize(
    ("source", "code"), [(None, "idempotency_key_reused"), (Source("feed", "1"), "changed_without_version")]
)
def test_case_3_the_same_key(writer: Writer, source: Source | None, code: str):
    first = Request(command=placed("p:1", CUP), key="k", source=source)
    answer = writer.execute(first)
    assert answer == Result(1, 1)
    for _ in range(2):
        assert writer.execute(first) == Result(1, 1, hit=True)
    for other in (placed("p:1", CUP, CUP), placed("p:2", CUP), PayOrder(id="p:1", cash=19_900)):
        with pytest.raises(LedgerError) as refusal:
            writer.execute(Request(command=other, key="k", source=source))
        assert refusal.value.code == code
    assert len(log(writer)) == 1


def test_case_3_in_one_batch(writer: Writer):
    first = Request(command=placed("p:1", CUP), key="k")
    answers = writer.execute_many([first, first, Request(command=placed("p:2", CUP), key="k")])
    assert answers[:2] == [Result(1, 1), Result(1, 1, hit=True)]
    assert isinstance(answers[2], LedgerError)
    assert answers[2].code == "idempotency_key_reused"
    assert len(log(writer)) == 1


def test_case_3_a_key_that_was_refused_is_free(writer: Writer):
    with pytest.raises(LedgerError):
        writer.execute(Request(command=PayOrder(id="p:1", cash=1), key="k"))
    assert writer.execute(Request(command=placed("p:1", CUP), key="k")) == Result(1, 1)


# Case 13: what coupons paid is reversed, not given to the buyer.

COUPONS = OrderLine(sku="cup", amount=10_000, shop_coupon=1_000, platform_coupon=2_000)


@pytest.mark.parametrize("after_settlement", [False, True])
def test_case_13_refund_of_an_order_with_coupons(writer: Writer, after_settlement: bool):
    bought(writer, COUPONS, 7_000)
    assert balances(writer) == {"bank": 7_000, "platform_coupon": 2_000, "order_escrow:p:1": 9_000}
    if after_settlement:
        settled(writer)
        assert balances(writer) == {"bank": 7_000, "platform_coupon": 2_000, "shop_payable:s": 9_000}
    refunded(writer, "r")
    assert balances(writer) == {}
    (fact,) = [r.fact for r in log(writer) if r.fact.TOPIC == "refund-completed"]
    assert (getattr(fact, "cash", None), getattr(fact, "coupon", None)) == (7_000, 2_000)


# Case 14: three units for 100.00.

THREE = OrderLine(sku="cup", quantity=3, amount=10_000)


@pytest.mark.parametrize("after_settlement", [False, True])
@pytest.mark.parametrize(
    ("units", "left"),
    [
        ([1], 6_666),
        ([2], 6_667),
        ([3], 6_667),
        ([3, 2], 3_334),
        ([2, 1], 3_333),
        ([2, 3, 1], 0),
        ([1, 2, 3], 0),
    ],
)
def test_case_14_three_units_for_100(writer: Writer, units: list[int], left: int, after_settlement: bool):
    bought(writer, THREE, 10_000)
    holder = "order_escrow:p:1"
    if after_settlement:
        settled(writer)
        holder = "shop_payable:s"
    price = {1: 3_334, 2: 3_333, 3: 3_333}
    before = 10_000
    for unit in units:
        refunded(writer, f"r{unit}", RefundItem(line=1, units=(unit,)))
        assert before - balances(writer).get("bank", 0) == price[unit]
        before -= price[unit]
        with pytest.raises(LedgerError) as refusal:
            refunded(writer, f"r{unit}-again", RefundItem(line=1, units=(unit,)))
        assert refusal.value.code == "refund_exceeds_paid"
    assert balances(writer) == ({"bank": left, holder: left} if left else {})


# Case 18: a refund before its payment, and everything else before anything else.

Balances = dict[str, int]
#   reports in the order they count                  balances at the end, `#` for the story's number
STORIES: dict[str, tuple[Sequence[str], Balances]] = {
    "placed, paid, refunded": (
        ("place", "pay", "refund"),
        {"bank": 14_900, "order_escrow:p:#": 14_900},
    ),
    "and settled": (
        ("place", "pay", "refund", "settle"),
        {"bank": 14_900, "commission": 1_490, "host_payable:h#": 745, "shop_payable:s#": 12_665},
    ),
    "refunded after it was settled": (
        ("place", "pay", "settle", "refund"),
        {"bank": 14_900, "commission": 1_490, "host_payable:h#": 745, "shop_payable:s#": 12_665},
    ),
    "refunded wholly": (("place", "pay", "refund", "rest"), {}),
    "refunded wholly and settled": (("place", "pay", "settle", "refund", "rest"), {}),
    "refunded by more than was paid": (
        ("place", "pay", "refund", "all"),
        {"bank": -5_000, "import_suspense:feed": 5_000},
    ),
    "settled and closed": (
        ("place", "pay", "settle", "refund", "close"),
        {"bank": 14_900, "commission": 1_490, "host_payable:h#": 745, "shop_payable:s#": 12_665},
    ),
}


def report(name: str, story: int, hour: int) -> Command:
    order, at = f"p:{story}", START + timedelta(hours=hour)

    def back(cash: int) -> RecordRefund:
        lines = (ReportedLine(cash=cash),)
        return RecordRefund(
            id=f"{name}{story}", order=order, at=at, shop=f"s{story}", currency="CNY", lines=lines
        )

    commands = {
        "place": PlaceOrder(
            id=order, at=at, shop=f"s{story}", host=f"h{story}", buyer="b", currency="CNY", lines=(CUP,)
        ),
        "pay": PayOrder(id=order, at=at, cash=19_900),
        "settle": SettleOrder(id=order, at=at, commission=1_990, host_share=995),
        "close": CloseOrder(id=order, at=at),
        "refund": back(5_000),
        "rest": back(14_900),
        "all": back(19_900),
    }
    return commands[name]


def end(facts: Sequence[Recorded], stream: str) -> Any:
    """The state of a stream, but for where its facts stand and when the money was handed out."""
    state = replay(stream, [recorded for recorded in facts if recorded.stream == stream])
    fields = {"handed_out": 0} if stream.startswith("order-") else {"completed": bool(state.completed)}
    return msgspec.structs.replace(state, **fields)


@pytest.mark.parametrize(("reports", "expected"), STORIES.values(), ids=STORIES)
def test_case_18_every_order_of_arrival(writer: Writer, reports: Sequence[str], expected: Balances):
    ends: list[dict[str, Any]] = []
    before: Balances = {}
    for story, arrival in enumerate(permutations(range(len(reports)))):
        parked = []
        for hour in arrival:
            answer = reported(writer, report(reports[hour], story, hour))
            parked.append(answer.parked)
            assert answer.facts > 0
        # Whatever comes before the payment waits; settlement and refunds wait for it.
        assert any(parked) == any(
            arrival.index(hour) < max(arrival.index(0), arrival.index(min(hour, 1)))
            for hour in range(1, len(reports))
        )
        after = balances(writer)
        moved = {name: after.get(name, 0) - before.get(name, 0) for name in {*after, *before}}
        wanted = {name.replace("#", str(story)): amount for name, amount in expected.items()}
        assert {name: amount for name, amount in moved.items() if amount} == wanted, arrival
        before = after
        facts = log(writer)
        streams = {
            recorded.stream: end(facts, recorded.stream)
            for recorded in facts
            if recorded.stream.endswith((f":{story}", f"refund{story}", f"rest{story}", f"all{story}"))
        }
        assert not any(state.parked for state in streams.values())
        # The same story, but for its number.
        ends.append({name.replace(str(story), "#"): _named(state, story) for name, state in streams.items()})
    assert all(found == ends[0] for found in ends)


def _named(state: Any, story: int) -> str:
    return repr(state).replace(f"'s{story}'", "'s#'").replace(f"h{story}'", "h#'").replace(f"p:{story}'", "")


def test_case_18_what_was_parked_causes_what_it_becomes(writer: Writer):
    for name, hour in (("refund", 2), ("pay", 1), ("place", 0)):
        reported(writer, report(name, 1, hour))
    facts = log(writer)
    waiting = {r.position: r for r in facts if r.fact.TOPIC == "fact-parked"}
    assert [r.fact.TOPIC for r in facts[2:]] == ["order-placed", "order-paid", "refund-completed"]
    causes = [waiting[r.envelope.causation] for r in facts[3:]]
    assert [r.position for r in causes] == [2, 1]
    for cause, follower in zip(causes, facts[3:], strict=True):
        assert cause.envelope.effective_at == follower.envelope.effective_at
        assert cause.envelope.source == follower.envelope.source


# Case 19: the same record again, in the same, a newer or an older version.


def version(price: int, *, is_settled: bool) -> RecordOrder:
    """An order of which the platform has a tenth and the host a twentieth once it is settled."""
    shares = {"commission": price // 10, "host_share": price // 20} if is_settled else {}
    return RecordOrder(
        id="p:1",
        shop="s",
        host="h",
        buyer="b",
        currency="CNY",
        lines=(OrderLine(sku="cup", amount=price),),
        settled=is_settled,
        **shares,  # type: ignore[arg-type]
    )


def held(price: int) -> Balances:
    return {"bank": price, "order_escrow:p:1": price}


def shared(price: int) -> Balances:
    commission, host = price // 10, price // 20
    net = price - commission - host
    return {"bank": price, "commission": commission, "host_payable:h": host, "shop_payable:s": net}


@pytest.mark.parametrize(
    ("first", "number", "then", "topic", "expected"),
    [
        ((10_000, False), 2, (10_000, False), None, held(10_000)),
        ((10_000, False), 3, (10_000, False), "same-version-recorded", held(10_000)),
        ((10_000, False), 3, (12_000, False), "order-amended", held(12_000)),
        ((10_000, False), 3, (8_000, False), "order-amended", held(8_000)),
        ((10_000, False), 1, (12_000, False), "stale-version-recorded", held(10_000)),
        ((10_000, False), 1, (10_000, False), "stale-version-recorded", held(10_000)),
        ((10_000, False), 3, (12_000, True), "order-amended", shared(12_000)),
        ((10_000, True), 2, (10_000, True), None, shared(10_000)),
        ((10_000, True), 3, (10_000, True), "same-version-recorded", shared(10_000)),
        ((10_000, True), 3, (12_000, True), "order-amended", shared(12_000)),
        ((10_000, True), 3, (8_000, True), "order-amended", shared(8_000)),
        ((10_000, True), 1, (8_000, True), "stale-version-recorded", shared(10_000)),
        # A version that says nothing of the settlement leaves its shares as they were agreed.
        (
            (10_000, True),
            3,
            (12_000, False),
            "order-amended",
            shared(10_000) | {"bank": 12_000, "shop_payable:s": 10_500},
        ),
    ],
)
def test_case_19_an_order_again(
    writer: Writer, first: Any, number: int, then: Any, topic: str | None, expected: Balances
):
    told_first = version(first[0], is_settled=first[1])
    reported(writer, told_first, 2)
    again = version(then[0], is_settled=then[1])
    answer = reported(writer, again, number)
    if topic is None:
        assert answer.hit
    else:
        assert topics(writer, answer)[0] == topic
    assert balances(writer) == expected
    length = len(log(writer))
    assert reported(writer, again, number).hit
    assert reported(writer, told_first, 2).hit
    assert len(log(writer)) == length


def test_case_19_the_same_version_with_other_content(writer: Writer):
    reported(writer, version(10_000, is_settled=False), 2)
    other = version(12_000, is_settled=False)
    for key in ("feed/orders.record/p:1@2", "another key"):
        with pytest.raises(LedgerError) as refusal:
            writer.execute(Request(command=other, key=key, source=Source("feed", "p:1", 2)))
        assert refusal.value.code == "changed_without_version"
    assert balances(writer) == held(10_000)


def test_case_19_a_shop_that_was_paid_out_owes_what_a_newer_version_takes(writer: Writer):
    reported(writer, version(10_000, is_settled=True), 1)
    told(writer, PayOutShop(id="s"))
    reported(writer, version(8_000, is_settled=True), 2)
    # Of the 2 000 that went back, 200 and 100 were shares; the platform advanced the rest.
    assert balances(writer) == {
        "bank": 8_000 - 8_500,
        "commission": 800,
        "host_payable:h": 400,
        "refund_advance:s": 1_700,
    }


@pytest.mark.parametrize("is_settled", [False, True])
@pytest.mark.parametrize(
    ("number", "cash", "counts"),
    [(2, 3_000, 3_000), (3, 3_000, 3_000), (3, 5_000, 5_000), (3, 1_000, 1_000), (1, 9_000, 3_000)],
)
def test_case_19_a_refund_again(writer: Writer, number: int, cash: int, counts: int, is_settled: bool):
    def back(sum_: int) -> RecordRefund:
        lines = (ReportedLine(line=1, cash=sum_),)
        return RecordRefund(id="r", order="p:1", shop="s", currency="CNY", lines=lines)

    reported(writer, version(10_000, is_settled=is_settled), 1)
    reported(writer, back(3_000), 2)
    reported(writer, back(cash), number)
    expected = shared if is_settled else held
    assert balances(writer) == expected(10_000 - counts)
    length = len(log(writer))
    assert reported(writer, back(cash), number).hit
    assert len(log(writer)) == length


@pytest.mark.parametrize("is_settled", [False, True])
def test_case_19_a_refund_again_after_its_order_was_amended_below_it(writer: Writer, is_settled: bool):
    def back(sum_: int) -> RecordRefund:
        lines = (ReportedLine(line=1, cash=sum_),)
        return RecordRefund(id="r", order="p:1", shop="s", currency="CNY", lines=lines)

    expected = shared if is_settled else held
    reported(writer, version(10_000, is_settled=is_settled), 1)
    reported(writer, back(8_000), 1)
    reported(writer, version(6_000, is_settled=is_settled), 2)
    assert balances(writer) == {"bank": -2_000, "import_suspense:feed": 2_000}
    reported(writer, back(1_000), 2)
    assert balances(writer) == expected(5_000)


# Case 25: a banned shop asks for its deposit.


def asked_back(writer: Writer, moment: str) -> str:
    """What a request for the deposit leads to: a sum, or the code and the detail of the refusal."""
    try:
        result = writer.execute(Request(command=RefundDeposit(id="s1", at=time.parse(moment))))
    except LedgerError as refusal:
        return f"{refusal.code}: {refusal.detail}"
    fact = log(writer)[result.last_position - 1].fact
    assert isinstance(fact, DepositRefunded)
    return str(fact.amount)


def test_case_25_a_banned_shop_gets_its_deposit_when_nothing_can_be_claimed(writer: Writer):
    terms = msgspec.structs.replace(shipped()["counterfeit-2021-11"], force=True, reason="first terms")
    told(
        writer,
        terms,
        OpenShop(id="s1"),
        PayDeposit(id="s1", amount=300_000),
        OpenBenefit(id="s1", benefit="counterfeit", at=time.parse("2021-11-02")),
        PlaceOrder(
            id="p:25", shop="s1", buyer="b1", currency="CNY", lines=(OrderLine(sku="bag", amount=19_900),)
        ),
        PayOrder(id="p:25", cash=19_900, at=time.parse("2021-11-05")),
        DispatchParcel(id="p:25", waybill="w1"),
        DeliverParcel(id="p:25", waybill="w1", at=time.parse("2021-11-20")),
        ImposePenalty(
            id="pe1",
            party="shop",
            party_id="s1",
            fine=50_000,
            measures=(Demand(name="ban"),),
            reason="fakes",
            at=time.parse("2021-11-10"),
        ),
    )
    # 365 days after the last goods may have come: sold on the 10th, fifteen days on their way.
    early = asked_back(writer, "2022-11-25T23:59:59+08:00")
    assert early == "deposit_held: Until 2022-11-25T23:59:59.999999+08:00."
    told(writer, FileClaim(id="c1", order="p:25", benefit="counterfeit", at=time.parse("2022-11-19")))
    assert asked_back(writer, "2022-11-26") == "deposit_held: 1 claims are open."
    told(writer, UpholdClaim(id="c1", at=time.parse("2022-11-27")))
    assert balances(writer)["shop_deposit:s1"] == 300_000 - 9 * 19_900
    assert asked_back(writer, "2022-11-28") == "deposit_held: Fines are open: pe1."
    told(writer, CollectFine(id="pe1", at=time.parse("2022-11-29")))
    assert asked_back(writer, "2022-11-30") == str(300_000 - 9 * 19_900 - 50_000)
    assert "shop_deposit:s1" not in balances(writer)


# Case 26: a certificate number that another piece has.


def test_case_26_a_certificate_number_is_that_of_one_piece(writer: Writer):
    told(
        writer,
        PlaceOrder(
            id="p:26", shop="s1", currency="CNY", lines=(OrderLine(sku="ring", quantity=2, amount=80_000),)
        ),
        PayOrder(id="p:26", cash=80_000),
    )
    for serial in ("i1", "i2"):
        told(
            writer,
            ReceiveItem(id=serial, order="p:26", lab="lab1"),
            *(
                RecordCheck(id=serial, check=check, passed=True)
                for check in ("material", "weight", "item", "narration")
            ),
            PassItem(id=serial),
        )
    told(writer, CertifyItem(id="i1", certificate="GIA-1", fee=500))
    second = CertifyItem(id="i2", certificate="GIA-1", fee=500)
    with pytest.raises(CertificateTaken):
        told(writer, second)
    with pytest.raises(NotAppraised):
        told(writer, DispatchParcel(id="p:26", waybill="w1"))
    told(
        writer,
        msgspec.structs.replace(second, certificate="GIA-2"),
        DispatchParcel(id="p:26", waybill="w1"),
    )
    assert balances(writer)["lab_payable:lab1"] == 1_000


# Cases 7 and 8: what comes back of a fine.

FINE = ImposePenalty(id="n1", party="shop", party_id="s", fine=100_000, reason="fakes")
TAKEN = (OpenShop(id="s"), PayDeposit(id="s", amount=100_000), FINE, CollectFine(id="n1"))
RELEASED = (FinalizePenalty(id="n1"), ReleaseFine(id="n1"), AppealPenalty(id="n1"))


def test_case_7_a_released_fine_comes_back(writer: Writer):
    told(writer, *TAKEN, *RELEASED)
    spent_on_a_claim(writer, 70_000)
    assert balances(writer)["pet_fund"] == 30_000
    told(writer, OverturnPenalty(id="n1", reason="not fake"))
    found = balances(writer)
    assert "pet_fund" not in found
    assert found["platform_backstop"] == 70_000
    assert found["shop_deposit:s"] == 100_000
    assert found["buyer_payable:b"] == 70_000


def spent_on_a_claim(writer: Writer, amount: int) -> None:
    """The fund pays tenfold for a fake of another shop that has no deposit."""
    line = OrderLine(sku="bag", amount=amount // 10)
    told(
        writer,
        terms("counterfeit-2021-06", refund_included=False, refund=True),
        OpenShop(id="t"),
        OpenBenefit(id="t", benefit="counterfeit", at=START),
        PlaceOrder(id="p:9", shop="t", buyer="b", currency="CNY", lines=(line,), at=START),
        PayOrder(id="p:9", cash=amount // 10, at=START),
        FileClaim(id="c1", order="p:9", benefit="counterfeit", at=START),
        UpholdClaim(id="c1", at=START),
    )


@pytest.mark.parametrize("by_bank", [False, True])
def test_case_8_a_lowered_fine(writer: Writer, by_bank: bool):
    paid = (FINE, PayFine(id="n1", amount=100_000)) if by_bank else TAKEN
    told(writer, *paid, AppealPenalty(id="n1"), VaryPenalty(id="n1", total=40_000))
    if by_bank:
        assert balances(writer)["penalty_held:n1"] == 100_000
        told(writer, ReturnFine(id="n1"))
    found = balances(writer)
    assert found["penalty_held:n1"] == 40_000
    assert found["bank" if by_bank else "shop_deposit:s"] == (40_000 if by_bank else 60_000)


# Case 15: three units, one of them late, though the platform says that the order has left.


def assured_shop(writer: Writer, *names: str) -> None:
    """Shop s has opened the shipped terms of these files and paid a deposit."""
    for step in assured(*names):
        told(writer, but(step, id="s", at=START) if step.id == "s1" else step)


def test_case_15_and_17_late_by_unit_while_the_clock_ran(writer: Writer):
    assured_shop(writer, "late-dispatch-2021-06")

    def at(hours: int) -> datetime:
        return START + timedelta(hours=hours)

    told(
        writer,
        but(placed("p:1", OrderLine(sku="cup", quantity=3, amount=30_000)), dispatch_by=at(48)),
        PayOrder(id="p:1", cash=30_000, at=at(1)),
        DispatchParcel(id="p:1", waybill="w1", items=(ParcelItem(line=1, quantity=2),), at=at(24)),
        PlaceRiskHold(id="p:1", reason="looks stolen", at=at(40)),
        LiftRiskHold(id="p:1", at=at(44)),
        DispatchParcel(id="p:1", waybill="w2", at=at(60)),
        MarkOverdue(id="p:1", at=at(52)),
    )
    assert "buyer_payable:b" not in balances(writer)
    told(writer, MarkOverdue(id="p:1", at=at(53)), MarkOverdue(id="p:1"))
    assert balances(writer)["buyer_payable:b"] == 1_000


# Case 23: two orders in one return parcel.


def test_case_23_freight_once_a_waybill(writer: Writer):
    assured_shop(writer, "return-freight-2021-06")
    for number, price in ((1, 30_000), (2, 10_000)):
        order, refund = f"p:{number}", f"r{number}"
        told(
            writer,
            placed(order, OrderLine(sku="cup", amount=price)),
            PayOrder(id=order, cash=price),
            RequestRefund(id=refund, order=order, returns=True),
            ApproveRefund(id=refund),
            ShipReturn(id=refund, waybill="w9"),
            ReceiveReturn(id=refund),
            CompleteRefund(id=refund),
        )
    freight = ClaimFreight(id="w9", cost=1_500, refunds=("r1", "r2"))
    told(writer, freight, freight)
    assert balances(writer) == {"bank": 100_000, "shop_deposit:s": 98_800, "buyer_payable:b": 1_200}
    paid = [recorded.fact for recorded in log(writer) if isinstance(recorded.fact, ClaimFunded)]
    assert [(fact.order, fact.parts.total) for fact in paid] == [("p:1", 900), ("p:2", 300)]


# Case 29: a card chargeback after a refund.


@pytest.mark.parametrize("is_settled", [False, True])
def test_case_29_a_chargeback_after_a_refund(writer: Writer, is_settled: bool):
    bought(writer, CUP, 19_900)
    if is_settled:
        settled(writer)
    refunded(writer, "r", RefundItem(line=1))
    charged = ReceiveChargeback(id="k", order="p:1", amount=19_900)
    told(writer, charged, charged)
    # Not netted with anything: the buyer owes what the bank took.
    assert balances(writer) == {"bank": -19_900, "buyer_receivable:b": 19_900}
    (fact,) = [recorded.fact for recorded in log(writer) if isinstance(recorded.fact, OrderChargedBack)]
    assert fact.marks == ("charged_back", "already_refunded")
    told(writer, ReverseChargeback(id="k"))
    assert balances(writer) == {}
