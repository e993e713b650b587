"""What a decision may know beforehand: each kind of thing in one query, and nothing is asked for twice."""

from collections.abc import Sequence

import pytest

from ledger import catalogue, codec
from ledger.decisions import base
from ledger.decisions.appraisal import ReceiveItem
from ledger.decisions.base import Account, Command, Known, Past, Request
from ledger.decisions.brushing import VoidOrders
from ledger.decisions.card import RedeemCoupon, UseBenefit
from ledger.decisions.chargeback import ReceiveChargeback
from ledger.decisions.claim import FileClaim
from ledger.decisions.complaint import LinkClaim
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.incident import AddMembers, GrantCompensation, Listed, PayCompensation
from ledger.decisions.order import PayOrder, SettleOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.returns import ClaimFreight
from ledger.decisions.shop import OpenShop
from ledger.decisions.unasked import MarkOverdue
from ledger.errors import UnknownPosition
from ledger.events.base import Fact, Recorded
from tests.ledger.stories import CONFIRM, DISPATCHED, PAID, PLACE, RECORD, Ledger, Memory, but, gave
from tests.ledger.stories import asked as wanted

assert catalogue.LIFECYCLES  # Importing the catalogue registers every decision.

ORDER, REFUND = "order-p:1", ("p:1",)
FILE = FileClaim(id="c1", order="p:1", benefit="counterfeit")
IMPOSE = ImposePenalty(id="n1", fine=1, reason="fakes")
MEMBERS = AddMembers(id="i1", members=(Listed(buyer="b1"), Listed(buyer="b2")))


@pytest.mark.parametrize(("command", "streams", "orders", "escrows"), [
    (OpenShop(id="s1"),                            ("shop-s1",),                     (),     ()),
    (PLACE,                                        (ORDER, "shop-s1"),               (),     ()),
    (PayOrder(id="p:1", cash=1),                   (ORDER,),                         (),     REFUND),
    (SettleOrder(id="p:1"),                        (ORDER,),                         REFUND, REFUND),
    (RECORD,                                       (ORDER, "shop-s1"),    REFUND, REFUND),
    (MarkOverdue(id="p:1"),                        (ORDER, "claim-late:p:1"),        REFUND, REFUND),
    (wanted("r1"),                                 ("refund-r1", ORDER),             REFUND, REFUND),
    (gave("r1", 1),                                ("refund-r1", ORDER),             REFUND, REFUND),
    (gave("r1", 1, order=""),                      ("refund-r1",),                   (),     ()),
    (FILE,                                         ("claim-c1", ORDER),              REFUND, REFUND),
    (ReceiveChargeback(id="k1", order="p:1", amount=1), ("chargeback-k1", ORDER),    REFUND, REFUND),
    (ReceiveItem(id="i1", order="p:1", lab="l1"),  ("item-i1", ORDER),               REFUND, REFUND),
    (RedeemCoupon(id="b1", coupon="k1", order="p:1"), ("card-b1", ORDER),            (),     ()),
    (UseBenefit(id="b1", benefit="freight", reference="c1"), ("card-b1", "policy-freight"), (), ()),
    (VoidOrders(id="n1", order_ids=("p:1", "p:2")), ("penalty-n1", ORDER, "order-p:2"), ("p:1", "p:2"), ("p:1", "p:2")),
    (IMPOSE,                                       ("penalty-n1",),                  (),     ()),
    (but(IMPOSE, party="shop", party_id="s1"),     ("penalty-n1", "shop-s1"),        (),     ()),
    (but(IMPOSE, party="host", party_id="h1"),     ("penalty-n1",),                  (),     ()),
    (but(IMPOSE, party="host", party_id="h1", shop="s1"), ("penalty-n1", "shop-s1"), (),     ()),
    (ClaimFreight(id="w1", cost=1, refunds=("r1", "r2")), ("return-w1", "refund-r1", "refund-r2"), (), ()),
    (MEMBERS,                                      ("incident-i1", "member-i1:b1", "member-i1:b2"), (), ()),
    (GrantCompensation(id="i1", buyers=("b1",)),   ("incident-i1", "member-i1:b1"),  (),     ()),
    (PayCompensation(id="i1", buyers=("b1",)),     ("incident-i1", "member-i1:b1"),  (),     ()),
    (LinkClaim(id="m1", claim="c1"),               ("complaint-m1", "claim-c1"),     (),     ()),
    (RecordCorrection(id="7", reason="wrong"),     (),                               (),     ()),
], ids=lambda value: getattr(value, "NAME", None))  # fmt: skip
def test_what_a_command_will_ask_for(
    command: Command, streams: tuple[str, ...], orders: tuple[str, ...], escrows: tuple[str, ...]
):
    assert (command.touches(), command.orders(), command.escrows()) == (streams, orders, escrows)


class Counting(Memory):
    """A past that writes down what it is asked for."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        super().__init__()
        self.facts = list(facts)
        self.asked: list[tuple[str, ...]] = []

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        self.asked.append(("streams", *sorted(names)))
        return {name: [each for each in self.facts if each.stream == name] for name in names}

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:
        self.asked.append(("accounts", *sorted(names)))
        return {(name, "CNY"): Account(1, 10_000) for name in names if name == "order_escrow:p:1"}

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        self.asked.append(("uses", *sorted(subjects)))
        return {"refund/p:1": (300, 10_000)}


LOADED = [
    ("accounts", "order_escrow:p:1", "order_escrow:p:2"),
    ("streams", "order-p:1", "order-p:2"),
    ("uses", "refund/p:1", "refund/p:2"),
]


def test_what_is_loaded_is_asked_for_once():
    loader = Counting(Ledger(DISPATCHED).memory.facts)
    past = Past(loader, Known(), len(loader.facts), 0)
    past.load([CONFIRM, but(CONFIRM, id="p:2"), CONFIRM])
    assert sorted(loader.asked) == LOADED
    past.load([CONFIRM, but(CONFIRM, id="p:2")])
    assert past.state("order-p:1").status == "dispatched"
    assert past.version("order-p:1") == 3
    assert past.version("order-p:2") == 0
    assert past.balance("order_escrow:p:1", "CNY") == 10_000
    assert past.balance("order_escrow:p:1", "USD") == 0
    assert past.balance("order_escrow:p:2", "CNY") == 0
    assert past.used("refund/p:1") == 300
    assert past.used_of(["refund/p:1", "refund/p:2"]) == [300, 0]
    assert sorted(loader.asked) == LOADED


def test_what_is_not_loaded_is_asked_for_when_it_is_wanted():
    loader = Counting(Ledger(PAID).memory.facts)
    past = Past(loader, Known(), len(loader.facts), 0)
    past.load([OpenShop(id="s1")])
    assert loader.asked == [("streams", "shop-s1")]
    past.load([but(CONFIRM)])
    past.fetch(["order-p:1", "order-p:3"], ["bank", "order_escrow:p:1"])
    assert loader.asked[4:] == [("accounts", "bank"), ("streams", "order-p:3")]
    assert past.used_of(["refund/p:1", "refund/p:9"]) == [300, 0]
    assert loader.asked[6:] == [("uses", "refund/p:9")]
    assert past.used("refund/p:9") == 0
    assert past.balance("bank", "CNY") == 0
    assert len(loader.asked) == 7


def test_a_use_that_is_known_not_to_be_is_allowed_nothing():
    known = Known()
    past = Past(Counting(()), known, 0, 0)
    past.load([CONFIRM, but(CONFIRM, id="p:2")])
    assert known.uses == {"refund/p:1": (300, 10_000), "refund/p:2": (0, 0)}


def test_facts_of_the_batch_are_known_before_they_are_stored():
    loader = Counting(Ledger(PAID).memory.facts)
    stored = len(loader.facts)
    past = Past(loader, Known(), stored, 0)
    made = [
        recorded
        for id_ in ("s1", "s2", "s3")
        for recorded in past.decide(Request(command=OpenShop(id=id_))).facts
    ]
    assert [each.position for each in made] == [stored + 1, stored + 2, stored + 3]
    assert [past.fact(each.position) for each in made] == made
    for absent in (0, stored + 4):
        with pytest.raises(UnknownPosition):
            past.fact(absent)


def test_a_repetition_is_known_by_the_name_and_all_fields():
    asked = Request(command=CONFIRM)
    assert asked.fingerprint() == codec.digest("orders.confirm", CONFIRM)
    assert asked.fingerprint() != codec.digest("orders.place", CONFIRM)
    assert Request(command=CONFIRM, digest=b"told").fingerprint() == b"told"


def test_decisions_and_folds_are_registered_under_what_they_are_about():
    class Nod(Command, kw_only=True):
        NAME = "heads.nod"
        STREAM = "head"

    class Nodded(Fact, frozen=True):
        TOPIC = "nodded"

    class Shaken(Fact, frozen=True):
        TOPIC = "shaken"

    try:
        decision, fold = (
            base.decides(Nod)(lambda _past, _command: iter(())),
            base.folds(Nodded, Shaken)(base.unchanged),
        )
        assert base.COMMANDS["heads.nod"] is Nod
        assert base.DECISIONS[Nod] is decision
        assert base.FOLDS[Nodded] is base.FOLDS[Shaken] is fold is base.unchanged
    finally:
        base.COMMANDS.pop("heads.nod", None)
        base.DECISIONS.pop(Nod, None)
        for fact in (Nodded, Shaken):
            base.FOLDS.pop(fact, None)
