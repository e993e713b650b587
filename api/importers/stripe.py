"""Stripe: charges as orders, refunds, disputes, payouts, and the lines of the balance that settle a charge.

Reads objects, lists of objects and events. A charge is an order of its own (`stripe:ch_…`) with one line:
Stripe knows a payment, not what was bought. Amounts are minor units as Stripe counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from api.importers import payloads, values
from api.importers.documents import Document, Importer, Options, Skip
from api.importers.payloads import Feed, Item, Said
from ledger import money
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.chargeback import ReceiveChargeback, ReverseChargeback
from ledger.decisions.order import OrderLine, SettleOrder
from ledger.decisions.refund import RecordRefund, ReportedLine
from ledger.decisions.shop import PayOutShop
from ledger.decisions.statement import RecordMovement
from ledger.errors import Malformed

SYSTEM = "stripe"
_SKU = "charge"
# Where Stripe counts in another unit than ISO 4217: what one of ISO's is in Stripe's, and the other way.
_FINER = {"ISK": 100, "UGX": 100}
_COARSER = {"MGA": 100}

# What the importer reads of each object; Stripe sends more.


class Charge(msgspec.Struct, frozen=True):
    """A payment, or the attempt at one."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    amount_captured: int = 0
    captured: bool = False
    customer: Any = ""
    description: str = ""
    refunds: Any = None


class Refund(msgspec.Struct, frozen=True):
    """Money that goes back for a charge."""

    id: str
    amount: int
    currency: str
    created: int
    status: str = ""
    charge: Any = ""
    reason: str = ""
    failure_balance_transaction: Any = ""


class Change(msgspec.Struct, frozen=True):
    """What a dispute did to the balance."""

    amount: int
    created: int


class Dispute(msgspec.Struct, frozen=True):
    """A chargeback, or a warning of one."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    charge: Any
    reason: str = ""
    balance_transactions: list[Change] = []


class Payout(msgspec.Struct, frozen=True):
    """What Stripe sent to the shop's bank."""

    id: str
    amount: int
    currency: str
    arrival_date: int
    status: str


class BalanceTransaction(msgspec.Struct, frozen=True):
    """A line of the balance."""

    id: str
    type: str
    amount: int
    currency: str
    created: int
    fee: int = 0
    source: Any = ""
    exchange_rate: Any = None
    description: str = ""


def documents(path: Path, options: Options) -> Generator[Document]:
    """What the payloads of a file tell."""
    feed = Feed(SYSTEM, values.platform(options.platform or SYSTEM), values.name(options.shop or SYSTEM))
    return payloads.documents(path, partial(_items, feed))


STRIPE = Importer(documents, lambda _path: None)


def _items(feed: Feed, payload: object) -> Iterator[Item]:
    """The objects of a payload: one, a list, what an event is about, or objects behind names."""
    if isinstance(payload, list):
        for each in payload:
            yield from _items(feed, each)
        return
    if not isinstance(payload, dict):
        yield payloads.misfit(payload)
        return
    match payload.get("object"):
        case "list":
            yield from _items(feed, payloads.listed(payload.get("data", [])))
        case "event":
            data = payload.get("data")
            yield from _items(feed, data.get("object") if isinstance(data, dict) else data)
        case str(kind):
            read = _READERS.get(kind, _passed_over)
            yield Item(payloads.label(kind, payload.get("id")), partial(read, feed, payload))
        case _:
            for each in payload.values():
                yield from _items(feed, each)


def _charge(feed: Feed, raw: object) -> Iterator[Said]:
    charge = payloads.shape(raw, Charge)
    if charge.status == "failed":
        yield Said("", Skip("charges that failed"))
        return
    currency = _currency(charge.currency)
    amount = _minor(charge.amount_captured if charge.captured else charge.amount, currency)
    line = OrderLine(sku=_SKU, title=payloads.prose(charge.description), amount=amount)
    record = RecordOrder(
        id=feed.named(charge.id),
        at=_moment(charge.created),
        shop=feed.shop,
        buyer=payloads.token(_id(charge.customer)),
        currency=currency,
        lines=(line,),
        paid=charge.captured and charge.status == "succeeded",
    )
    # Only what was captured of a charge changes, and it only grows: that makes its version.
    version = 1 + (charge.amount_captured if charge.captured else 0)
    yield feed.says("", record, version=version, kind="sales", amount=amount)
    inside = charge.refunds.get("data") if isinstance(charge.refunds, dict) else None
    for refund in inside or ():
        yield from _refund(feed, refund)


def _refund(feed: Feed, raw: object) -> Iterator[Said]:
    refund = payloads.shape(raw, Refund)
    what = f"refund {refund.id}"
    came_back = refund.status in {"failed", "canceled"} and refund.failure_balance_transaction
    if refund.status != "succeeded" and not came_back:
        yield Said(what, Skip(f"refunds with status {refund.status or 'none'}"))
        return
    currency, charge = _currency(refund.currency), _id(refund.charge)
    cash = 0 if came_back else _minor(refund.amount, currency)
    record = RecordRefund(
        id=feed.named(refund.id),
        at=_moment(refund.created),
        order=feed.named(charge) if charge else "",
        shop=feed.shop,
        currency=currency,
        lines=(ReportedLine(line=1 if charge else 0, sku=_SKU, quantity=0, cash=cash),),
    )
    # A refund that the buyer's bank sent back replaces itself: nothing of it went to the buyer.
    yield feed.says(what, record, version=2 if came_back else 1, kind="refunds", amount=cash)


def _dispute(feed: Feed, raw: object) -> Iterator[Said]:
    dispute = payloads.shape(raw, Dispute)
    if dispute.status.startswith("warning") or dispute.status == "prevented":
        yield Said("", Skip("disputes that take no money back"))
        return
    currency = _currency(dispute.currency)
    amount, id_, at = _minor(dispute.amount, currency), feed.named(dispute.id), _moment(dispute.created)
    receive = ReceiveChargeback(
        id=id_,
        at=at,
        order=feed.named(_id(dispute.charge)),
        currency=currency,
        amount=amount,
        reason=payloads.prose(dispute.reason),
    )
    yield feed.says("", receive, kind="chargebacks", amount=amount)
    if dispute.status == "won":
        back = max(
            (change.created for change in dispute.balance_transactions if change.amount > 0), default=0
        )
        won = _moment(back or dispute.created)
        yield feed.says("won", ReverseChargeback(id=id_, at=won), once=True)


def _payout(feed: Feed, raw: object) -> Iterator[Said]:
    payout = payloads.shape(raw, Payout)
    if payout.status != "paid":
        yield Said("", Skip(f"payouts with status {payout.status}"))
        return
    currency = _currency(payout.currency)
    amount, at = _minor(payout.amount, currency), _moment(payout.arrival_date)
    if amount > 0:
        pay_out = PayOutShop(id=feed.shop, at=at, amount=amount, currency=currency)
        yield feed.says("", pay_out, part=payout.id, kind="payouts", amount=amount)
    else:
        line = RecordMovement(
            id=feed.named(payout.id),
            at=at,
            shop=feed.shop,
            movement="payout",
            currency=currency,
            amount=-amount,
        )
        yield feed.says("", line, kind="movements", amount=-amount)


def _balance_transaction(feed: Feed, raw: object) -> Iterator[Said]:
    line = payloads.shape(raw, BalanceTransaction)
    currency, source = _currency(line.currency), _id(line.source)
    amount, fee = _minor(line.amount, currency), _minor(line.fee, currency)
    at = _moment(line.created)
    # One in another currency than the charge's cannot settle it: sums are never converted.
    if line.type in {"charge", "payment"} and source and line.exchange_rate is None:
        settle = SettleOrder(id=feed.named(source), at=at, commission=fee)
        yield feed.says("settlement", settle, part=line.id)
        return
    record = RecordMovement(
        id=feed.named(line.id),
        at=at,
        shop=feed.shop,
        movement=payloads.token(line.type),
        currency=currency,
        amount=amount,
        fee=fee,
        reference=payloads.token(source),
        reason=payloads.prose(line.description),
    )
    yield feed.says("", record, kind="movements", amount=amount)


def _passed_over(_feed: Feed, raw: dict[str, Any]) -> Iterator[Said]:
    yield Said("", Skip(f"{payloads.token(raw['object'])} objects"))


_READERS: dict[str, Callable[[Feed, Any], Iterable[Said]]] = {
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "payout": _payout,
    "balance_transaction": _balance_transaction,
}


def _id(reference: object) -> str:
    """The id of an object that is named, or expanded in place."""
    return str(reference.get("id", "")) if isinstance(reference, dict) else values.text(reference)


def _currency(code: str) -> str:
    return money.currency(code.upper())


def _minor(amount: int, currency: str) -> int:
    """An amount as ISO 4217 has it; Malformed if it is no whole number of minor units."""
    whole, rest = divmod(amount * _COARSER.get(currency, 1), _FINER.get(currency, 1))
    if rest:
        raise Malformed(f"{amount} is no whole amount of {currency}.", field="amount")
    return whole


def _moment(seconds: int) -> datetime:
    return values.moment(seconds, UTC, "epoch_s")
