"""What a refusal says where that depends on how things stand, and which field it is about."""

from collections.abc import Sequence

import pytest

from ledger.decisions.appeal import AppealPenalty, DenyAppeal, ForwardAppeal
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel
from ledger.decisions.order import OrderLine, VoidOrder
from ledger.decisions.period import ClosePeriod
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem
from ledger.decisions.unasked import FindFakeDispatch
from ledger.errors import LedgerError
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import PAID, PAY, PLACE, Ledger, Reported, Step, asked, but, refunded
from tests.ledger.test_card import ISSUED, QUOTAS, USE, WITH_TERMS
from tests.ledger.test_claim import BOUGHT, NOVEMBER, SHOP, file, order, unit
from tests.ledger.test_entitlement import ASKED as RETURNING
from tests.ledger.test_entitlement import BACK, KEEP, NOW, TO_COME, WORLD, got
from tests.ledger.test_host import BAN as BAN_HOST
from tests.ledger.test_host import BEGIN, OPENED
from tests.ledger.test_host import SUSPEND as SUSPEND_HOST
from tests.ledger.test_penalty import APPEALED, IMPOSED, OVERTURN
from tests.ledger.test_policy import FIRST, RETIRE, SECOND, on
from tests.ledger.test_returns import ASK_BOTH, POUNDS
from tests.ledger.test_standing import BAN, OPEN_IT, RESTRICT, SUSPEND
from tests.ledger.test_standing import OPENED as SHOP_OPENED
from tests.ledger.test_statement import FREEZE

FAKE = FindFakeDispatch(id="p:1", waybill="w1", reason="nothing moved")
JUDGE = AppealPenalty(id="n1", instance="judge")
GUEST = (but(PLACE, buyer="", at=NOVEMBER), but(PAY, at=NOVEMBER))
TWO = (but(PLACE, lines=(*PLACE.lines, OrderLine(sku="pot", amount=5_000))), but(PAY, cash=15_000))


def meanwhile(given: tuple[Step, ...], *items: RefundItem, back: int) -> tuple[Step, ...]:
    """A refund of some items is approved, and while it waits so much of the first line goes back."""
    return (*given, but(asked("r1"), items=items), ApproveRefund(id="r1"), *refunded("r2", back))


COMPLETE = CompleteRefund(id="r1")

SAID: dict[str, tuple[Sequence[Step], Step, str, str]] = {
    "a claim of a struck order": (
        (*SHOP, *BOUGHT, VoidOrder(id="p:1", reason="brushing")), file(), "order", "The order is voided."),
    "a claim of nobody": (
        (*SHOP, *GUEST), file(), "order", "The order is that of no known buyer."),
    "freight of no cost": (
        (*SHOP, *BOUGHT), file(benefit="return-freight", waybill="w9"), "cost", "The terms pay a cost, and none is named."),
    "freight of no waybill": (
        (*SHOP, *BOUGHT), file(benefit="return-freight", cost=5), "waybill", "The terms pay once a waybill, and none is named."),
    "a unit of a family that was paid for": (
        (*SHOP, *BOUGHT, file()), file("c2"), "items", "It is about p:1/1/1/authenticity."),
    "the second unit": (
        (*SHOP, *order(*PLACE.lines, cash=10_000), file(items=unit(2))), file("c2"), "items", "It is about p:1/1/2/authenticity."),
    "a parcel that arrived": (
        (*PAID, Reported(DeliverParcel(id="p:1", waybill="w1")), Reported(DispatchParcel(id="p:1", waybill="w1"))), FAKE, "waybill", "Waybill w1 was delivered."),
    "a parcel that never left": (
        PAID, FAKE, "waybill", "Waybill w1 was never dispatched."),
    "an appeal against what was struck": (
        (*APPEALED, OVERTURN), JUDGE, "instance", "The penalty was overturned."),
    "an appeal that was decided": (
        (*APPEALED, DenyAppeal(id="n1")), AppealPenalty(id="n1"), "instance", "The first instance has decided."),
    "an appeal too early": (
        IMPOSED, AppealPenalty(id="n1", instance="second"), "instance", "The first instance has not decided."),
    "an appeal that nobody filed": (
        IMPOSED, ForwardAppeal(id="n1"), "instance", "No appeal to any instance is open."),
    "an appeal that another has": (
        APPEALED, ForwardAppeal(id="n1", instance="judge"), "instance", "No appeal to judge is open."),
    "terms that would overlap": (
        [SECOND], FIRST, "effective_from", "Version 2 of counterfeit begins at 2021-07-01T00:00:00+08:00."),
    "short notice": (
        [], but(FIRST, effective_from=on(6, 8)), "force", "Version 1 of counterfeit would count from 2021-06-08T00:00:00+08:00."),
    "retired before it began": (
        [FIRST], but(RETIRE, effective_to=on(6, 8)), "effective_to", "The version counts from 2021-06-09T00:00:00+08:00."),
    "retired once more, and later": (
        [FIRST, RETIRE], but(RETIRE, effective_to=on(8, 1)), "effective_to", "The version counts from 2021-06-09T00:00:00+08:00 to 2021-07-01T00:00:00+08:00."),
    "a quota of a month": (
        (*WITH_TERMS, USE, USE), USE, "benefit", "returnless-refund was used 2 of 2 times in 2021-06."),
    "a quota for ever": (
        (but(QUOTAS, rule=but(QUOTAS.rule, quota_period="ever")), *ISSUED, USE, USE), USE,
        "benefit", "returnless-refund was used 2 of 2 times."),
    "a quota that another refund has used up": (
        (*RETURNING, KEEP, *got("p:2"), asked("r2", order="p:2")), but(KEEP, id="r2"),
        "benefit", "returnless-refund was used 1 of 1 times in 2021-06."),
    "more than may be advanced": (
        (*RETURNING, NOW, *got("p:2", 100), asked("r2", order="p:2")), but(NOW, id="r2"),
        "id", "100 is asked for, 10000 of 10000 is advanced already. card: none: 20000 = 20000; 0 paid orders, fewer than 3: round(20000 × 5000 / 10000) = 10000."),
    "a benefit for nobody": (
        (*WORLD, but(PLACE, buyer=""), PAY, asked("r1", returns=True)), BACK,
        "id", "The refund names no buyer, or no line of an order."),
    "freight in two currencies": (
        POUNDS, ASK_BOTH, "refunds", "A waybill is paid for in one currency."),
    "a fee that cannot be kept": (
        [], but(FREEZE, fee=-MAX_AMOUNT - 1), "fee", "Got -9007199254740992."),
    "goods that stay": (
        RETURNING, BACK, "benefit", "By seven-day-return the goods come back; the refund says otherwise."),
    "goods that come back": (
        TO_COME, KEEP, "benefit", "By returnless-refund the goods stay with the buyer; the refund says otherwise."),
    "a month that is not over": (
        [], ClosePeriod(id="2021-09", at=on(9, 1)), "id", "2021-09 is not over before 2021-10-01T00:00:00+08:00."),
    "a shop that is restricted twice": (
        (*SHOP_OPENED, RESTRICT, but(RESTRICT, cause="notice")), OPEN_IT, "id", "The shop is restricted: deposit, notice."),
    "a shop that is suspended": (
        (*SHOP_OPENED, SUSPEND), OPEN_IT, "id", "The shop is suspended."),
    "a shop that is banned": (
        (*SHOP_OPENED, SUSPEND, BAN), OPEN_IT, "id", "The shop is banned."),
    "a session for a suspended shop": (
        (*OPENED, *SHOP_OPENED, SUSPEND), BEGIN, "shop", "The shop is suspended."),
    "a host that is suspended": (
        (*OPENED, SUSPEND_HOST), BEGIN, "host", "The host is suspended."),
    "a host that is banned": (
        (*OPENED, SUSPEND_HOST, BAN_HOST), BEGIN, "host", "The host is banned."),
    "a refund of more than the order has": (
        meanwhile(PAID, RefundItem(line=1, cash=8_000), back=3_000), COMPLETE, "id", "8000 and coupons of 0 is asked for, 7000 and coupons of 0 is left."),
    "a refund of more than the line has": (
        meanwhile(TWO, RefundItem(line=1, cash=8_000), back=3_000), COMPLETE, "id", "8000 and coupons of 0 of line 1 is asked for, 7000 and coupons of 0 is left."),
    "a refund that names the line twice": (
        meanwhile(TWO, RefundItem(line=1, cash=4_000), RefundItem(line=1, cash=4_000), back=3_000), COMPLETE, "id", "8000 and coupons of 0 of line 1 is asked for, 7000 and coupons of 0 is left."),
    "the second of two lines has no unit": (
        [], but(PLACE, lines=(*PLACE.lines, OrderLine(sku="pot", quantity=0, amount=5))),
        "lines", "Line 2: quantity 0, amount 5 and its coupons do not fit."),
    "a unit that went back meanwhile": (
        (*PAID, but(asked("r1"), items=(RefundItem(line=1, units=(1,)),)), ApproveRefund(id="r1"),
         but(asked("r2"), items=(RefundItem(line=1, units=(1,)),)), *refunded("r2")[1:]), COMPLETE, "id", "Unit 1 of line 1 was refunded."),
}  # fmt: skip


@pytest.mark.parametrize(("given", "when", "field", "says"), SAID.values(), ids=list(SAID))
def test_refusals(given, when, field, says):
    refusal = Ledger(given).try_(when)
    assert isinstance(refusal, LedgerError)
    assert (refusal.field, refusal.detail) == (field, says)
