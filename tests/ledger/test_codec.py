"""Stored bytes are for ever: a golden row for each shape a fact ever had, a clear word for others."""

from collections.abc import Iterator

import msgpack
import msgspec
import pytest

from ledger import catalogue
from ledger.codec import CODEC, UPCASTS, Codec, digest, fact_types, leaf_bytes, plain
from ledger.decisions.base import FOLDS
from ledger.errors import Corrupt
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.base import Envelope, Fact, Source
from ledger.events.correction import CorrectionRecorded
from ledger.events.fulfilment import ParcelDelivered, ParcelDispatched, ReceiptConfirmed, Shipped
from ledger.events.order import (
    Line,
    OrderAmended,
    OrderCancelled,
    OrderClosed,
    OrderPaid,
    OrderPlaced,
    OrderSettled,
    OrderVoided,
    SameVersionRecorded,
    SharesRestored,
    StaleVersionRecorded,
)
from ledger.events.parking import FactParked
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundClosed,
    RefundCompleted,
    RefundEscalated,
    RefundLine,
    RefundRefused,
    RefundRequested,
    ReturnReceived,
    ReturnShipped,
)
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    HostPaidOut,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopPaidOut,
)
from ledger.postings import POSTINGS

assert catalogue.LIFECYCLES  # Importing the catalogue registers every decision, and so every fold.

# "topic/version": the fact as it is read today, and the bytes as they were stored under that version.
GOLDEN: dict[str, tuple[Fact, str]] = {
    "order-placed/1": (
        OrderPlaced(
            "s1",
            "b1",
            "CNY",
            (Line("sku", "Cup", 3, 10_000, 1_000, 2_000, "maker", "depot"),),
            500,
            "h1",
            "live1",
            "app",
            "key",
            ("zero_value",),
        ),
        (
            "9b01a27331a26231a3434e599198a3736b75a343757003cd2710cd03e8cd07d0a56d616b6572a56465706f74cd01"
            "f4a26831a56c69766531a3617070a36b657991aa7a65726f5f76616c7565"
        ),
    ),
    "order-paid/1": (
        OrderPaid("CNY", 7_500, 2_000, (7_000,), (2_000,), ("amount_mismatch",)),
        "9701a3434e59cd1d4ccd07d091cd1b5891cd07d091af616d6f756e745f6d69736d61746368",
    ),
    "order-amended/1": (
        OrderAmended(
            2,
            "s1",
            "h1",
            "b2",
            "CNY",
            (Line("sku", "Cup", 2, 6_000),),
            0,
            6_000,
            0,
            (6_000,),
            (0,),
            -1_500,
            -2_000,
            300,
            500,
            -100,
            (-100,),
            20,
            10,
            3_400,
            0,
            0,
            "feed",
            ("guard_exceeded",),
        ),
        (
            "dc00190102a27331a26831a26232a3434e599198a3736b75a343757002cd17700000a0a000cd17700091cd177091"
            "00d1fa24d1f830cd012ccd01f4d09c91d09c140acd0d480000a46665656491ae67756172645f6578636565646564"
        ),
    ),
    "order-settled/1": (
        OrderSettled("s1", "h1", "CNY", 8_700, 300, 500, 300, 500, ("guard_exceeded",)),
        "9a01a27331a26831a3434e59cd21fccd012ccd01f4cd012ccd01f491ae67756172645f6578636565646564",
    ),
    "shares-restored/1": (
        SharesRestored("s1", "h1", "CNY", 3_000, -15, -9),
        "9701a27331a26831a3434e59cd0bb8f1f7",
    ),
    "order-cancelled/1": (
        OrderCancelled("changed my mind", ("out_of_order",)),
        "9301af6368616e676564206d79206d696e6491ac6f75745f6f665f6f72646572",
    ),
    "order-voided/1": (
        OrderVoided("brushing", "b1", 18_779),
        "9401a86272757368696e67a26231cd495b",
    ),
    "order-closed/1": (
        OrderClosed(),
        "9101",
    ),
    "same-version-recorded/1": (
        SameVersionRecorded(3, 2),
        "93010302",
    ),
    "stale-version-recorded/1": (
        StaleVersionRecorded(1, 2),
        "93010102",
    ),
    "parcel-dispatched/1": (
        ParcelDispatched("w1", "sf", (Shipped(1, 2),), ("quantity_mismatch",)),
        "9501a27731a273669192010291b17175616e746974795f6d69736d61746368",
    ),
    "parcel-delivered/1": (
        ParcelDelivered("w1", ("out_of_order",)),
        "9301a2773191ac6f75745f6f665f6f72646572",
    ),
    "receipt-confirmed/1": (
        ReceiptConfirmed(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "refund-requested/1": (
        RefundRequested(
            "p:1",
            "s1",
            "b1",
            "CNY",
            2_334,
            667,
            (RefundLine(1, "sku", 1, 2_334, 667, 9_000, (1,), 0),),
            "broken",
            True,
        ),
        (
            "9a01a3703a31a27331a26231a3434e59cd091ecd029b919801a3736b7501cd091ecd029bcd2328910100a662726f"
            "6b656ec3"
        ),
    ),
    "refund-approved/1": (
        RefundApproved(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "refund-refused/1": (
        RefundRefused("no", ("out_of_order",)),
        "9301a26e6f91ac6f75745f6f665f6f72646572",
    ),
    "refund-escalated/1": (
        RefundEscalated("help"),
        "9201a468656c70",
    ),
    "return-shipped/1": (
        ReturnShipped("w2", "sf", True, ("out_of_order",)),
        "9501a27732a27366c391ac6f75745f6f665f6f72646572",
    ),
    "return-received/1": (
        ReturnReceived(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "instant-refund-advanced/1": (
        InstantRefundAdvanced(
            "p:1", "s1", "CNY", 2_334, 667, 9_500, (RefundLine(1, "sku", 1, 2_334, 667, 9_000, (1,)),)
        ),
        "9801a3703a31a27331a3434e59cd091ecd029bcd251c919801a3736b7501cd091ecd029bcd2328910100",
    ),
    "refund-advance-recovered/1": (
        RefundAdvanceRecovered("p:1", "s1", "CNY", 1_000, 1_300, 34),
        "9701a3703a31a27331a3434e59cd03e8cd051422",
    ),
    "refund-completed/1": (
        RefundCompleted(
            "p:1",
            "s1",
            "h1",
            "b1",
            "CNY",
            9_000,
            2_000,
            0,
            9_500,
            (RefundLine(1, "sku", 3, 9_000, 2_000, 9_000, (), 2_000),),
            Bearers(0, 500, 300, 8_700, 200, 100, 2_000),
            "feed",
            ("guard_exceeded",),
        ),
        (
            "9e01a3703a31a27331a26831a26231a3434e59cd2328cd07d000cd251c919801a3736b7503cd2328cd07d0cd2328"
            "90cd07d09700cd01f4cd012ccd21fcccc864cd07d0a46665656491ae67756172645f6578636565646564"
        ),
    ),
    "refund-closed/1": (
        RefundClosed("done"),
        "9201a4646f6e65",
    ),
    "shop-opened/1": (
        ShopOpened("Cups & Co", "CNY", "home"),
        "9401a943757073202620436fa3434e59a4686f6d65",
    ),
    "deposit-paid/1": (
        DepositPaid("s1", "CNY", 100_000),
        "9401a27331a3434e59ce000186a0",
    ),
    "deposit-refunded/1": (
        DepositRefunded("s1", "CNY", 99_000),
        "9401a27331a3434e59ce000182b8",
    ),
    "shop-paid-out/1": (
        ShopPaidOut("s1", "CNY", 9_000, 300, "feed", ("guard_exceeded",)),
        "9701a27331a3434e59cd2328cd012ca46665656491ae67756172645f6578636565646564",
    ),
    "host-paid-out/1": (
        HostPaidOut("h1", "CNY", 300, 0, "", ()),
        "9701a26831a3434e59cd012c00a090",
    ),
    "shop-closing-requested/1": (
        ShopClosingRequested("moving on"),
        "9201a96d6f76696e67206f6e",
    ),
    "shop-closed/1": (
        ShopClosed(),
        "9101",
    ),
    "adjustment-recorded/1": (
        AdjustmentRecorded("s1", "GBP", -1_100, "bad debt"),
        "9501a27331a3474250d1fbb4a86261642064656274",
    ),
    "correction-recorded/1": (
        CorrectionRecorded(7, "deposit-paid", bytes.fromhex("9401a27331a3434e59ce000186a0"), "typed twice"),
        "950107ac6465706f7369742d70616964c40e9401a27331a3434e59ce000186a0ab7479706564207477696365",
    ),
    "fact-parked/1": (
        FactParked(
            "orders.pay", bytes.fromhex("83a26964a3703a31a26174c0a463617368cd1d4c"), "review", "wrong_state"
        ),
        (
            "9501aa6f72646572732e706179c41483a26964a3703a31a26174c0a463617368cd1d4ca6726576696577ab77726f"
            "6e675f7374617465"
        ),
    ),
}

ENVELOPE = Envelope(
    recorded_at=1_623_340_799_000_001,
    effective_at=1_623_340_799_000_000,
    offset=480,
    occurred_at=1_623_340_000_000_000,
    actor="clerk",
    causation=3,
    correlation="order-p:1",
    key="key-1",
    source=Source("feed", "p:1", 2, b"\x01" * 32),
    reverses=5,
)
GOLDEN_ENVELOPE = (
    "9b01cf0005c46b7bac7dc1cf0005c46b7bac7dc0cd01e0cf0005c46b4c0cb800a5636c65726b03a96f726465722d703a31"
    "a56b65792d3194a466656564a3703a3102c420" + "01" * 32 + "05"
)
# The same with nothing but times.
GOLDEN_BARE = "9b010102cd01e0c0a000a0a0c000"


def golden_rows() -> Iterator[tuple[str, int, Fact, bytes]]:
    for name, (fact, body) in GOLDEN.items():
        topic, _, version = name.rpartition("/")
        yield topic, int(version), fact, bytes.fromhex(body)


ROWS = list(golden_rows())
NAMES = list(GOLDEN)


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.TOPIC)
def test_every_fact_is_at_home_in_every_room(fact):
    name = f"{fact.TOPIC}/{fact.__struct_config__.tag}"
    room = fact.__module__.rpartition(".")[2]
    missing = []
    if not (fact.__doc__ or "").strip() or fact.__doc__ == Fact.__doc__:
        missing.append(f"ledger/events/{room}.py: a docstring that says what happened, and the units")
    if fact not in POSTINGS:
        missing.append("ledger/postings.py: a row in POSTINGS (empty if it moves no money)")
    if fact not in FOLDS:
        missing.append(f"ledger/decisions/{room}.py: a fold (`unchanged` if the state does not care)")
    if name not in GOLDEN:
        missing.append(f"tests/ledger/test_codec.py: a row {name!r} in GOLDEN with its bytes")
    assert not missing, f"{fact.__name__} lacks:\n" + "\n".join(missing)


def test_the_tables_name_no_fact_that_is_gone():
    topics = {fact.TOPIC for fact in fact_types()}
    assert {topic for topic, *_ in ROWS} == topics
    assert set(POSTINGS) == set(FOLDS) == set(fact_types())


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.TOPIC)
def test_a_topic_is_its_first_name_for_ever(fact):
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in fact.__name__)
    assert words == f"-{fact.TOPIC}"


@pytest.mark.parametrize(("topic", "version", "fact", "body"), ROWS, ids=NAMES)
def test_golden_bytes(topic, version, fact, body):
    assert CODEC.decode_body(topic, body) == fact
    if version == fact.__struct_config__.tag:
        assert CODEC.encode_body(fact) == body, "a stored shape changed: give the fact its next version"
    else:
        assert (topic, version) in UPCASTS


@pytest.mark.parametrize(("topic", "version", "fact", "body"), ROWS, ids=NAMES)
def test_any_messagepack_library_reads_a_state(topic, version, fact, body):
    envelope, values = msgpack.unpackb(CODEC.encode(ENVELOPE, fact))
    assert envelope[0] == 1
    assert envelope[1:4] == [ENVELOPE.recorded_at, ENVELOPE.effective_at, 480]
    # Every field is there, whether it has its default or not: what defaults mean may change, bytes may not.
    assert values[0] == fact.__struct_config__.tag
    assert len(values) == 1 + len(fact.__struct_fields__)
    assert msgpack.packb(values) == CODEC.encode_body(fact)


@pytest.mark.parametrize(("envelope", "state"), [
    (ENVELOPE,              GOLDEN_ENVELOPE),
    (Envelope(1, 2, 480),   GOLDEN_BARE),
], ids=["full", "bare"])  # fmt: skip
def test_golden_envelopes(envelope, state):
    stored = bytes.fromhex("92" + state + "9101")
    assert CODEC.encode(envelope, OrderClosed()) == stored
    assert CODEC.decode("order-closed", stored) == (envelope, OrderClosed())


def test_golden_leaf():
    leaf = leaf_bytes(7, "order-p:1", 2, "order-closed", b"\x91\x01")
    assert leaf.hex() == "9407a96f726465722d703a3102ac6f726465722d636c6f7365649101"


def test_a_digest_tells_values_apart():
    same = digest("orders.pay", {"cash": 1}).hex()
    assert same == "af948db36dcdddc276cf3d158b1ef475622c6374e399a0c3e02d7bd96e4e4e61"
    assert len({digest(), digest(""), digest("a", "b"), digest("ab"), digest(("a", "b"))}) == 5


# Upcasts, with a register of their own: Mended was stored as version 1 (name), then 2 (name, amount).


class Mended(Fact, tag=3):
    """A thing was mended: version 2 learned the cost, version 3 put the currency first."""

    TOPIC = "mended"

    currency: str
    amount: int
    name: str


TOYS = Codec(
    [Mended],
    {
        ("mended", 1): lambda values: [*values, 0],
        ("mended", 2): lambda values: ["CNY", values[1], values[0]],
    },
)


@pytest.mark.parametrize("stored", [
    [1, "cup"],
    [2, "cup", 0],
    [3, "CNY", 0, "cup"],
], ids=["version 1", "version 2", "version 3"])  # fmt: skip
def test_older_versions_are_lifted_step_by_step(stored):
    cup = Mended("CNY", 0, "cup")
    envelope = msgpack.unpackb(bytes.fromhex(GOLDEN_BARE))
    assert TOYS.decode("mended", msgpack.packb([envelope, stored])) == (Envelope(1, 2, 480), cup)
    assert TOYS.decode_body("mended", msgpack.packb(stored)) == cup


def test_two_facts_cannot_share_a_topic():
    class Patched(Fact):
        TOPIC = "mended"

    with pytest.raises(ValueError, match="mended stands twice"):
        Codec([Mended, Patched], {})


def test_the_same_fact_may_be_named_twice():
    assert Codec([Mended, Mended], {}).types == {"mended": Mended}


BARE = bytes.fromhex(GOLDEN_BARE)
WRONG_BODIES = {
    "nothing":              b"",
    "cut":                  bytes.fromhex("9301a3"),
    "something behind":     bytes.fromhex("9301a26e6f90") + b"\x00",
    "a number":             b"\x01",
    "no text":              bytes.fromhex("9301a2ffff90"),
    "no version":           bytes.fromhex("90"),
    "a version to come":    bytes.fromhex("9302a26e6f90"),
    "a list for version":   bytes.fromhex("9390a26e6f90"),
    "another type":         bytes.fromhex("93010590"),
    "a field too many":     bytes.fromhex("9401a26e6f9001"),
    "a field too few":      bytes.fromhex("9101"),
    "a map":                bytes.fromhex("8101a26e6f"),
    "an endless array":     bytes.fromhex("ddffffffff01"),
    "a deep array":         b"\x91" * 5_000,
    "a reserved byte":      b"\xc1",
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_wrong_bytes_are_corrupt(body):
    with pytest.raises(Corrupt):
        CODEC.decode_body("refund-refused", body)
    with pytest.raises(Corrupt):
        CODEC.decode("refund-refused", b"\x92" + BARE + body)
    with pytest.raises(Corrupt):
        CODEC.decode("refund-refused", body)


@pytest.mark.parametrize("envelope", [b"\x90", b"\x91\x02", b"\x01", BARE[:-1], b"\x9b\x02" + BARE[2:]])
def test_a_wrong_envelope_is_corrupt(envelope):
    with pytest.raises(Corrupt):
        CODEC.decode("order-closed", b"\x92" + envelope + b"\x91\x01")


def test_a_topic_outside_the_register_is_corrupt():
    with pytest.raises(Corrupt, match="never-heard"):
        CODEC.decode("never-heard", b"\x92" + BARE + b"\x91\x01")
    with pytest.raises(Corrupt):
        CODEC.decode_body("never-heard", b"\x91\x01")


@pytest.mark.parametrize("stored", [[1], [1, 2, 3, 4], [2, "cup"], [0, "cup"], ["1", "cup"]], ids=str)
def test_wrong_bytes_of_an_older_version_are_corrupt_too(stored):
    with pytest.raises(Corrupt):
        TOYS.decode_body("mended", msgpack.packb(stored))


def test_what_people_and_json_see():
    fact = CorrectionRecorded(7, "deposit-paid", b"\x01\xff", "typed twice")
    seen = {"position": 7, "topic": "deposit-paid", "body": "01ff", "reason": "typed twice"}
    assert plain(fact) == seen
    dispatched = ParcelDispatched("w1", "", (Shipped(1, 2),))
    assert plain(dispatched)["items"] == [{"line": 1, "quantity": 2}]
    assert plain(ENVELOPE)["source"] == {
        "system": "feed",
        "id": "p:1",
        "version": 2,
        "digest": "01" * 32,
    }
    assert msgspec.json.encode(plain(ENVELOPE))
