"""Commands are the catalogue that every door is made from: named, documented, checked as they are read."""

import re
from datetime import datetime

import msgspec
import pytest

from ledger import catalogue
from ledger.decisions.base import COMMANDS, DECISIONS, INITIAL, Command, Nothing, Request, identifier, kind
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, kept
from ledger.decisions.refund import RefundItem, RequestRefund
from ledger.errors import InvalidIdentifier, UnknownCommand
from tests.ledger.stories import PAY, PLACE, but

NAMES = """
    adjustments.record
    brands.register
    brushing.record
    cards.change-tier cards.expire-coupons cards.grant-coupon cards.issue cards.redeem-coupon
    cards.use-benefit
    chargebacks.receive chargebacks.repay chargebacks.reverse
    claims.appeal claims.cancel claims.confirm-payment claims.contest claims.decide-appeal
    claims.fail-payment claims.file claims.forfeit claims.mark-unknown claims.open-recovery claims.pay
    claims.recover claims.reject claims.request-evidence claims.submit-evidence claims.uphold
    claims.withdraw
    complaints.link-claim complaints.record
    corrections.record
    credit.appeal credit.assess credit.decide-appeal
    fines.publish-share
    fund.contribute
    hosts.ban hosts.change-provider hosts.close hosts.open hosts.pay-out hosts.reinstate hosts.suspend
    incidents.add-members incidents.approve incidents.close incidents.declare incidents.exclude-member
    incidents.grant incidents.open-batch incidents.pay incidents.report-failure
    items.certify items.check items.fail items.inspect items.pass items.receive
    labs.pay
    notices.share notices.withdraw
    offers.mark offers.unmark
    orders.cancel orders.change-address orders.close orders.confirm orders.deliver orders.dispatch
    orders.find-fake-dispatch orders.lift-risk-hold orders.mark-overdue orders.pay orders.place
    orders.place-risk-hold orders.promise-dispatch orders.record orders.settle orders.void
    penalties.add-fee penalties.appeal penalties.collect penalties.complete-training
    penalties.deny-appeal penalties.drop penalties.finalize penalties.forward-appeal penalties.impose
    penalties.increase penalties.link-case penalties.overturn penalties.pay penalties.propose
    penalties.publish penalties.record-appeal penalties.refer-lead penalties.release
    penalties.remove-accounts penalties.return penalties.return-overpayment penalties.send
    penalties.send-to-collection penalties.serve penalties.vary penalties.void-orders
    periods.close
    policies.publish policies.retire
    projections.skip
    providers.admit providers.assess-tier providers.exit
    refunds.advance refunds.approve refunds.close refunds.complete refunds.escalate
    refunds.receive-return refunds.record refunds.refuse refunds.request refunds.ship-return
    refunds.use-benefit
    reports.decide reports.file reports.flag
    returns.claim-freight
    reviews.answer reviews.invite reviews.submit
    scores.take
    sessions.begin sessions.close
    shops.assess-badge shops.ban shops.change-provider shops.charge-freight shops.charge-warranty
    shops.close shops.close-benefit shops.enter-campaign shops.grant-subsidy shops.open
    shops.open-benefit shops.pay-deposit shops.pay-out shops.refund-deposit shops.reinstate
    shops.request-closing shops.restrict shops.suspend shops.write-off-recourse
    standing.publish-rule
    statements.record
    traffic.allocate
    visits.record
    votes.cast
""".split()


def test_the_catalogue():
    assert sorted(COMMANDS) == NAMES
    assert set(COMMANDS.values()) == set(DECISIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_named_documented_and_decided(name):
    command = catalogue.command_type(name)
    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", command.NAME)
    assert command.__doc__ != Command.__doc__
    assert (DECISIONS[command].__doc__ or "").strip()
    assert command.STREAM in INITIAL
    assert msgspec.json.schema(command)


def test_a_command_that_is_not_there():
    with pytest.raises(UnknownCommand) as refusal:
        catalogue.command_type("orders.eat")
    assert refusal.value.field == "command"


@pytest.mark.parametrize("id_", ["", " ", "p:1 2", "p:1\n", "p:\x00", "p:\x7f", "p:" + "1" * 159])
def test_an_identifier_can_be_read_back(id_):
    with pytest.raises(InvalidIdentifier) as refusal:
        PayOrder(id=id_, cash=1)
    assert refusal.value.field == "id"


def test_streams_are_named_after_what_they_hold():
    assert PAY.stream == "order-p:1"
    assert (kind("order-p:1-2"), identifier("order-p:1-2")) == ("order", "p:1-2")
    assert RequestRefund(id="r1", order="p:1").touches() == ("refund-r1", "order-p:1")
    assert RequestRefund(id="r1", order="p:1").orders() == ("p:1",)
    # Which stream a correction speaks to is known only once the fact is.
    assert RecordCorrection(id="7", reason="wrong").touches() == ()


PLACE_JSON = msgspec.to_builtins(PLACE)
RIGHT = [
    {},
    {"id": "uci:536365/A-1"},
    {"shop": "店1"},
    {"buyer": ""},
    {"freight": 2**53 - 1},
    {"at": "2021-06-10T23:59:59+08:00"},
    {"lines": [{"sku": "cup", "amount": -5, "quantity": -1}]},
]
WRONG = [
    {"id": "536365"},                   # Without a platform.
    {"id": ":1"},
    {"id": "p:"},
    {"id": "p:1\n"},
    {"id": "p:1\x00"},
    {"id": "p" * 32 + ":1"},
    {"shop": ""},
    {"shop": "s 1"},
    {"shop": "s1\n"},
    {"shop": "s\x001"},                 # PostgreSQL could not keep it.
    {"shop": "s" * 129},
    {"buyer": "b\t1"},
    {"currency": "yuan"},
    {"currency": "CNY\n"},
    {"freight": -1},
    {"freight": 2**53},
    {"freight": 0.5},
    {"freight": "5"},
    {"at": "yesterday"},
    {"lines": [{"sku": "cup"}]},
    {"lines": [{"sku": "cup", "amount": 1, "quantity": 10**10}]},
    {"colour": "red"},
]  # fmt: skip


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_what_a_door_reads(fields):
    data = msgspec.json.encode({**PLACE_JSON, **fields})
    assert isinstance(msgspec.json.decode(data, type=PlaceOrder), PlaceOrder)


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_what_a_door_does_not_read(fields):
    data = msgspec.json.encode({**PLACE_JSON, **fields})
    with pytest.raises((msgspec.ValidationError, InvalidIdentifier)):
        msgspec.json.decode(data, type=PlaceOrder)


@pytest.mark.parametrize("item", [{"line": 0}, {"line": 1, "units": [0]}, {"line": 1, "cash": -1}, {}])
def test_what_is_no_item_of_a_refund(item):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(item, type=RefundItem)


def test_a_request_is_the_same_as_another_of_the_same_command():
    asks = Request(command=PAY)
    assert asks.fingerprint() == Request(command=but(PAY), key="other", actor="somebody").fingerprint()
    assert asks.fingerprint() != Request(command=but(PAY, cash=1)).fingerprint()
    assert (
        asks.fingerprint()
        != Request(command=but(PAY, at=datetime.fromisoformat("2021-06-01T00:00Z"))).fingerprint()
    )
    assert Request(command=PAY, digest=b"\x01").fingerprint() == b"\x01"


def test_nothing_has_happened_in_an_empty_past():
    nothing = Nothing()
    assert nothing.streams(("order-p:1",)) == {"order-p:1": []}
    assert nothing.accounts(("bank",)) == {}
    assert nothing.uses(("refund/p:1",)) == {}
    assert nothing.fact(1) is None


def test_lines_of_an_order_are_kept_as_they_are():
    (line,) = kept(
        [OrderLine(sku="cup", title="Cup", quantity=2, amount=5, supplier="maker", fulfiller="depot")]
    )
    assert (line.sku, line.title, line.quantity, line.amount, line.supplier, line.fulfiller) == (
        "cup",
        "Cup",
        2,
        5,
        "maker",
        "depot",
    )
