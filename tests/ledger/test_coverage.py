"""Cover: attached in the commit that pays an order, under the terms in force then, for every line."""

from datetime import datetime, timedelta, timezone

import pytest

from ledger import policies, time
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.card import IssueCard
from ledger.decisions.claim import FileClaim
from ledger.decisions.coverage import Coverage, pinned
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.decisions.policy import terms
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import CloseBenefit, OpenBenefit
from ledger.errors import WindowOver
from ledger.events.claim import ClaimFiled
from ledger.events.coverage import CoverageAttached
from ledger.events.order import OrderClaimed, OrderPaid, OrderPlaced
from tests.ledger.stories import Ledger, Reported, Step, but, has, tell

SHANGHAI = timezone(timedelta(hours=8))


def on(month: int, day: int) -> datetime:
    return datetime(2021, month, day, tzinfo=SHANGHAI)


SHIPPED = [but(command, at=on(5, 1), force=True, reason="law") for command in policies.shipped().values()]
OPENED: tuple[Step, ...] = (
    *SHIPPED,
    OpenShop(id="s1", industry="shoes", at=on(5, 1)),
    OpenBenefit(id="s1", benefit="counterfeit", at=on(6, 5)),
    OpenBenefit(id="s1", benefit="seven-day-return", at=on(6, 5)),
)
SHOE = OrderLine(sku="shoe", quantity=2, amount=100_00)
GIFT = OrderLine(sku="lace", quantity=1, amount=0)
PLACE = PlaceOrder(id="p:1", shop="s1", buyer="b1", currency="CNY", lines=(SHOE, GIFT), at=on(6, 10))
PAY = PayOrder(id="p:1", cash=100_00, at=on(6, 10))


def covers(ledger: Ledger, step: Step) -> list[tuple[int, str, str]]:
    """What a step attaches: line, benefit, version."""
    facts = [recorded.fact for recorded in ledger.do(step)]
    return [(fact.line, fact.benefit, fact.version) for fact in facts if isinstance(fact, CoverageAttached)]


def test_every_line_carries_what_the_shop_has_opened():
    ledger = Ledger([*OPENED, IssueCard(id="b1", tier="gold", at=on(5, 1)), PLACE])
    facts = ledger.do(PAY)
    assert [recorded.stream for recorded in facts] == [
        "order-p:1",
        "coverage-p:1:1:counterfeit",
        "coverage-p:1:1:seven-day-return",
        "coverage-p:1:2:counterfeit",
        "coverage-p:1:2:seven-day-return",
    ]
    assert facts[1].fact == CoverageAttached("p:1", 1, "counterfeit", "2021-06", "s1", "b1", "gold")
    assert ledger.state("coverage-p:1:1:counterfeit") == Coverage("2021-06", "gold", time.micros(on(6, 10)))
    assert ledger.do(PAY) == []


@pytest.mark.parametrize(
    ("given", "paid", "found"),
    [
        (OPENED, on(6, 4), []),
        (OPENED, on(6, 5), ["counterfeit 2021-06", "seven-day-return 2021-06"]),
        (OPENED, on(10, 31), ["counterfeit 2021-06", "seven-day-return 2021-06"]),
        (OPENED, on(11, 1), ["counterfeit 2021-11", "seven-day-return 2021-06"]),
        ((*OPENED, CloseBenefit(id="s1", benefit="counterfeit", at=on(7, 1))), on(6, 30),
         ["counterfeit 2021-06", "seven-day-return 2021-06"]),
        ((*OPENED, CloseBenefit(id="s1", benefit="counterfeit", at=on(7, 1))), on(7, 1),
         ["seven-day-return 2021-06"]),
        ((), on(6, 10), []),
    ],
)  # fmt: skip
def test_which_terms_are_in_force_when_it_is_paid(given, paid, found):
    ledger = Ledger([*given, but(PLACE, lines=(SHOE,))])
    assert [f"{benefit} {version}" for _, benefit, version in covers(ledger, but(PAY, at=paid))] == found


def test_terms_of_another_currency_or_of_other_goods_do_not_cover():
    ledger = Ledger([*OPENED, but(PLACE, currency="GBP")])
    assert covers(ledger, PAY) == []
    food = policies.shipped()["counterfeit-2021-06"]
    only_food = but(food, id="fresh", rule=but(food.rule, categories=("food",)), force=True, reason="new")
    given = [*OPENED, but(only_food, at=on(5, 1)), OpenBenefit(id="s1", benefit="fresh", at=on(6, 5))]
    assert [benefit for _, benefit, _ in covers(Ledger([*given, PLACE]), PAY)] == [
        *["counterfeit", "seven-day-return"] * 2
    ]
    grocer = [
        *given,
        OpenShop(id="s2", industry="food", at=on(5, 1)),
        OpenBenefit(id="s2", benefit="fresh", at=on(6, 5)),
    ]
    assert covers(Ledger([*grocer, but(PLACE, shop="s2")]), PAY) == [
        (1, "fresh", "2021-06"),
        (2, "fresh", "2021-06"),
    ]


RECORD = RecordOrder(id="p:1", shop="s1", buyer="b1", currency="CNY", lines=(SHOE,), at=on(6, 10))


def test_a_reported_order_is_covered_and_so_are_lines_that_come_later():
    ledger = Ledger(OPENED)
    assert covers(ledger, Reported(RECORD, 1)) == [
        (1, "counterfeit", "2021-06"),
        (1, "seven-day-return", "2021-06"),
    ]
    later = but(RECORD, lines=(SHOE, GIFT), at=on(12, 1))
    assert covers(ledger, Reported(later, 2)) == [
        (2, "counterfeit", "2021-06"),
        (2, "seven-day-return", "2021-06"),
    ]
    assert covers(ledger, Reported(but(later, lines=(SHOE,)), 3)) == []
    assert covers(ledger, Reported(later, 4)) == []


def test_units_that_went_the_other_way_are_not_covered():
    back = OrderLine(sku="shoe", quantity=-1, amount=-50_00)
    assert covers(Ledger(OPENED), Reported(but(RECORD, lines=(SHOE, back)), 1)) == [
        (1, "counterfeit", "2021-06"),
        (1, "seven-day-return", "2021-06"),
    ]


def test_a_payment_that_had_waited_is_covered_by_the_terms_of_its_own_time():
    ledger = Ledger([*OPENED, Reported(but(PAY, at=on(6, 4)))])
    facts = [type(recorded.fact) for recorded in ledger.do(Reported(PLACE))]
    assert facts == [OrderPlaced, OrderPaid]  # The benefits were opened a day after the payment.
    ledger = Ledger([*OPENED, Reported(PAY)])
    facts = [type(recorded.fact) for recorded in ledger.do(Reported(but(PLACE, at=on(12, 1), lines=(SHOE,))))]
    assert facts == [OrderPlaced, OrderPaid, CoverageAttached, CoverageAttached]
    assert ledger.state("coverage-p:1:1:counterfeit").version == "2021-06"


def test_the_terms_of_the_time_of_payment_decide_a_claim_half_a_year_later():
    """Case 21: paid on 2021-06-10, claimed on 2021-12-01: the terms of June."""
    ledger = Ledger([*OPENED, PLACE, PAY])
    past = ledger.past()
    order = past.state("order-p:1")
    assert order.paid_at == time.micros(on(6, 10))
    cover = pinned(past, "p:1", 1, "counterfeit")
    assert cover
    assert cover.version == "2021-06"
    assert terms(past, "counterfeit", order.paid_at) == cover
    assert pinned(past, "p:1", 3, "counterfeit") is None
    filed = FileClaim(id="c1", order="p:1", benefit="counterfeit", at=on(12, 1))
    (claim, *_) = [recorded.fact for recorded in ledger.do(filed)]
    assert isinstance(claim, ClaimFiled)
    assert claim.version == "2021-06"


@pytest.mark.parametrize(
    ("filed_at", "refusal"),
    [(on(6, 11) - timedelta(seconds=1), None), (on(6, 11), WindowOver)],
)
def test_the_time_of_filing_counts_for_the_window(filed_at, refusal):
    """Case 22: received on 2021-06-03 at 15:00, so the last moment is the end of 06-10."""
    given = [
        *OPENED[:-2],
        OpenBenefit(id="s1", benefit="seven-day-return", at=on(5, 1)),
        but(PLACE, at=on(6, 1)),
        but(PAY, at=on(6, 1)),
        DispatchParcel(id="p:1", waybill="w1", at=on(6, 2)),
        DeliverParcel(id="p:1", waybill="w1", at=on(6, 3) + timedelta(hours=15)),
    ]
    filed = FileClaim(id="c1", order="p:1", benefit="seven-day-return", at=filed_at)
    tell(given, filed, refusal or [has(ClaimFiled), has(OrderClaimed)])


def test_when_the_goods_were_received():
    ledger = Ledger([PLACE, PAY, DispatchParcel(id="p:1", waybill="w1", at=on(6, 11))])
    assert ledger.state("order-p:1").received_at == 0
    ledger.do(ConfirmReceipt(id="p:1", at=on(6, 20)))
    assert ledger.state("order-p:1").received_at == time.micros(on(6, 20))
    ledger.do(DeliverParcel(id="p:1", waybill="w1", at=on(6, 13)))
    assert ledger.state("order-p:1").received_at == time.micros(on(6, 13))
