"""Stories of shops and hosts: opening, deposit, pay-out and leaving."""

from datetime import timedelta

from ledger.decisions.appeal import AppealPenalty, OverturnPenalty
from ledger.decisions.chargeback import ReceiveChargeback
from ledger.decisions.claim import FileClaim
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fine import CollectFine
from ledger.decisions.fund import Contribute
from ledger.decisions.order import OrderLine, PayOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.refund import AdvanceRefund
from ledger.decisions.shop import (
    ChargeFreight,
    ChargeWarranty,
    CloseShop,
    GrantSubsidy,
    OpenShop,
    PayDeposit,
    PayOutHost,
    PayOutShop,
    RefundDeposit,
    RequestClosing,
)
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import (
    AlreadyExists,
    DepositHeld,
    InsufficientFunds,
    InvalidAmount,
    InvalidCurrency,
    UnknownShop,
    WrongState,
)
from ledger.events.claim import ClaimFunded, FundingShortfallRecorded, Parts
from ledger.events.correction import CorrectionRecorded
from ledger.events.penalty import PenaltyOverturned
from ledger.events.recourse import RecourseRecovered
from ledger.events.refund import RefundAdvanceRecovered
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    FreightServiceCharged,
    HostPaidOut,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopPaidOut,
    ShopReinstated,
    SubsidyGranted,
    WarrantyServiceCharged,
)
from ledger.money import MAX_AMOUNT
from tests.ledger.assured import assured
from tests.ledger.stories import (
    PAID,
    PLACE,
    SETTLED,
    START,
    Ledger,
    Reported,
    Row,
    asked,
    but,
    gave,
    has,
    refunded,
    stories,
    tell,
)

OPEN = OpenShop(id="s1", name="Cups", industry="home")
PAY_IN = PayDeposit(id="s1", amount=1_000)
PAY_BACK = RefundDeposit(id="s1")
FINED = (
    ImposePenalty(id="n1", party="shop", party_id="s1", fine=1_000, reason="fakes"),
    CollectFine(id="n1"),
)
RULED = OverturnPenalty(id="n1", reason="no fakes")
TAKEN_BACK = ReceiveChargeback(id="k1", order="p:1", amount=300)
PAY_OUT, PAY_HOST = PayOutShop(id="s1"), PayOutHost(id="h1")
LEAVE, CLOSE = RequestClosing(id="s1", reason="moving on"), CloseShop(id="s1")
OPENED = (OPEN,)
FUNDED = (OPEN, PAY_IN)
LEAVING = (*FUNDED, LEAVE)
CLOSED = (OPEN, LEAVE, CLOSE)
FINED_AND_GONE = (*FUNDED, *FINED, LEAVE, CLOSE, AppealPenalty(id="n1"))
UNSETTLE = RecordCorrection(id="5", reason="too early")  # The settlement in SETTLED.
OVER = ("guard_exceeded",)
NOTHING = ()

OPENING: dict[str, Row] = {
    "a shop opens":                     ((),     OPEN,                                   [ShopOpened("Cups", "CNY", "home")]),
    "the same again changes nothing":   (OPENED, OPEN,                                   NOTHING),
    "under another name":               (OPENED, but(OPEN, name="Pots"),                 AlreadyExists),
    "once it leaves":                   (LEAVING, OPEN,                                  AlreadyExists),
    "once it is closed":                (CLOSED, OPEN,                                   AlreadyExists),
    "in no currency":                   ((),     but(OPEN, currency="yuan"),             InvalidCurrency),
}  # fmt: skip

DEPOSIT: dict[str, Row] = {
    "a shop pays in":                   (OPENED, PAY_IN,                                 [DepositPaid("s1", "CNY", 1_000)]),
    "as often as it likes":             (FUNDED, PAY_IN,                                 [DepositPaid("s1", "CNY", 1_000)]),
    "nothing":                          (OPENED, but(PAY_IN, amount=0),                  InvalidAmount),
    "more than can be kept":            (OPENED, but(PAY_IN, amount=MAX_AMOUNT + 1),     InvalidAmount),
    "a shop nobody opened":             ((),     PAY_IN,                                 UnknownShop),
    "a closed shop":                    (CLOSED, PAY_IN,                                 WrongState),
    "what was advanced comes first":    ((OPEN, gave("r1", 400, order="")), PAY_IN,
                                         [DepositPaid("s1", "CNY", 1_000), RefundAdvanceRecovered("", "s1", "CNY", 0, 0, 400)]),
    "as far as it reaches":             ((OPEN, gave("r1", 4_000, order="")), PAY_IN,
                                         [DepositPaid("s1", "CNY", 1_000), RefundAdvanceRecovered("", "s1", "CNY", 0, 0, 1_000)]),
    "also of what a ruling gave back":   ((*FUNDED, *FINED, gave("r1", 400, order=""), AppealPenalty(id="n1")), RULED,
                                         [has(PenaltyOverturned), RefundAdvanceRecovered("", "s1", "CNY", 0, 0, 400)]),
    "all of it back":                   (LEAVING, PAY_BACK,                              [DepositRefunded("s1", "CNY", 1_000)]),
    "a part back":                      (LEAVING, but(PAY_BACK, amount=300),             [DepositRefunded("s1", "CNY", 300)]),
    "more than there is":               (LEAVING, but(PAY_BACK, amount=1_001),           InsufficientFunds),
    "nothing back":                     ((OPEN, LEAVE), PAY_BACK,                        InvalidAmount),
    "not while it sells":               (FUNDED, PAY_BACK,                               WrongState),
    "nothing of a closed shop":         (CLOSED, PAY_BACK,                               InvalidAmount),
    "what came back once it is closed": ((*FINED_AND_GONE, RULED),  PAY_BACK,            [DepositRefunded("s1", "CNY", 1_000)]),
    "not while something is advanced":  ((*PAID, asked("r1"), AdvanceRefund(id="r1"), *LEAVING), PAY_BACK, DepositHeld),
    "not while it owes":                ((*SETTLED, PAY_OUT, UNSETTLE, *LEAVING), PAY_BACK, DepositHeld),
    "less what a chargeback left it owing": ((*SETTLED, PAY_OUT, TAKEN_BACK, *LEAVING), PAY_BACK,
                                         [DepositRefunded("s1", "CNY", 700)]),
    "what its payable lacks comes first": ((*SETTLED, PAY_OUT, TAKEN_BACK, OPEN), PAY_IN,
                                         [DepositPaid("s1", "CNY", 1_000), RefundAdvanceRecovered("", "s1", "CNY", 0, -300, 300)]),
    "back to a shop nobody opened":     ((),     PAY_BACK,                               UnknownShop),
}  # fmt: skip

CHARGE, COVER = ChargeFreight(id="s1", amount=300, reference="2021-06"), ChargeWarranty(id="s1", amount=700)
GRANT = GrantSubsidy(id="s1", amount=5_000, reason="spring")
EARNED = (OPEN, *SETTLED)

SERVICES: dict[str, Row] = {
    "freight cover":                    (EARNED, CHARGE,                                 [FreightServiceCharged("s1", "CNY", 300, "2021-06")]),
    "device warranties":                (EARNED, COVER,                                  [WarrantyServiceCharged("s1", "CNY", 700)]),
    "more than the shop is owed":       (EARNED, but(CHARGE, amount=9_201),              InsufficientFunds),
    "a report of more":                 (EARNED, Reported(but(CHARGE, amount=9_201)),    [FreightServiceCharged("s1", "CNY", 9_201, "2021-06")]),
    "for nothing":                      (EARNED, but(COVER, amount=0),                   InvalidAmount),
    "a shop nobody opened":             ((), CHARGE,                                     UnknownShop),
    "a subsidy":                        (OPENED, GRANT,                                  [SubsidyGranted("s1", "CNY", 5_000, "spring")]),
    "none for a shop that leaves":      (LEAVING, GRANT,                                 WrongState),
    "none for a shop nobody opened":    ((), GRANT,                                      UnknownShop),
    "a charge is taken back":           ((*EARNED, CHARGE), RecordCorrection(id="7", reason="twice"), [has(CorrectionRecorded, position=7)]),
    "a subsidy is taken back":          ((OPEN, GRANT), RecordCorrection(id="2", reason="twice"), [has(CorrectionRecorded, position=2)]),
    "it makes good what was advanced":  ((OPEN, gave("r1", 400, order="")), GRANT,
                                         [has(SubsidyGranted), RefundAdvanceRecovered("", "s1", "CNY", 0, 400, 0)]),
}  # fmt: skip

PAYING_OUT: dict[str, Row] = {
    "all that is owed":                 (SETTLED, PAY_OUT,                               [ShopPaidOut("s1", "CNY", 9_200)]),
    "a part":                           (SETTLED, but(PAY_OUT, amount=200),              [ShopPaidOut("s1", "CNY", 200)]),
    "more than is owed":                (SETTLED, but(PAY_OUT, amount=9_201),            InsufficientFunds),
    "a report of more than is owed":    (SETTLED, Reported(but(PAY_OUT, amount=9_300)),  [ShopPaidOut("s1", "CNY", 9_300, 100, "feed", OVER)]),
    "a report of what nobody owes":     ((),      Reported(but(PAY_OUT, amount=100)),    [ShopPaidOut("s1", "CNY", 100, 100, "feed", OVER)]),
    "nothing is owed":                  ((*SETTLED, PAY_OUT), PAY_OUT,                   InvalidAmount),
    "nothing in that currency":         (SETTLED, but(PAY_OUT, currency="USD"),          InvalidAmount),
    "in no currency":                   (SETTLED, but(PAY_OUT, currency="?"),            InvalidCurrency),
    "all that a host is owed":          (SETTLED, PAY_HOST,                              [HostPaidOut("h1", "CNY", 300)]),
    "a part of it":                     (SETTLED, but(PAY_HOST, amount=1),               [HostPaidOut("h1", "CNY", 1)]),
    "more than a host is owed":         (SETTLED, but(PAY_HOST, amount=301),             InsufficientFunds),
    "a report of more for a host":      (SETTLED, Reported(but(PAY_HOST, amount=301)),   [HostPaidOut("h1", "CNY", 301, 1, "feed", OVER)]),
    "a host who gave his share back":   ((*SETTLED, PAY_HOST, *refunded("r1")), PAY_HOST, InvalidAmount),
}  # fmt: skip

LEAVING_STORIES: dict[str, Row] = {
    "a shop wants to leave":            (OPENED,  LEAVE,                                 [ShopClosingRequested("moving on")]),
    "the same again changes nothing":   (LEAVING, LEAVE,                                 NOTHING),
    "once it is closed":                (CLOSED,  LEAVE,                                 WrongState),
    "a shop nobody opened":             ((),      LEAVE,                                 UnknownShop),
    "closed when all is even":          ((OPEN, LEAVE), CLOSE,                           [ShopClosed()]),
    "once the deposit is back":         ((*LEAVING, PAY_BACK), CLOSE,                    [ShopClosed()]),
    "once it is paid out":              ((OPEN, *SETTLED, LEAVE, PAY_OUT), CLOSE,        [ShopClosed()]),
    "closed again":                     (CLOSED,  CLOSE,                                 NOTHING),
    "not before it wants to":           (OPENED,  CLOSE,                                 WrongState),
    "not with a deposit":               (LEAVING, CLOSE,                                 WrongState),
    "not with anything payable":        ((OPEN, *SETTLED, LEAVE), CLOSE,                 WrongState),
    "not with anything advanced":       ((OPEN, LEAVE, gave("r1", 400, order="")), CLOSE, WrongState),
    "closing a shop nobody opened":     ((),      CLOSE,                                 UnknownShop),
}  # fmt: skip


@stories(OPENING)
def test_opening(given, when, then):
    tell(given, when, then)


@stories(DEPOSIT)
def test_deposit(given, when, then):
    tell(given, when, then)


@stories(SERVICES)
def test_services_and_subsidies(given, when, then):
    tell(given, when, then)


@stories(PAYING_OUT)
def test_paying_out(given, when, then):
    tell(given, when, then)


@stories(LEAVING_STORIES)
def test_leaving(given, when, then):
    tell(given, when, then)


def test_money_of_a_shop_from_the_first_deposit_to_the_last():
    ledger = Ledger([*FUNDED, *SETTLED, PAY_OUT, PAY_HOST, *refunded("r1", 4_000)])
    # Commission and host return 2.00 and 1.20; the deposit bears 10.00, the platform the rest for now.
    assert ledger.balances() == {
        "bank": 10_000 + 1_000 - 9_200 - 300 - 4_000,
        "commission": 300,
        "host_payable:h1": -120,
        "refund_advance:s1": 4_000 - 200 - 120 - 1_000,
    }
    ledger.do(but(PAY_IN, amount=5_000))
    assert ledger.balance("refund_advance:s1") == 0
    assert ledger.balance("shop_deposit:s1") == 5_000 - 2_680
    for step in (LEAVE, PAY_BACK, CLOSE):
        ledger.do(step)
    assert ledger.state("shop-s1").status == "closed"
    assert ledger.balances() == {"bank": 180, "commission": 300, "host_payable:h1": -120}


UPHELD = (
    *assured("counterfeit-2021-06", deposit=0),
    but(PLACE, lines=(OrderLine(sku="cup", amount=100),)),
    PayOrder(id="p:1", cash=100),
    Contribute(amount=2_000),
    FileClaim(id="c1", order="p:1", benefit="counterfeit"),
    UpholdClaim(id="c1"),
)
WAITING = (
    *assured("return-freight-2021-06", deposit=0),
    *SETTLED,
    FileClaim(id="c1", order="p:1", benefit="return-freight", cost=300, waybill="w9"),
    UpholdClaim(id="c1"),
)
SELLS_NO_MORE = (*UPHELD, LEAVE)
LONG_AFTER = START + timedelta(days=2_000)


@stories({
    "exactly what the shop is owed is charged": (EARNED, but(CHARGE, amount=9_200), [
        FreightServiceCharged("s1", "CNY", 9_200, "2021-06"),
    ]),
    "all of it in the moment it leaves": ((*FUNDED, but(LEAVE, at=LONG_AFTER)), but(PAY_BACK, at=LONG_AFTER), [DepositRefunded("s1", "CNY", 1_000)]),
    "of what nobody owes": ((OPEN,), but(CHARGE, amount=1), InsufficientFunds),
    "freight that waited is paid from its pool": (WAITING, CHARGE, [
        FreightServiceCharged("s1", "CNY", 300, "2021-06"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(freight_pool=300), 300),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", 1_622_541_600_000_000, 0, ("freight_pool",
            "deposit")),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "a warranty pays for no freight": (WAITING, COVER, [WarrantyServiceCharged("s1", "CNY", 700)]),
    "not while the fund holds anything against it": (SELLS_NO_MORE, CLOSE, WrongState),
    "nothing goes back while the fund holds anything": (SELLS_NO_MORE, but(PAY_BACK, at=LONG_AFTER),
        DepositHeld),
    "the shop is owed one fen": ((OPEN, *SETTLED, but(PAY_OUT, amount=9_199)), PAY_OUT, [
        ShopPaidOut("s1", "CNY", 1),
    ]),
    "all of it goes to the fund but a fen": (
        (*UPHELD, Reported(GrantSubsidy(id="s1", amount=1_001))),
        PAY_OUT, [
            RecourseRecovered("c1", "s1", "CNY", 1_000, 0),
            ShopReinstated("deposit", "Its claims are paid."),
            ShopPaidOut("s1", "CNY", 1),
        ]),
    "not while a claim is open": ((*UPHELD[:-1], PAY_IN, LEAVE), but(PAY_BACK, at=LONG_AFTER), DepositHeld),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)
