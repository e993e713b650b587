"""What of claimed units did not go back yet, line by line, and which units an order has."""

import pytest

from ledger.decisions import assessment
from ledger.decisions.claim import ClaimItem
from ledger.decisions.order import OrderLine
from ledger.decisions.refund import AdvanceRefund, RefundItem
from ledger.errors import InvalidAmount
from ledger.events.claim import ClaimUnit
from tests.ledger.stories import PAY, PLACE, Ledger, Reported, Step, asked, but, gave, refunded
from tests.ledger.test_claim import CUP, OTHER, SHOP, file, order, unit, uphold

TWO = order(CUP, OTHER, cash=25_900)  # A cup for 199.00 and two pots for 60.00.
CUP_WHOLE, POTS_WHOLE = (1, "cup", 1, 19_900, 19_900, (1,)), (2, "pot", 2, 6_000, 6_000, (1, 2))
COUPONS = order(CUP, OrderLine(sku="pot", quantity=2, amount=8_000, platform_coupon=2_000), cash=25_900)


def unit_back(id_: str, unit: int, line: int = 2) -> tuple[Step, ...]:
    """A refund of one unit."""
    return (but(asked(id_), items=(RefundItem(line=line, units=(unit,)),)), *refunded(id_)[1:])


@pytest.mark.parametrize(("bought", "before", "left"), [
    (TWO,     (),                                        [CUP_WHOLE, POTS_WHOLE]),
    (TWO,     unit_back("r1", 1),                        [CUP_WHOLE, (2, "pot", 1, 3_000, 6_000, (2,))]),
    (TWO,     unit_back("r1", 1, line=1),                [POTS_WHOLE]),
    (TWO,     refunded("r1", 1_000),                     [(1, "cup", 1, 18_900, 19_900, (1,)), POTS_WHOLE]),
    (TWO,     (gave("r1", 1_000, line=2),),              [CUP_WHOLE, (2, "pot", 2, 5_000, 6_000, (1, 2))]),
    (TWO,     (*unit_back("r1", 1), gave("r2", 1_000, line=2)),
                                                         [CUP_WHOLE, (2, "pot", 1, 2_000, 6_000, (2,))]),
    # What names no line is gone of the order as a whole.
    (TWO,     (gave("r1", 5_000, line=0),),              [CUP_WHOLE, (2, "pot", 2, 1_000, 6_000, (1, 2))]),
    (TWO,     (gave("r1", 20_000, line=0),),             [(1, "cup", 1, 5_900, 19_900, (1,))]),
    (TWO,     (gave("r1", 25_899, line=0),),             [(1, "cup", 1, 1, 19_900, (1,))]),
    (TWO,     (gave("r1", 25_900, line=0),),             []),
    (TWO,     (asked("r1"), AdvanceRefund(id="r1")),     []),
    (TWO,     (but(asked("r1"), items=(RefundItem(line=2, units=(1,)),)), AdvanceRefund(id="r1")),
                                                         [CUP_WHOLE, (2, "pot", 1, 3_000, 6_000, (2,))]),
    (COUPONS, (),                                        [CUP_WHOLE, (2, "pot", 2, 6_000, 8_000, (1, 2))]),
    (COUPONS, unit_back("r1", 1),                        [CUP_WHOLE, (2, "pot", 1, 3_000, 8_000, (2,))]),
    (COUPONS, (but(asked("r1"), items=(RefundItem(line=2, units=(2,)),)), AdvanceRefund(id="r1")),
                                                         [CUP_WHOLE, (2, "pot", 1, 3_000, 8_000, (1,))]),
    (COUPONS, refunded("r1", 900),                       [(1, "cup", 1, 19_000, 19_900, (1,)), (2, "pot", 2, 6_000, 8_000, (1, 2))]),
])  # fmt: skip
def test_what_is_left_goes_back(bought, before, left):
    ledger = Ledger((*SHOP, *bought, *before, file(), uphold(amount=0)))
    found = ledger.state("refund-c1").lines
    assert [(line.line, line.sku, line.quantity, line.cash, line.paid, line.units) for line in found] == left
    assert ledger.state("claim-c1").refund == sum(cash for _, _, _, cash, _, _ in left)
    if not before:
        # And all of it is gone then.
        assert ledger.balance("order_escrow:p:1") == ledger.state("order-p:1").whole - sum(
            line.cash + line.coupon for line in ledger.state("refund-c1").lines
        )


@pytest.mark.parametrize(("before", "left"), [
    ((),                                                 [(6_000, (1, 2))]),
    (unit_back("r1", 2),                                 [(3_000, (1,))]),
    ((gave("r1", 1_000, line=2),),                       [(5_000, (1, 2))]),
    ((gave("r1", 5_999, line=2),),                       [(1, (1, 2))]),
    ((*unit_back("r1", 1), gave("r2", 1_000, line=2)),   [(2_000, (2,))]),
    ((*unit_back("r1", 1), gave("r2", 3_000, line=2)),   []),
    ((gave("r1", 19_900, line=1),),                      [(6_000, (1, 2))]),
    ((gave("r1", 20_900, line=0),),                      [(5_000, (1, 2))]),
])  # fmt: skip
def test_what_is_left_of_the_second_line(before, left):
    wanted = file(items=(ClaimItem(line=2),))
    ledger = Ledger((*SHOP, *TWO, *before, wanted, uphold(amount=0)))
    assert [(line.cash, line.units) for line in ledger.state("refund-c1").lines] == left


# A line of many units at 1.00 each, of which a fen of each was given back without naming any.
@pytest.mark.parametrize(("quantity", "left"), [(10_000, 99), (10_001, 0)])
def test_goodwill_is_borne_by_units_that_can_be_looked_up(quantity, left):
    line = OrderLine(sku="screw", quantity=quantity, amount=quantity * 100)
    steps = (*SHOP, *order(line, cash=quantity * 100), gave("r1", quantity))
    ledger = Ledger((*steps, file(items=unit(1)), uphold(amount=0)))
    assert ledger.state("claim-c1").refund == left


LINES = (CUP, OrderLine(sku="pot", quantity=2, amount=6_001), OrderLine(sku="back", quantity=-1, amount=0))


def bought(*lines: OrderLine):
    """The state of an order with these lines, as it is reported."""
    cash = sum(line.amount for line in lines)
    steps = (Reported(but(PLACE, lines=lines)), but(PAY, cash=cash))
    return Ledger(steps).state("order-p:1")


@pytest.mark.parametrize(("items", "units"), [
    ((),                    [ClaimUnit(1, 1, 19_900, "cup"), ClaimUnit(2, 1, 3_001, "pot"), ClaimUnit(2, 2, 3_000, "pot")]),
    (((2, (2,)),),          [ClaimUnit(2, 2, 3_000, "pot")]),
    (((2, ()), (1, ())),    [ClaimUnit(1, 1, 19_900, "cup"), ClaimUnit(2, 1, 3_001, "pot"), ClaimUnit(2, 2, 3_000, "pot")]),
    (((2, (3,)),),          None),
    (((2, (0,)),),          None),
    (((0, (1,)),),          None),
    (((4, (1,)),),          None),
    (((3, (1,)),),          None),      # Its units went the other way.
    (((2, (1, 1)),),        None),
])  # fmt: skip
def test_the_units_of_an_order(items, units):
    if units is None:
        with pytest.raises(InvalidAmount):
            assessment.units(bought(*LINES), items)
    else:
        assert list(assessment.units(bought(*LINES), items)) == units


@pytest.mark.parametrize(("quantity", "may"), [(1_000, True), (1_001, False), (5_000, False)])
def test_a_claim_is_about_so_many_units(quantity, may):
    order_ = bought(OrderLine(sku="screw", quantity=quantity, amount=quantity))
    if may:
        assert len(assessment.units(order_, ())) == quantity
    else:
        with pytest.raises(InvalidAmount, match="1 to 1000 units"):
            assessment.units(order_, ())


def test_nothing_is_claimed_of_an_order_without_units():
    with pytest.raises(InvalidAmount, match="1 to 1000 units"):
        assessment.units(bought(OrderLine(sku="back", quantity=-1, amount=0)), ())
