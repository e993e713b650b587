"""The chart of accounts, and the posting table: which transfers each fact stands for.

The table is read top to bottom by accountants and by the writer alike. A row moves one amount from a credit
account to a debit account (debit → credit, as books are written); a pour moves several sums of those who
bear into several that receive, in order. Facts that move no money have an empty row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

import msgspec

from ledger.codec import CODEC
from ledger.errors import InvalidAmount
from ledger.events import adjustment, correction, fulfilment, order, parking, refund, shop
from ledger.events.base import Fact
from ledger.money import MAX_AMOUNT


class Kind(NamedTuple):
    """One row of the chart: its class, whether more debits raise it, and whether it may never go below 0."""

    group: str
    debit_normal: bool
    guarded: bool


#                                 class               debit  guarded
CHART: dict[str, Kind] = {
    "bank":                  Kind("asset",            True,  False),
    "refund_advance":        Kind("asset",            True,  False),
    "recourse_receivable":   Kind("asset",            True,  False),
    "buyer_receivable":      Kind("asset",            True,  False),
    "import_suspense":       Kind("asset",            True,  False),
    "order_escrow":          Kind("liability",        False, True),
    "shop_payable":          Kind("liability",        False, False),
    "host_payable":          Kind("liability",        False, False),
    "shop_deposit":          Kind("liability",        False, True),
    "penalty_held":          Kind("liability",        False, True),
    "buyer_payable":         Kind("liability",        False, True),
    "freight_pool":          Kind("liability",        False, True),
    "warranty_pool":         Kind("liability",        False, True),
    "lab_payable":           Kind("liability",        False, False),
    "recovery_suspense":     Kind("liability",        False, False),
    "pet_fund":              Kind("restricted fund",  False, True),
    "pet_fund_reserved":     Kind("restricted fund",  False, True),
    "fund_recourse_claim":   Kind("restricted fund",  False, False),
    "platform_coupon":       Kind("expense",          True,  False),
    "platform_contribution": Kind("expense",          True,  False),
    "platform_backstop":     Kind("expense",          True,  False),
    "appraisal_fee":         Kind("expense",          True,  False),
    "trust_subsidy":         Kind("expense",          True,  False),
    "commission":            Kind("income",           False, False),
    "platform_fines":        Kind("income",           False, False),
}  # fmt: skip


@lru_cache(maxsize=65536)
def kind_of(account: str) -> Kind:
    """The chart's row for an account such as `order_escrow:uci:536365`; KeyError if there is none."""
    return CHART[account.partition(":")[0]]


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """One debit account, one credit account, one positive amount in minor units of one currency."""

    debit: str
    credit: str
    amount: int
    currency: str

    def __post_init__(self) -> None:
        """An entry that does not move a positive sum cannot be written."""
        if self.amount <= 0:
            raise InvalidAmount(f"A transfer moves a positive amount, not {self.amount}.")


class Claim(NamedTuple):
    """What a fact uses of something that may be used only so far: a line's payment, a unit, a fact.

    `used` is added (below zero: given back), `allowed` is the most that may be used in all.
    """

    subject: str
    used: int
    allowed: int


class Row(NamedTuple):
    """`amount` names the field that holds the sum; `{shop}` in an account names the field of the party."""

    debit: str
    credit: str
    amount: str


class Swing(NamedTuple):
    """As Row, and an amount below zero moves the other way."""

    debit: str
    credit: str
    amount: str


class Pour(NamedTuple):
    """`bearers` (account, field) are drained in order into `receivers` (account, field) in order."""

    bearers: tuple[tuple[str, str], ...]
    receivers: tuple[tuple[str, str], ...]


class Mirror(NamedTuple):
    """The rows of the fact that is reversed, with debit and credit exchanged."""


UNLIMITED = MAX_AMOUNT  # What is given back, or only counted, has no limit.

ID = "{id}"  # The identifier of the stream the fact stands in: for an order's facts, the order.

_BEARERS = (
    ("order_escrow:{order}",     "bearers.escrow"),
    ("shop_payable:{shop}",      "bearers.payable"),
    ("shop_deposit:{shop}",      "bearers.deposit"),
    ("refund_advance:{shop}",    "bearers.advance"),
    ("import_suspense:{source}", "bearers.suspense"),
)  # fmt: skip
_RECEIVERS = (
    ("bank",                     "cash_due"),
    ("platform_coupon",          "coupon"),
)  # fmt: skip

#   fact                             debit                        credit                     amount
POSTINGS: dict[type[Fact], tuple[Row | Swing | Pour | Mirror, ...]] = {
    order.OrderPlaced:              (),
    order.OrderPaid:                (Row("bank",                 "order_escrow:{id}",       "cash"),
                                     Row("platform_coupon",      "order_escrow:{id}",       "coupon")),
    order.OrderAmended:             (Row("bank",                 "order_escrow:{id}",       "cash_in"),
                                     Row("platform_coupon",      "order_escrow:{id}",       "coupon_in"),
                                     Row("import_suspense:{source}", "order_escrow:{id}",   "suspense"),
                                     Swing("commission",         "shop_payable:{shop}",     "commission"),
                                     Swing("host_payable:{host}", "shop_payable:{shop}",    "host_share"),
                                     Swing("shop_payable:{shop}", "order_escrow:{id}",      "payable"),
                                     Row("shop_deposit:{shop}",  "order_escrow:{id}",       "deposit"),
                                     Row("refund_advance:{shop}", "order_escrow:{id}",      "advance"),
                                     Row("order_escrow:{id}",    "bank",                    "cash_out"),
                                     Row("order_escrow:{id}",    "platform_coupon",         "coupon_out"),
                                     Row("order_escrow:{id}",    "import_suspense:{source}", "made_good")),
    order.OrderSettled:             (Row("order_escrow:{id}",    "shop_payable:{shop}",     "net"),
                                     Row("order_escrow:{id}",    "host_payable:{host}",     "host_share"),
                                     Row("order_escrow:{id}",    "commission",              "commission")),
    order.SharesRestored:           (Row("order_escrow:{id}",    "shop_payable:{shop}",     "escrow"),
                                     Swing("commission",         "shop_payable:{shop}",     "commission"),
                                     Swing("host_payable:{host}", "shop_payable:{shop}",    "host_share")),
    order.OrderCancelled:           (),
    order.OrderVoided:              (),
    order.OrderClosed:              (),
    order.SameVersionRecorded:      (),
    order.StaleVersionRecorded:     (),
    fulfilment.ParcelDispatched:    (),
    fulfilment.ParcelDelivered:     (),
    fulfilment.ReceiptConfirmed:    (),
    refund.RefundRequested:         (),
    refund.RefundApproved:          (),
    refund.RefundRefused:           (),
    refund.RefundEscalated:         (),
    refund.ReturnShipped:           (),
    refund.ReturnReceived:          (),
    refund.InstantRefundAdvanced:   (Row("refund_advance:{shop}", "bank",                   "amount"),),
    refund.RefundAdvanceRecovered:  (Row("order_escrow:{order}", "refund_advance:{shop}",   "escrow"),
                                     Swing("shop_payable:{shop}", "refund_advance:{shop}",  "payable"),
                                     Row("shop_deposit:{shop}",  "refund_advance:{shop}",   "deposit")),
    refund.RefundCompleted:         (Row("commission",           "shop_payable:{shop}", "bearers.commission"),
                                     Row("host_payable:{host}",  "shop_payable:{shop}", "bearers.host"),
                                     Pour(_BEARERS, _RECEIVERS)),
    refund.RefundClosed:            (),
    shop.ShopOpened:                (),
    shop.DepositPaid:               (Row("bank",                 "shop_deposit:{shop}",     "amount"),),
    shop.DepositRefunded:           (Row("shop_deposit:{shop}",  "bank",                    "amount"),),
    shop.ShopPaidOut:               (Row("shop_payable:{shop}",  "bank",                    "owed"),
                                     Row("import_suspense:{source}", "bank",                "suspense")),
    shop.HostPaidOut:               (Row("host_payable:{host}",  "bank",                    "owed"),
                                     Row("import_suspense:{source}", "bank",                "suspense")),
    shop.ShopClosingRequested:      (),
    shop.ShopClosed:                (),
    adjustment.AdjustmentRecorded:  (),
    correction.CorrectionRecorded:  (Mirror(),),
    parking.FactParked:             (),
}  # fmt: skip

Post = Callable[[Fact, str], list[Transfer]]

_currency = attrgetter("currency")


def _account(template: str) -> Callable[[Fact, str], str]:
    """How to name an account: a fixed name, or its kind and a party taken from the fact or its stream."""
    kind, _, party = template.partition(":")
    if not party:
        return lambda _fact, _id: kind
    prefix = f"{kind}:"
    if party == ID:
        return lambda _fact, id_: prefix + id_
    field = attrgetter(party.strip("{}"))
    return lambda fact, _id: prefix + field(fact)


def _row(row: Row) -> Post:
    debit, credit, amount = _account(row.debit), _account(row.credit), attrgetter(row.amount)

    def post(fact: Fact, id_: str) -> list[Transfer]:
        value = amount(fact)
        return [Transfer(debit(fact, id_), credit(fact, id_), value, _currency(fact))] if value else []

    return post


def _swing(row: Swing) -> Post:
    there, amount = _row(Row(*row)), attrgetter(row.amount)
    debit, credit = _account(row.debit), _account(row.credit)

    def post(fact: Fact, id_: str) -> list[Transfer]:
        value = amount(fact)
        if value >= 0:
            return there(fact, id_)
        return [Transfer(credit(fact, id_), debit(fact, id_), -value, _currency(fact))]

    return post


def pour(bearers: Sequence[int], receivers: Sequence[int]) -> list[tuple[int, int, int]]:
    """Drain `bearers` in order into `receivers` in order: (bearer, receiver, amount) for each part moved.

    Both add up to the same sum; ValueError if they do not.
    """
    if sum(bearers) != sum(receivers):
        message = f"{sum(bearers)} is borne but {sum(receivers)} is received"
        raise ValueError(message)
    moved = []
    give, take = list(bearers), list(receivers)
    i = j = 0
    while i < len(give) and j < len(take):
        part = min(give[i], take[j])
        if part:
            moved.append((i, j, part))
            give[i] -= part
            take[j] -= part
        if not give[i]:
            i += 1
        else:
            j += 1
    return moved


def _pour(row: Pour) -> Post:
    bearers = [(_account(account), attrgetter(amount)) for account, amount in row.bearers]
    receivers = [(_account(account), attrgetter(amount)) for account, amount in row.receivers]

    def post(fact: Fact, id_: str) -> list[Transfer]:
        parts = pour([amount(fact) for _, amount in bearers], [amount(fact) for _, amount in receivers])
        return [
            Transfer(bearers[i][0](fact, id_), receivers[j][0](fact, id_), part, _currency(fact))
            for i, j, part in parts
        ]

    return post


def _mirror(fact: Fact, id_: str) -> list[Transfer]:
    """The transfers of the fact a correction reverses, backwards."""
    assert isinstance(fact, correction.CorrectionRecorded)  # noqa: S101 - only its own row leads here
    reversed_fact = CODEC.decode_body(fact.topic, fact.body)
    return [Transfer(t.credit, t.debit, t.amount, t.currency) for t in transfers(reversed_fact, id_)]


def _compile(row: Row | Swing | Pour | Mirror) -> Post:
    match row:
        case Row():
            return _row(row)
        case Swing():
            return _swing(row)
        case Pour():
            return _pour(row)
        case Mirror():
            return _mirror


_COMPILED: dict[type[Fact], tuple[Post, ...]] = {
    fact: tuple(_compile(row) for row in rows) for fact, rows in POSTINGS.items()
}


def transfers(fact: Fact, id_: str) -> list[Transfer]:
    """The transfers a fact stands for; `id_` is the identifier of its stream (`uci:536365`)."""
    found: list[Transfer] = []
    for post in _COMPILED[type(fact)]:
        found += post(fact, id_)
    return found


def claims(fact: Fact, id_: str) -> list[Claim]:
    """What a fact uses of sums and things that may be used only once or only so far.

    Refunds of a line (`refund/uci:1/2`) never exceed what was paid for it, refunds of an order never what was
    paid in all, a unit (`refund/uci:1/2/3`) is refunded in full once, and a fact is reversed once. What
    coupons bear of refunds is counted beside them (`refund-coupon/…`), as is what was advanced for refunds
    that are not complete (`advanced/…`, `advanced-coupon/…`) and what waits in suspense (`over/…`; its line 0
    is all lines together).
    """
    match fact:
        case refund.RefundCompleted(order=named) if named and "currency_mismatch" not in fact.marks:
            sums = fact.cash, fact.coupon, fact.bearers.suspense, fact.paid
            found = _refunded("refund", named, sums, fact.lines)
            if fact.bearers.suspense:
                found += _waiting(f"over/{named}", fact.bearers.suspense, fact.lines)
            if fact.advanced:
                found += _given_back(_refunded("advanced", named, sums, fact.lines))
            return found
        case refund.InstantRefundAdvanced(order=named):
            return _refunded("advanced", named, (fact.amount, fact.coupon, 0, fact.paid), fact.lines)
        case order.OrderAmended():
            return _recounted(fact, id_)
        case correction.CorrectionRecorded():
            undone = claims(CODEC.decode_body(fact.topic, fact.body), id_)
            return [Claim(f"reversed/{fact.position}", 1, 1), *_given_back(undone)]
        case _:
            return []


def _refunded(
    kind: str, named: str, sums: tuple[int, int, int, int], lines: Sequence[refund.RefundLine]
) -> list[Claim]:
    """Of `sums`: cash, coupons, what of both waits in suspense, and what was paid; and line by line."""
    found = _summed(kind, named, *sums)
    for line in lines:
        if line.line:
            subject = f"{named}/{line.line}"
            found += _summed(kind, subject, line.cash, line.coupon, line.over, line.paid)
            found += [Claim(f"{kind}/{subject}/{unit}", 1, 1) for unit in line.units]
    return found


def _summed(kind: str, subject: str, cash: int, coupon: int, over: int, paid: int) -> list[Claim]:  # noqa: PLR0913, PLR0917 - the columns of a refund
    found = [Claim(f"{kind}/{subject}", cash + coupon - over, paid)]
    if coupon:
        found.append(Claim(f"{kind}-coupon/{subject}", coupon, UNLIMITED))
    return found


def _waiting(subject: str, suspense: int, lines: Sequence[refund.RefundLine]) -> list[Claim]:
    found = [Claim(subject, suspense, UNLIMITED)]
    for line in lines:
        if line.over:
            found.append(Claim(f"{subject}/0", line.over, UNLIMITED))
            found.append(Claim(f"{subject}/{line.line}", line.over, UNLIMITED))
    return found


def _recounted(fact: order.OrderAmended, id_: str) -> list[Claim]:
    """What new sums of an order make of its refunds: more of them counts, or has to wait."""
    found = []
    if fact.recounted:
        found.append(Claim(f"refund/{id_}", fact.recounted, fact.cash + fact.coupon))
        found.append(Claim(f"over/{id_}", -fact.recounted, UNLIMITED))
    paid = [cash + coupon for cash, coupon in zip(fact.line_cash, fact.line_coupon, strict=True)]
    for number, change in enumerate(fact.line_recounted, 1):
        if change:
            # A line that the new version lacks was paid nothing.
            found.append(Claim(f"refund/{id_}/{number}", change, sum(paid[number - 1 : number])))
            found += [Claim(f"over/{id_}/{line}", -change, UNLIMITED) for line in (0, number)]
    return found


def _given_back(used: Sequence[Claim]) -> list[Claim]:
    return [Claim(claim.subject, -claim.used, UNLIMITED) for claim in used]
