"""Whatever is asked and whatever is reported, in any order: the books are those of a model in plain Python.

The model knows nothing of the ledger's decisions: it reckons in fractions and keeps balances in a dictionary.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from itertools import count
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger.books import trial_balance
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command, Request
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import (
    CancelOrder,
    CloseOrder,
    OrderLine,
    PayOrder,
    PlaceOrder,
    SettleOrder,
    VoidOrder,
)
from ledger.decisions.refund import (
    AdvanceRefund,
    ApproveRefund,
    CloseRefund,
    CompleteRefund,
    EscalateRefund,
    ReceiveReturn,
    RecordRefund,
    RefundItem,
    RefuseRefund,
    ReportedLine,
    RequestRefund,
    ShipReturn,
)
from ledger.decisions.shop import (
    CloseShop,
    OpenShop,
    PayDeposit,
    PayOutHost,
    PayOutShop,
    RefundDeposit,
    RequestClosing,
)
from ledger.errors import LedgerError
from ledger.events.base import Source
from ledger.postings import CHART
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Result, Writer
from projections.catalogue import PROJECTIONS
from projections.engine import Engine
from tests import postgres
from tests.ledger.stories import START, Ledger, Reported

# How sums are reckoned by hand.


def part(total: int, of: int, whole: int) -> int:
    """What `of` parts of `whole` bear of a total, rounded half-up; all of it where there is no whole."""
    return floor(Fraction(total * of, whole) + Fraction(1, 2)) if whole else total


def divided(total: int, weights: Sequence[int]) -> list[int]:
    """By largest remainder, one unit after the other to whoever lacks most, the first of equals."""
    weights = weights if any(weights) else [1] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    found = [floor(share) for share in exact]
    while sum(found) < total:
        lacking = [share - had for share, had in zip(exact, found, strict=True)]
        found[lacking.index(max(lacking))] += 1
    return found


def shares(whole: int, refunded: int, commission: int, host_share: int) -> tuple[int, int]:
    """Commission and host share of a settled order, of whose payment `refunded` went back."""
    if commission + host_share > whole:
        commission, host_share = divided(whole, (commission, host_share))
    gone = min(refunded, whole)
    return commission - part(commission, gone, whole), host_share - part(host_share, gone, whole)


# What is asked of the ledger itself: accepted or refused, and what it moves.


class No(Exception):
    """The model expects a refusal with one of these codes."""

    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = codes


def unless(accepted: object, *codes: str) -> None:
    if not accepted:
        raise No(*codes)


class Pair(NamedTuple):
    """Cash and coupons."""

    cash: int
    coupon: int

    def minus(self, other: "Pair") -> "Pair":
        return Pair(self.cash - other.cash, self.coupon - other.coupon)

    def plus(self, other: "Pair") -> "Pair":
        return Pair(self.cash + other.cash, self.coupon + other.coupon)


@dataclass
class Entry:
    """A fact that a correction may reverse: what it moved, and how to take it back."""

    kind: str
    id: str
    moved: dict[str, int]
    escrow: int = 0
    shares: tuple[int, int] = (0, 0)
    reversed: bool = False


@dataclass
class Part:
    """One line of a refund."""

    line: int
    units: tuple[int, ...]
    sums: Pair
    whole: bool
    """Asked for as all that was left of the line."""


@dataclass
class Sale:
    """An order."""

    command: PlaceOrder
    paid: bool = False
    parcels: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    sent: Counter[int] = field(default_factory=Counter)
    rest_sent: bool = False
    confirmed: bool = False
    settled: bool = False
    closed: bool = False
    cancelled: bool = False
    voided: bool = False
    agreed: tuple[int, int] = (0, 0)
    handed_out: int = 0
    refunded: int = 0
    taken: dict[int, Pair] = field(default_factory=dict)
    """What is refunded or advanced, by line; 0 is the order."""
    units: set[tuple[int, int]] = field(default_factory=set)

    def line(self, number: int) -> Pair:
        """What was paid for a line, or for the order."""
        lines = [
            Pair(line.amount - line.shop_coupon - line.platform_coupon, line.platform_coupon)
            for line in self.command.lines
        ]
        if number:
            return lines[number - 1] if number <= len(lines) else Pair(0, 0)
        return Pair(
            sum(line.cash for line in lines) + self.command.freight, sum(line.coupon for line in lines)
        )

    @property
    def whole(self) -> int:
        return sum(self.line(0))

    def left(self, number: int) -> Pair:
        return self.line(number).minus(self.taken.get(number, Pair(0, 0)))

    def take(self, parts: Sequence[Part], whole: Pair, sign: int = 1) -> None:
        for number, sums in [(0, whole), *((part.line, part.sums) for part in parts)]:
            signed = Pair(sign * sums.cash, sign * sums.coupon)
            self.taken[number] = self.taken.get(number, Pair(0, 0)).plus(signed)
        for taken in parts:
            for unit in taken.units:
                (self.units.add if sign > 0 else self.units.discard)((taken.line, unit))

    def shares(self) -> tuple[int, int]:
        return shares(self.whole, self.refunded, *self.agreed)

    def fits(self, items: Sequence[ParcelItem]) -> bool:
        """Whether no more leaves than there is."""
        if not items:
            return not self.rest_sent
        sent = self.sent + Counter({})
        for item in items:
            sent[item.line] += item.quantity
        return all(
            line <= len(self.command.lines) and quantity <= self.command.lines[line - 1].quantity
            for line, quantity in sent.items()
        )

    @property
    def stage(self) -> str:
        if self.voided or self.cancelled or self.confirmed:
            return "voided" if self.voided else "cancelled" if self.cancelled else "confirmed"
        if not self.parcels:
            return "paid" if self.paid else "placed"
        if not self.rest_sent and any(
            self.sent[number] < line.quantity for number, line in enumerate(self.command.lines, 1)
        ):
            return "partly"
        return "gone"


@dataclass
class Back:
    """A refund."""

    command: RequestRefund
    sums: Pair
    parts: list[Part]
    step: str = "requested"
    advanced: int = 0
    entry: Entry | None = None
    """Its completion that counts."""
    closed: bool = False

    @property
    def status(self) -> str:
        if self.closed:
            return "closed"
        if self.entry is None:
            return self.step
        return "reversed" if self.entry.reversed else "completed"


STEPS = {
    "approve": ("approved", "requested refused escalated"),
    "refuse": ("refused", "requested escalated"),
    "escalate": ("escalated", "requested refused approved return_shipped returned"),
    "ship-return": ("return_shipped", "approved"),
    "receive-return": ("returned", "return_shipped"),
}


class Model:
    """Plain books: natural balances by account; every method answers whether anything changes, or raises No."""

    def __init__(self) -> None:
        self.books: Counter[str] = Counter()
        self.sales: dict[str, Sale] = {}
        self.backs: dict[str, Back] = {}
        self.shops: dict[str, tuple[str, OpenShop]] = {}
        self.entries: dict[int, Entry] = {}
        self.entry: Entry | None = None
        """What the last command may have reversed later, once its position is known."""

    def add(self, moved: dict[str, int]) -> dict[str, int]:
        for account, amount in moved.items():
            self.books[account] += amount
        return moved

    def recover(self, shop: str, credit: int) -> None:
        """What a shop is credited makes good what was advanced for it; what it lacks is advanced."""
        advanced, payable = self.books[f"refund_advance:{shop}"], self.books[f"shop_payable:{shop}"]
        if advanced < 0:
            amount = advanced
        elif credit > 0:
            amount = max(min(advanced, credit, payable), 0)
        else:
            amount = max(credit, min(payable, 0))
        self.add({f"shop_payable:{shop}": -amount, f"refund_advance:{shop}": -amount})

    def bear(self, shop: str, need: int, returned: int = 0) -> tuple[int, int, int]:
        """Payable, deposit and advance in this order."""
        payable = max(min(need, max(self.books[f"shop_payable:{shop}"], 0) + returned), 0)
        deposit = min(need - payable, self.books[f"shop_deposit:{shop}"])
        return payable, deposit, need - payable - deposit

    # Orders.

    def place(self, command: PlaceOrder) -> bool:
        if sale := self.sales.get(command.id):
            unless(sale.command == command, "already_exists")
            return False
        fits = (
            line.quantity >= 1 and line.amount >= line.shop_coupon + line.platform_coupon
            for line in command.lines
        )
        unless(command.lines and all(fits), "invalid_amount")
        unless(self.shops.get(command.shop, ("open",))[0] == "open", "wrong_state")
        self.sales[command.id] = Sale(command)
        return True

    def known(self, id_: str, *, paid: bool = False) -> Sale:
        unless(id_ in self.sales, "unknown_order")
        unless(self.sales[id_].paid or not paid, "wrong_state")
        return self.sales[id_]

    def pay(self, command: PayOrder) -> bool:
        sale = self.known(command.id)
        cash, coupon = sale.line(0)
        if sale.paid:
            unless(command.cash == cash, "wrong_state")
            return False
        unless(sale.stage == "placed", "wrong_state")
        unless(command.cash == cash, "invalid_amount")
        sale.paid = True
        self.add({"bank": cash, "platform_coupon": coupon, f"order_escrow:{command.id}": cash + coupon})
        return True

    def dispatch(self, command: DispatchParcel) -> bool:
        sale = self.known(command.id)
        unless(command.waybill not in sale.parcels, "already_exists")
        unless(sale.paid and sale.stage in {"paid", "partly"}, "wrong_state")
        unless(sale.fits(command.items), "invalid_amount")
        sale.parcels.add(command.waybill)
        sale.rest_sent = sale.rest_sent or not command.items
        for item in command.items:
            sale.sent[item.line] += item.quantity
        return True

    def deliver(self, command: DeliverParcel) -> bool:
        sale = self.known(command.id)
        if command.waybill in sale.delivered:
            return False
        unless(command.waybill in sale.parcels, "wrong_state")
        sale.delivered.add(command.waybill)
        return True

    def confirm(self, command: ConfirmReceipt) -> bool:
        sale = self.known(command.id)
        if sale.confirmed:
            return False
        unless(sale.stage == "gone", "wrong_state")
        sale.confirmed = True
        return True

    def settle(self, command: SettleOrder) -> bool:
        sale = self.known(command.id, paid=True)
        unless(sale.command.host or not command.host_share, "invalid_amount")
        agreed = command.commission, command.host_share
        if sale.settled:
            unless(agreed == sale.agreed, "wrong_state")
            return False
        unless(sale.stage == "confirmed", "wrong_state")
        unless(sum(agreed) <= sale.whole, "insufficient_funds")
        sale.settled, sale.agreed = True, agreed
        held = sale.handed_out = self.books[f"order_escrow:{command.id}"]
        commission, host_share = sale.shares()
        shop, net = sale.command.shop, held - commission - host_share
        moved = self.add(
            {
                f"order_escrow:{command.id}": -held,
                "commission": commission,
                f"host_payable:{sale.command.host}": host_share,
                f"shop_payable:{shop}": net,
            }
        )
        self.entry = Entry("settle", command.id, moved)
        self.recover(shop, net)
        return True

    def cancel(self, command: CancelOrder) -> bool:
        sale = self.known(command.id)
        if sale.cancelled:
            return False
        early = sale.stage in {"placed", "paid"}
        unless(early and not self.books[f"order_escrow:{command.id}"], "wrong_state")
        sale.cancelled = True
        return True

    def void(self, command: VoidOrder) -> bool:
        sale = self.known(command.id)
        already, sale.voided = sale.voided, True
        return not already

    def close(self, command: CloseOrder) -> bool:
        sale = self.known(command.id, paid=True)
        if sale.closed:
            return False
        unless(sale.settled, "wrong_state")
        sale.closed = True
        return True

    # Refunds.

    def request(self, command: RequestRefund) -> bool:
        if back := self.backs.get(command.id):
            unless(command == back.command, "already_exists")
            return False
        sale = self.known(command.order, paid=True)
        left = {number: sale.left(number) for number in range(len(sale.command.lines) + 1)}
        named: set[tuple[int, int]] = set()
        parts: list[Part] = []
        all_lines = [RefundItem(line=number) for number in range(1, len(left))]
        for item in command.items or all_lines:
            unless(item.line < len(left), "invalid_amount")
            unless(not (item.units and item.cash is not None), "invalid_amount")
            quantity = sale.command.lines[item.line - 1].quantity
            for unit in item.units:
                unless(unit <= quantity and (item.line, unit) not in named, "invalid_amount")
                named.add((item.line, unit))
                unless((item.line, unit) not in sale.units, "refund_exceeds_paid")
            sums = self.asked(sale, item, left[item.line])
            if not command.items:
                sums = Pair(*map(min, sums, left[0]))
            left[item.line], left[0] = left[item.line].minus(sums), left[0].minus(sums)
            if any(sums):
                parts.append(Part(item.line, item.units, sums, not item.units and item.cash is None))
        freight = command.freight if command.items else max(left[0].cash, 0)
        cash, coupon = sum(p.sums.cash for p in parts) + freight, sum(p.sums.coupon for p in parts)
        most = sale.left(0)
        unless(cash + coupon and cash <= most.cash and cash + coupon <= sum(most), "refund_exceeds_paid")
        self.backs[command.id] = Back(command, Pair(cash, coupon), parts)
        return True

    def asked(self, sale: Sale, item: RefundItem, left: Pair) -> Pair:
        """One item in cash and coupons."""
        paid, quantity = sale.line(item.line), sale.command.lines[item.line - 1].quantity
        if not item.units and item.cash is None:
            return left
        prices = [divided(sum_, [1] * quantity) for sum_ in paid]
        cash, units_coupon = (sum(price[unit - 1] for unit in item.units) for price in prices)
        cash = item.cash or cash
        coupon = units_coupon if item.units and not paid.cash else self.coupon(sale, item.line, cash, left)
        unless(cash <= left.cash and cash + coupon <= sum(left), "refund_exceeds_paid")
        return Pair(cash, coupon)

    def coupon(self, sale: Sale, line: int, cash: int, left: Pair) -> int:
        """The coupons' part of a refund, so that all refunds of a line together give them back exactly."""
        paid = sale.line(line)
        after = part(paid.coupon, min(paid.cash - left.cash + cash, paid.cash), paid.cash)
        return max(min(after - (paid.coupon - left.coupon), sum(left) - cash), 0)

    def due(self, back: Back) -> tuple[Pair, list[Part]]:
        """What a refund gives back by now, if there is that much left."""
        sale = self.sales[back.command.order]
        left: dict[int, Pair] = {0: sale.left(0)}
        free = left[0].coupon
        parts = []
        for wanted in back.parts:
            line, cash = wanted.line, wanted.sums.cash
            left.setdefault(line, sale.left(line))
            coupon = (
                min(wanted.sums.coupon, left[line].coupon)
                if wanted.whole or not cash
                else self.coupon(sale, line, cash, left[line])
            )
            coupon = max(min(coupon, free), 0)
            free -= coupon
            left[line] = left[line].minus(Pair(cash, coupon))
            parts.append(Part(line, wanted.units, Pair(cash, coupon), wanted.whole))
            unless(not any((line, unit) in sale.units for unit in wanted.units), "refund_exceeds_paid")
        whole = Pair(back.sums.cash, sum(p.sums.coupon for p in parts))
        left[0] = left[0].minus(whole)
        for still in left.values():
            unless(still.cash >= 0 and sum(still) >= 0, "refund_exceeds_paid")
        return whole, parts

    def back(self, id_: str) -> Back:
        unless(id_ in self.backs, "unknown_refund")
        return self.backs[id_]

    def step(self, command: Command) -> bool:
        back = self.back(command.id)
        name = command.NAME.partition(".")[2]
        after, allowed = STEPS[name]
        unless(not (name == "refuse" and back.advanced), "wrong_state")
        if back.status == after:
            return False
        unless(back.status in allowed.split(), "wrong_state")
        back.step = after
        return True

    def close_refund(self, command: CloseRefund) -> bool:
        back = self.back(command.id)
        completed = back.entry is not None and not back.entry.reversed
        unless(not back.advanced or completed, "wrong_state")
        if back.closed:
            return False
        unless(back.status in {"refused", "completed", "requested", "approved"}, "wrong_state")
        back.closed = True
        return True

    def advance(self, command: AdvanceRefund) -> bool:
        back = self.back(command.id)
        if not back.sums.cash or back.advanced:
            return False
        unless(back.status in {"requested", "approved", "return_shipped", "returned"}, "wrong_state")
        back.sums, back.parts = self.due(back)
        back.advanced = back.sums.cash
        sale = self.sales[back.command.order]
        sale.take(back.parts, back.sums)
        self.add({f"refund_advance:{sale.command.shop}": back.advanced, "bank": -back.advanced})
        return True

    def complete(self, command: CompleteRefund) -> bool:
        back = self.back(command.id)
        if back.entry is not None and not back.entry.reversed:
            return False
        unless(back.status == ("returned" if back.command.returns else "approved"), "wrong_state")
        sale = self.sales[back.command.order]
        shop, host = sale.command.shop, sale.command.host
        if not back.advanced:
            back.sums, back.parts = self.due(back)
            sale.take(back.parts, back.sums)
        need = sum(back.sums) - back.advanced
        before = sale.shares()
        sale.refunded += sum(back.sums)
        moved = Counter({"bank": back.advanced - back.sums.cash, "platform_coupon": -back.sums.coupon})
        commission = host_share = escrow = credit = 0
        if sale.settled:
            after = sale.shares()
            commission, host_share = before[0] - after[0], before[1] - after[1]
            payable, deposit, advance = self.bear(shop, need, commission + host_share)
            credit = commission + host_share - payable
            moved.update({f"shop_payable:{shop}": credit, f"shop_deposit:{shop}": -deposit})
            moved.update({"commission": -commission, f"host_payable:{host}": -host_share})
            moved.update({f"refund_advance:{shop}": advance})
        else:
            escrow = need
            moved.update({f"order_escrow:{back.command.order}": -escrow})
        self.add(moved)
        back.entry = self.entry = Entry("refund", command.id, moved, escrow, (commission, host_share))
        if back.advanced:
            self.make_good(back, sale)
        self.recover(shop, credit)
        return True

    def make_good(self, back: Back, sale: Sale) -> None:
        """The escrow makes good an advance before the settlement, the shop after it as far as it can.

        What other credits of the shop had made good before its escrow did goes back to the shop.
        """
        shop, need = sale.command.shop, back.advanced
        if sale.settled:
            need = max(min(self.books[f"refund_advance:{shop}"], need), 0)
            payable, deposit, _ = self.bear(shop, need)
            self.add({f"shop_payable:{shop}": -payable, f"shop_deposit:{shop}": -deposit})
            self.add({f"refund_advance:{shop}": -payable - deposit})
        else:
            self.add({f"order_escrow:{back.command.order}": -need, f"refund_advance:{shop}": -need})

    # Shops.

    def shop(self, id_: str, *wanted: str) -> str:
        unless(id_ in self.shops, "unknown_shop")
        status = self.shops[id_][0]
        unless(status in wanted, "wrong_state")
        return status

    def open(self, command: OpenShop) -> bool:
        if command.id in self.shops:
            unless(self.shops[command.id] == ("open", command), "already_exists")
            return False
        self.shops[command.id] = "open", command
        return True

    def deposit(self, command: PayDeposit) -> bool:
        self.shop(command.id, "open", "closing")
        unless(command.amount > 0, "invalid_amount")
        moved = self.add({"bank": command.amount, f"shop_deposit:{command.id}": command.amount})
        self.entry = Entry("deposit", command.id, moved)
        self.made_good(command.id)
        return True

    def made_good(self, shop: str) -> None:
        """A deposit makes good what was advanced for the shop, then what its payable lacks."""
        deposit, advance, payable = (
            f"{account}:{shop}" for account in ("shop_deposit", "refund_advance", "shop_payable")
        )
        advanced = min(max(self.books[advance], 0), self.books[deposit])
        lacking = min(max(-self.books[payable], 0), self.books[deposit] - advanced)
        self.add({deposit: -advanced - lacking, advance: -advanced, payable: lacking})

    def refund_deposit(self, command: RefundDeposit) -> bool:
        self.shop(command.id, "closing", "closed")
        before = self.books.copy()
        try:
            self.made_good(command.id)
            unless(self.books[f"shop_payable:{command.id}"] >= 0, "deposit_held")
            unless(not self.books[f"refund_advance:{command.id}"], "deposit_held")
            return self.left(command)
        except No:
            self.books = before
            raise

    def left(self, command: RefundDeposit) -> bool:
        return self.paid_out("deposit-refund", f"shop_deposit:{command.id}", command.amount)

    def pay_out(self, command: PayOutShop | PayOutHost) -> bool:
        kind = "shop" if isinstance(command, PayOutShop) else "host"
        return self.paid_out("pay-out", f"{kind}_payable:{command.id}", command.amount)

    def paid_out(self, kind: str, account: str, amount: int | None) -> bool:
        held = max(self.books[account], 0)
        amount = held if amount is None else amount
        unless(amount > 0, "invalid_amount")
        unless(amount <= held, "insufficient_funds")
        self.entry = Entry(kind, account, self.add({account: -amount, "bank": -amount}))
        return True

    def closing(self, command: RequestClosing) -> bool:
        if self.shop(command.id, "open", "closing") == "closing":
            return False
        self.shops[command.id] = "closing", self.shops[command.id][1]
        return True

    def close_shop(self, command: CloseShop) -> bool:
        if self.shop(command.id, "closing", "closed") == "closed":
            return False
        accounts = ("shop_deposit", "shop_payable", "refund_advance")
        unless(not any(self.books[f"{name}:{command.id}"] for name in accounts), "wrong_state")
        self.shops[command.id] = "closed", self.shops[command.id][1]
        return True

    # Corrections.

    def correct(self, command: RecordCorrection) -> bool:
        entry = self.entries.get(int(command.id))
        unless(entry, "not_correctable")
        assert entry is not None
        again = ("already_reversed",) if entry.reversed else ()
        if entry.kind == "settle":
            sale = self.sales[entry.id]
            unless(sale.handed_out == sale.whole - sale.refunded, "wrong_state", *again)
            unless(not again, *again)
            sale.settled, sale.agreed, sale.handed_out = False, (0, 0), 0
        elif entry.kind == "refund":
            unless(not self.backs[entry.id].advanced, "not_correctable")
            unless(not again, *again)
            entry.reversed = True
            self.refund_reversed(entry)
            return True
        elif entry.kind == "deposit":
            enough = self.books[f"shop_deposit:{entry.id}"] >= entry.moved[f"shop_deposit:{entry.id}"]
            unless(enough, "insufficient_funds", *again)
        unless(not again, *again)
        entry.reversed = True
        self.add({account: -amount for account, amount in entry.moved.items()})
        return True

    def refund_reversed(self, entry: Entry) -> None:
        """All is as if the refund had never been."""
        back = self.backs[entry.id]
        sale = self.sales[back.command.order]
        shop, payable = sale.command.shop, f"shop_payable:{sale.command.shop}"
        held, before = self.books[payable], sale.shares()
        self.add({account: -amount for account, amount in entry.moved.items()})
        sale.refunded -= sum(back.sums)
        sale.take(back.parts, back.sums, -1)
        if sale.settled:
            after = sale.shares()
            commission, host_share = (before[i] + entry.shares[i] - after[i] for i in (0, 1))
            self.add({"commission": -commission, f"host_payable:{sale.command.host}": -host_share})
            self.add({payable: commission + host_share + entry.escrow})
            self.add({f"order_escrow:{back.command.order}": -entry.escrow})
            if commission or host_share or entry.escrow:
                sale.handed_out = -1
        self.recover(shop, self.books[payable] - held)


# What is reported from elsewhere: the end is a function of what was reported, not of when.


class Told(NamedTuple):
    """What is known of a reported order: what was paid for each line, freight, and the shares if settled."""

    shop: str
    host: str
    lines: tuple[Pair, ...]
    freight: int
    agreed: tuple[int, int] | None


class Given(NamedTuple):
    """What was given back: cash and coupons by line (0: of no line) and freight."""

    lines: tuple[tuple[int, Pair], ...]
    freight: int = 0


def books_of(id_: str, told: Told, backs: Sequence[Given]) -> Counter[str]:
    """The balances that a reported order and its refunds lead to, in whatever order they arrive."""
    cash = sum(line.cash for line in told.lines) + told.freight
    coupon = sum(line.coupon for line in told.lines)
    back, named = Pair(0, 0), Counter[int]()
    free = 0
    for refund in backs:
        free += refund.freight
        back = back.plus(Pair(refund.freight, 0))
        for number, sums in refund.lines:
            back = back.plus(sums)
            if number:
                named[number] += sum(sums)
            else:
                free += sum(sums)
    paid = dict(enumerate((sum(line) for line in told.lines), 1))
    counted = min(sum(min(sums, paid.get(line, 0)) for line, sums in named.items()) + free, cash + coupon)
    left = cash + coupon - counted
    books = Counter(
        {
            "bank": cash - back.cash,
            "platform_coupon": coupon - back.coupon,
            "import_suspense:feed": sum(back) - counted,
        }
    )
    if told.agreed is None:
        books[f"order_escrow:{id_}"] = left
    else:
        commission, host_share = shares(cash + coupon, counted, *told.agreed)
        books.update({"commission": commission, f"host_payable:{told.host}": host_share})
        books[f"shop_payable:{told.shop}"] += left - commission - host_share
    return books


def without_zeros(books: Counter[str] | dict[str, int]) -> dict[str, int]:
    return {account: amount for account, amount in books.items() if amount}


# The machine: one writer, one model, and every rule a command that either accepts or both refuse.

ORDERS = st.sampled_from(["p:1", "p:2", "p:3"])
SHOPS = st.sampled_from(["s1", "s2"])
REFUNDS = st.sampled_from([f"r{number}" for number in range(1, 7)])
REPORTED = st.sampled_from(["x:1", "x:2"])
SUMS = st.one_of(st.integers(1, 300), st.integers(1, 50_000))
Fresh = Callable[[], Any]
"""Opens an empty, migrated database and yields its URL."""


@st.composite
def order_lines(draw: st.DrawFn) -> tuple[OrderLine, ...]:
    """One to three lines, most of them with coupons."""
    lines = []
    for number in range(draw(st.integers(1, 3))):
        amount = draw(SUMS)
        shop_coupon = draw(st.one_of(st.just(0), st.integers(0, amount)))
        platform_coupon = draw(st.one_of(st.just(0), st.integers(0, amount - shop_coupon)))
        lines.append(
            OrderLine(
                sku=f"sku{number}",
                quantity=draw(st.integers(1, 4)),
                amount=amount,
                shop_coupon=shop_coupon,
                platform_coupon=platform_coupon,
            )
        )
    return tuple(lines)


@st.composite
def items(draw: st.DrawFn) -> tuple[RefundItem, ...]:
    """Everything, or some lines by units, by cash or whole."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        line = draw(st.integers(1, 3))
        kind = draw(st.sampled_from(["units", "cash", "whole", "both"]))
        units = (
            tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))) if kind in "units both" else ()
        )
        cash = draw(SUMS) if kind in {"cash", "both"} else None
        found.append(RefundItem(line=line, units=units, cash=cash))
    return tuple(found)


@st.composite
def given_back(draw: st.DrawFn) -> Given:
    """Lines of a reported refund, some of which no order has."""
    sums = st.builds(Pair, st.integers(0, 20_000), st.sampled_from([0, 0, 50]))
    lines = draw(st.lists(st.tuples(st.integers(0, 4), sums), min_size=1, max_size=3))
    return Given(tuple(lines), draw(st.sampled_from([0, 0, 700])))


def refund_report(id_: str, order: str, back: Given, **more: Any) -> RecordRefund:
    lines = tuple(ReportedLine(line=line, cash=sums.cash, coupon=sums.coupon) for line, sums in back.lines)
    return RecordRefund(
        id=id_, order=order, shop="x", currency="CNY", lines=lines, freight=back.freight, **more
    )


def order_report(id_: str, told: Told, **more: Any) -> RecordOrder:
    lines = tuple(
        OrderLine(sku=f"sku{number}", amount=sum(line), platform_coupon=line.coupon)
        for number, line in enumerate(told.lines)
    )
    commission, host_share = told.agreed or (0, 0)
    return RecordOrder(
        id=id_,
        shop=told.shop,
        host=told.host,
        currency="CNY",
        lines=lines,
        freight=told.freight,
        settled=told.agreed is not None,
        commission=commission,
        host_share=host_share,
        **more,
    )


TOLD = st.builds(
    Told,
    st.just("x"),
    st.just("hx"),
    st.lists(
        st.builds(Pair, st.integers(0, 20_000), st.sampled_from([0, 0, 999])), min_size=1, max_size=3
    ).map(tuple),
    st.sampled_from([0, 0, 600]),
    st.one_of(st.none(), st.tuples(st.integers(0, 3_000), st.integers(0, 3_000))),
)


class Machine(RuleBasedStateMachine):
    """Tells the writer and the model the same and compares them after every step."""

    fresh: Fresh

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.database = Database(self.stack.enter_context(self.fresh()))
        self.stack.callback(self.database.close)
        self.writer = Writer(self.database)
        self.stack.callback(self.writer.close)
        self.model = Model()
        self.head = 0
        self.keys = count(1)
        self.history: list[tuple[Request, Result]] = []
        self.told: dict[str, tuple[int, Told]] = {}
        self.given: dict[str, tuple[int, Given]] = {}

    def tell(self, command: Any, expect: Callable[[Any], bool]) -> None:
        request = Request(command=command, key=f"k{next(self.keys)}")
        self.model.entry = None
        codes: tuple[str, ...] = ()
        changes = False
        try:
            changes = expect(command)
        except No as no:
            codes = no.codes
        note(f"{command} -> {codes or changes}")
        (result,) = self.writer.execute_many([request])
        if isinstance(result, LedgerError):
            assert result.code in codes, result.detail
            return
        assert not codes
        assert (result.facts > 0) == changes
        self.accepted(request, result)
        if self.model.entry:
            self.model.entries[result.first_position] = self.model.entry

    def accepted(self, request: Request, result: Result) -> None:
        assert result.first_position == self.head + 1
        self.head += result.facts
        self.history.append((request, result))

    @initialize(data=st.data())
    def opened(self, data: st.DataObject) -> None:
        self.tell(OpenShop(id="s1"), self.model.open)
        self.tell(PayDeposit(id="s1", amount=data.draw(SUMS)), self.model.deposit)
        for order in ("p:1", "p:2"):
            self.onwards(order, data.draw(st.integers(2, 5)), data)

    # What goes well.

    @rule(order=ORDERS, steps=st.integers(1, 5), data=st.data())
    def onwards(self, order: str, steps: int, data: st.DataObject) -> None:
        """The next proper steps of an order."""
        for _ in range(steps):
            sale = self.model.sales.get(order)
            if sale is None:
                self.place(order, data.draw(order_lines()), data)
            elif not sale.paid:
                self.tell(PayOrder(id=order, cash=sale.line(0).cash), self.model.pay)
            elif sale.stage in {"paid", "partly"}:
                waybill = f"w{len(sale.parcels)}"
                self.tell(DispatchParcel(id=order, waybill=waybill), self.model.dispatch)
            elif sale.stage == "gone":
                self.tell(ConfirmReceipt(id=order), self.model.confirm)
            elif sale.stage == "confirmed" and not sale.settled:
                commission = data.draw(st.integers(0, sale.whole))
                most = sale.whole - commission if sale.command.host else 0
                host_share = data.draw(st.integers(0, most))
                command = SettleOrder(id=order, commission=commission, host_share=host_share)
                self.tell(command, self.model.settle)
            else:
                break

    def place(self, order: str, lines: tuple[OrderLine, ...], data: st.DataObject) -> None:
        command = PlaceOrder(
            id=order,
            shop=data.draw(SHOPS),
            host=data.draw(st.sampled_from(["h1", "h1", ""])),
            buyer="b",
            currency="CNY",
            lines=lines,
            freight=data.draw(st.sampled_from([0, 0, 800])),
        )
        self.tell(command, self.model.place)

    @rule(refund=REFUNDS, order=ORDERS, steps=st.integers(1, 6), data=st.data())
    def refund_onwards(self, refund: str, order: str, steps: int, data: st.DataObject) -> None:
        """The next proper steps of a refund."""
        wanted = self.wanted(order, data)
        for _ in range(steps):
            back = self.model.backs.get(refund)
            if back is None:
                freight, returns = (
                    data.draw(st.sampled_from([0, 0, 100])),
                    data.draw(st.sampled_from([0, 0, 1])),
                )
                command = RequestRefund(
                    id=refund, order=order, items=wanted, freight=freight, returns=bool(returns)
                )
                self.tell(command, self.model.request)
                if refund not in self.model.backs:
                    break
            elif back.status in {"requested", "refused", "escalated"}:
                if not back.advanced and data.draw(st.sampled_from([False, False, True])):
                    self.tell(AdvanceRefund(id=refund), self.model.advance)
                self.tell(ApproveRefund(id=refund), self.model.step)
            elif back.status == "approved" and back.command.returns:
                self.tell(ShipReturn(id=refund, waybill="v"), self.model.step)
            elif back.status == "return_shipped":
                self.tell(ReceiveReturn(id=refund), self.model.step)
            elif back.status in {"approved", "returned"}:
                self.tell(CompleteRefund(id=refund), self.model.complete)
            else:
                break

    def wanted(self, order: str, data: st.DataObject) -> tuple[RefundItem, ...]:
        """Everything, or parts of some lines of an order."""
        sale, found = self.model.sales.get(order), []
        for number, line in enumerate(sale.command.lines if sale else (), 1):
            assert sale is not None
            kind = data.draw(st.sampled_from(["units", "cash", "whole", "nothing"]))
            units = st.lists(st.integers(1, line.quantity), min_size=1, unique=True)
            if kind == "units":
                found.append(RefundItem(line=number, units=tuple(data.draw(units))))
            elif kind == "cash":
                found.append(
                    RefundItem(line=number, cash=data.draw(st.integers(1, sale.line(number).cash + 1)))
                )
            elif kind == "whole":
                found.append(RefundItem(line=number))
        return tuple(found)

    # What may go well or not.

    @rule(order=ORDERS, data=st.data())
    def order_step(self, order: str, data: st.DataObject) -> None:
        model = self.model
        sale = model.sales.get(order)
        due = sale.line(0).cash if sale else 100
        cash = data.draw(st.sampled_from([due, due + 1, 0]))
        agreed = data.draw(st.tuples(SUMS, st.one_of(st.just(0), SUMS)))
        parcel = data.draw(
            st.lists(st.builds(ParcelItem, line=st.integers(1, 3), quantity=st.integers(1, 4)), max_size=2)
        )
        waybill = data.draw(st.sampled_from(["w0", "w1", "w2"]))
        steps: list[tuple[Command, Callable[[Any], bool]]] = [
            (PayOrder(id=order, cash=cash), model.pay),
            (DispatchParcel(id=order, waybill=waybill, items=tuple(parcel)), model.dispatch),
            (DeliverParcel(id=order, waybill=waybill), model.deliver),
            (ConfirmReceipt(id=order), model.confirm),
            (SettleOrder(id=order, commission=agreed[0], host_share=agreed[1]), model.settle),
            (CancelOrder(id=order), model.cancel),
            (CloseOrder(id=order), model.close),
        ]
        if sale:
            steps.append((sale.command, model.place))
            steps.append((msgspec.structs.replace(sale.command, freight=1), model.place))
        self.tell(*data.draw(st.sampled_from(steps)))

    @rule(order=ORDERS, line=order_lines(), how=st.sampled_from(["none", "no units", "coupon", "void"]))
    def odd_order(self, order: str, line: tuple[OrderLine, ...], how: str) -> None:
        if how == "void":
            self.tell(VoidOrder(id=order, reason="brushing"), self.model.void)
            return
        odd = {
            "none": (),
            "no units": (msgspec.structs.replace(line[0], quantity=0), *line[1:]),
            "coupon": (*line, msgspec.structs.replace(line[0], platform_coupon=line[0].amount + 1)),
        }[how]
        self.tell(PlaceOrder(id=order, shop="s1", currency="CNY", lines=odd), self.model.place)

    @rule(refund=REFUNDS, order=ORDERS, wanted=items(), data=st.data())
    def refund_step(
        self, refund: str, order: str, wanted: tuple[RefundItem, ...], data: st.DataObject
    ) -> None:
        model = self.model
        back = model.backs.get(refund)
        asked = RequestRefund(id=refund, order=order, items=wanted)
        if back and order == back.command.order:
            asked = back.command
        steps: list[tuple[Command, Callable[[Any], bool]]] = [
            (asked, model.request),
            (ApproveRefund(id=refund), model.step),
            (RefuseRefund(id=refund, reason="worn"), model.step),
            (EscalateRefund(id=refund), model.step),
            (ShipReturn(id=refund, waybill="v"), model.step),
            (ReceiveReturn(id=refund), model.step),
            (AdvanceRefund(id=refund), model.advance),
            (CompleteRefund(id=refund), model.complete),
            (CloseRefund(id=refund), model.close_refund),
        ]
        self.tell(*data.draw(st.sampled_from(steps)))

    @rule(shop=SHOPS, amount=st.one_of(SUMS, st.just(0)), data=st.data())
    def shop_step(self, shop: str, amount: int, data: st.DataObject) -> None:
        model = self.model
        some = data.draw(st.sampled_from([None, amount]))
        steps: list[tuple[Command, Callable[[Any], bool]]] = [
            (PayDeposit(id=shop, amount=amount), model.deposit),
            (PayOutShop(id=shop, amount=some), model.pay_out),
            (PayOutHost(id="h1", amount=some), model.pay_out),
            (RefundDeposit(id=shop, amount=some), model.refund_deposit),
            (OpenShop(id=shop, industry=data.draw(st.sampled_from(["", "tea"]))), model.open),
            (CloseShop(id=shop), model.close_shop),
            (RequestClosing(id=shop), model.closing),
        ]
        self.tell(*data.draw(st.sampled_from(steps)))

    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        def unknown(_command: Command) -> bool:
            raise No("unknown_position")

        places = [*self.model.entries] * 4 + [self.history[0][1].first_position, self.head + 1]
        position = data.draw(st.sampled_from(places))
        command = RecordCorrection(id=str(position), reason="by mistake")
        self.tell(command, unknown if position > self.head else self.model.correct)

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """The same key: the first answer; with another body refused."""
        request, result = data.draw(st.sampled_from(self.history))
        first = Result(result.first_position, result.facts, hit=True)
        assert self.writer.execute(request) == first
        other = msgspec.structs.replace(request, command=OpenShop(id="another"))
        with pytest.raises(LedgerError) as refusal:
            self.writer.execute(other)
        assert refusal.value.code == (
            "changed_without_version" if request.source else "idempotency_key_reused"
        )

    # What is reported.

    def report(self, command: Command, version: int) -> bool:
        """Whether the report is new; a version that is known says the same or is refused."""
        key = f"feed/{command.id}@{version}"
        request = Request(command=command, key=key, source=Source("feed", command.id, version))
        note(str(request))
        for known, _ in self.history:
            if known.key == key:
                if known.command == command:
                    assert self.writer.execute(request).hit
                else:
                    with pytest.raises(LedgerError) as refusal:
                        self.writer.execute(request)
                    assert refusal.value.code == "changed_without_version"
                return False
        result = self.writer.execute(request)
        assert result.facts > 0
        self.accepted(request, result)
        return True

    @rule(order=REPORTED, version=st.integers(1, 5), told=TOLD)
    def report_order(self, order: str, version: int, told: Told) -> None:
        if self.report(order_report(order, told), version):
            counted, before = self.told.get(order, (0, told))
            if version > counted:
                self.told[order] = version, told._replace(agreed=told.agreed or before.agreed)

    @rule(refund=st.sampled_from(["1", "2"]), order=REPORTED, version=st.integers(1, 5), back=given_back())
    def report_refund(self, refund: str, order: str, version: int, back: Given) -> None:
        id_ = f"{order}/{refund}"
        if self.report(refund_report(id_, order, back), version) and version > self.given.get(id_, (0,))[0]:
            self.given[id_] = version, back

    # What holds after every step.

    @invariant()
    def the_books_are_those_of_the_model(self) -> None:
        found = trial_balance(self.database)
        assert found["position"] == self.head
        books = found["currencies"].get("CNY", {"debit": 0, "credit": 0, "accounts": []})
        assert set(found["currencies"]) <= {"CNY"}
        assert books["debit"] == books["credit"]
        wanted = self.model.books.copy()
        for order, (_, told) in self.told.items():
            given_back = [back for id_, (_, back) in self.given.items() if id_.startswith(f"{order}/")]
            for account, amount in books_of(order, told, given_back).items():
                wanted[account] += amount
        assert {row["account"]: row["balance"] for row in books["accounts"]} == without_zeros(wanted)
        for row in books["accounts"]:
            assert row["balance"] >= 0 or not CHART[row["account"].partition(":")[0]].guarded

    @invariant()
    def no_refund_exceeds_what_was_paid(self) -> None:
        with self.database.read() as connection:
            used = {row.subject: row.used for row in connection.execute(sa.select(schema.uses))}
        paid: dict[str, int] = {}
        for order, (_, told) in self.told.items():
            lines = [sum(line) for line in told.lines]
            paid[order] = sum(lines) + told.freight
            paid |= {f"{order}/{number}": amount for number, amount in enumerate(lines, 1)}
        for order, sale in self.model.sales.items():
            assert used.get(f"refund/{order}", 0) == sale.refunded
            for number in range(len(sale.command.lines) + 1):
                paid[f"{order}/{number}" if number else order] = sum(sale.line(number))
        for subject, amount in used.items():
            kind, _, name = subject.partition("/")
            assert amount >= 0
            if kind == "refund":
                most = 1 if name.count("/") == 2 else paid.get(name, 0)
                assert amount <= most, subject

    def teardown(self) -> None:
        with self.stack:
            if not self.history:
                return
            engine = Engine(self.database)
            engine.catch_up()
            report = verify(self.database, more=engine.check)
            assert report.ok, [check for check in report.checks if not check.ok]
            assert report.head == self.head
            live = self.models()
            engine.rebuild()
            assert self.models() == live

    def models(self) -> dict[str, set[tuple[Any, ...]]]:
        """All rows of all read models."""
        with self.database.read() as connection:
            return {
                projection.name: {tuple(row) for row in connection.execute(sa.select(projection.table))}
                for projection in PROJECTIONS
            }


def run(fresh: Fresh, examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        type("Machine", (Machine,), {"fresh": staticmethod(fresh)}),
        settings=settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=checks),
    )


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Copies of one migrated file, each gone after use."""
    template = tmp_path_factory.mktemp("template") / "ledger.db"
    database = Database(f"sqlite:///{template}")
    migrate(database)
    database.close()

    @contextmanager
    def fresh() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(template, Path(folder, "ledger.db"))
            yield f"sqlite:///{copy}"

    return fresh


@pytest.fixture
def on_postgres(postgres_server: sa.URL) -> Fresh:
    @contextmanager
    def fresh() -> Iterator[str]:
        with postgres.database(postgres_server) as url:
            database = Database(url)
            migrate(database)
            database.close()
            yield url

    return fresh


@pytest.mark.slow
def test_the_books_are_those_of_a_model(on_sqlite: Fresh):
    run(on_sqlite, 25, 30)


@pytest.mark.slow
def test_the_books_are_those_of_a_model_on_postgresql(on_postgres: Fresh):
    run(on_postgres, 3, 15)


@pytest.mark.long
def test_the_books_are_those_of_a_model_for_long(on_sqlite: Fresh):
    run(on_sqlite, 300, 40)


# The order of arrival.


class Story(NamedTuple):
    """Reports of one or two orders, and the balances they lead to."""

    reports: tuple[Reported, ...]
    books: dict[str, int]


AT = st.integers(0, 200).map(lambda hours: START + timedelta(hours=hours))


@st.composite
def placed_order(draw: st.DrawFn, id_: str) -> tuple[list[Reported], Told]:
    """An order whose every step is reported by itself, and what is known of it in the end."""
    lines, freight = draw(order_lines()), draw(st.sampled_from([0, 600]))
    host = draw(st.sampled_from(["hx", ""]))
    due = [line.amount - line.shop_coupon - line.platform_coupon for line in lines]
    cash = sum(due) + freight + draw(st.sampled_from([0, 0, 0, 7, -5]))
    goods = max((cash := max(cash, 0)) - freight, 0)
    line_cash = due if goods == sum(due) else divided(goods, due)
    agreed = draw(st.one_of(st.none(), st.tuples(st.integers(0, 5_000), st.integers(0, 5_000))))
    commands: list[Command] = [
        PlaceOrder(
            id=id_, at=draw(AT), shop="x", host=host, buyer="b", currency="CNY", lines=lines, freight=freight
        ),
        PayOrder(id=id_, at=draw(AT), cash=cash),
    ]
    more: list[Command] = [
        DispatchParcel(id=id_, at=draw(AT), waybill="w1", items=(ParcelItem(line=1, quantity=1),)),
        DispatchParcel(id=id_, at=draw(AT), waybill="w2"),
        DispatchParcel(id=id_, at=draw(AT), waybill="w3", items=(ParcelItem(line=2, quantity=2),)),
        DeliverParcel(id=id_, at=draw(AT), waybill="w1"),
        DeliverParcel(id=id_, at=draw(AT), waybill="w2"),
        ConfirmReceipt(id=id_, at=draw(AT)),
        CancelOrder(id=id_, at=draw(AT), reason="changed my mind"),
        VoidOrder(id=id_, at=draw(AT), reason="brushing"),
        CloseOrder(id=id_, at=draw(AT)),
    ]
    commands += draw(st.lists(st.sampled_from(more), max_size=4, unique_by=repr))
    if agreed:
        commands.append(SettleOrder(id=id_, at=draw(AT), commission=agreed[0], host_share=agreed[1]))
        agreed = agreed if host else (agreed[0], 0)
    pairs = tuple(Pair(sum_, line.platform_coupon) for sum_, line in zip(line_cash, lines, strict=True))
    return [Reported(command) for command in commands], Told("x", host, pairs, cash - goods, agreed)


@st.composite
def recorded_order(draw: st.DrawFn, id_: str) -> tuple[list[Reported], Told]:
    """An order of which the source sends whole versions; once it is settled it stays so."""
    versions = draw(st.lists(TOLD, min_size=1, max_size=3))
    at, agreed = draw(AT), None
    reports = []
    for number, told in enumerate(versions, 1):
        agreed = told.agreed or agreed
        versions[number - 1] = told._replace(agreed=agreed)
        reports.append(Reported(order_report(id_, versions[number - 1], at=at), number))
    return reports, versions[-1]


@st.composite
def returned(
    draw: st.DrawFn, id_: str, order: str, told: Told, *, by_steps: bool
) -> tuple[list[Reported], Given]:
    """A refund: versions of a report, or, where there are no coupons, its steps one by one."""
    if not by_steps or any(line.coupon for line in told.lines) or draw(st.booleans()):
        backs = draw(st.lists(given_back(), min_size=1, max_size=2))
        at = draw(AT)
        return [
            Reported(refund_report(id_, order, back, at=at), number) for number, back in enumerate(backs, 1)
        ], backs[-1]
    line, cash = draw(st.integers(1, len(told.lines))), draw(st.integers(1, 20_000))
    wanted = (RefundItem(line=line, cash=cash),)
    more: list[Command] = [
        ApproveRefund(id=id_, at=draw(AT)),
        RefuseRefund(id=id_, at=draw(AT), reason="worn"),
        EscalateRefund(id=id_, at=draw(AT)),
        ShipReturn(id=id_, at=draw(AT), waybill="v"),
        ReceiveReturn(id=id_, at=draw(AT)),
        CloseRefund(id=id_, at=draw(AT)),
    ]
    commands: list[Command] = [
        RequestRefund(id=id_, at=draw(AT), order=order, items=wanted, returns=draw(st.booleans())),
        CompleteRefund(id=id_, at=draw(AT)),
        *draw(st.lists(st.sampled_from(more), max_size=3, unique_by=repr)),
    ]
    return [Reported(command) for command in commands], Given(((line, Pair(cash, 0)),))


@st.composite
def told_stories(draw: st.DrawFn) -> Story:
    reports: list[Reported] = []
    books: Counter[str] = Counter()
    for number in range(draw(st.integers(1, 2))):
        id_ = f"x:{number}"
        by_steps = draw(st.booleans())
        of_order, told = draw(placed_order(id_) if by_steps else recorded_order(id_))
        backs = []
        for refund in range(draw(st.integers(0, 3))):
            of_refund, back = draw(returned(f"{id_}/{refund}", id_, told, by_steps=by_steps))
            reports += of_refund
            backs.append(back)
        reports += of_order
        for account, amount in books_of(id_, told, backs).items():
            books[account] += amount
    return Story(tuple(reports), without_zeros(books))


def ends(states: dict[str, Any]) -> dict[str, Any]:
    """The states without what tells in which order and at which positions it was reported."""
    found = {}
    for stream, state in states.items():
        if stream.startswith("order-"):
            found[stream] = msgspec.structs.replace(state, handed_out=0)
        else:
            lines = tuple(msgspec.structs.replace(line, paid=0, over=0) for line in state.lines)
            found[stream] = msgspec.structs.replace(state, completed=bool(state.completed), lines=lines)
    return found


@given(story=told_stories(), data=st.data())
def test_the_end_is_the_same_for_every_order_of_arrival(story: Story, data: st.DataObject):
    first: dict[str, Any] = {}
    for _ in range(5):
        ledger = Ledger(data.draw(st.permutations(story.reports)))
        assert ledger.balances() == story.books
        states = ends(ledger.states())
        assert not any(state.parked for state in states.values())
        first = first or states
        assert states == first


@pytest.mark.slow
@settings(max_examples=5)
@given(story=told_stories(), data=st.data())
def test_the_end_is_the_same_through_the_writer(on_sqlite: Fresh, story: Story, data: st.DataObject):
    for _ in range(2):
        arrival = data.draw(st.permutations(story.reports))
        with on_sqlite() as url:
            database = Database(url)
            writer = Writer(database)
            requests = []
            for report in arrival:
                key = f"{report.command.NAME}/{report.command}@{report.version}"
                source = Source("feed", report.command.id, report.version)
                requests.append(Request(command=report.command, key=key, source=source))
            half = len(requests) // 2
            answers = [*writer.execute_many(requests[:half]), *writer.execute_many(requests[half:])]
            assert [answer for answer in answers if isinstance(answer, LedgerError)] == []
            accounts = trial_balance(database)["currencies"].get("CNY", {"accounts": []})["accounts"]
            assert {row["account"]: row["balance"] for row in accounts} == story.books
            assert verify(database).ok
            writer.close()
            database.close()


def test_the_escrow_makes_good_what_another_order_had_made_good_before():
    line = (OrderLine(sku="cup", amount=100),)
    dear = (OrderLine(sku="pot", amount=300),)
    ledger = Ledger(
        [
            PlaceOrder(id="p:1", shop="s", currency="CNY", lines=line),
            PayOrder(id="p:1", cash=100),
            PlaceOrder(id="p:2", shop="s", currency="CNY", lines=dear),
            PayOrder(id="p:2", cash=300),
            RequestRefund(id="r", order="p:1"),
            AdvanceRefund(id="r"),
            DispatchParcel(id="p:2", waybill="w"),
            ConfirmReceipt(id="p:2"),
            SettleOrder(id="p:2"),
            ApproveRefund(id="r"),
        ]
    )
    assert ledger.balances() == {"bank": 300, "order_escrow:p:1": 100, "shop_payable:s": 200}
    ledger.do(CompleteRefund(id="r"))
    assert ledger.balances() == {"bank": 300, "shop_payable:s": 300}
    ledger.do(CancelOrder(id="p:1"))
