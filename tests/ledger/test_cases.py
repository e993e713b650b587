"""Of the cases with the right answer, what the table of all of them cannot tell: keys, order of arrival, versions."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from ledger.books import trial_balance
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command, Request, replay
from ledger.decisions.order import CloseOrder, OrderLine, PayOrder, PlaceOrder, SettleOrder
from ledger.decisions.refund import (
    ApproveRefund,
    CompleteRefund,
    RecordRefund,
    RefundItem,
    ReportedLine,
    RequestRefund,
)
from ledger.decisions.shop import PayOutShop
from ledger.errors import LedgerError
from ledger.events.base import Recorded, Source
from ledger.store.database import Database
from ledger.store.log import FactMapper, FactRecorder
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Result, Writer
from tests.ledger.stories import START


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
