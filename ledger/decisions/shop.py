"""Shops and hosts: opening, deposit, pay-out and leaving."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger import money
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    OptionalName,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.errors import AlreadyExists, InsufficientFunds, InvalidAmount, UnknownShop, WrongState
from ledger.events.base import Recorded
from ledger.events.refund import RefundAdvanceRecovered
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    HostPaidOut,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopPaidOut,
)


class Shop(msgspec.Struct, frozen=True):
    """What a shop is now. Its money is in the books: deposit, payable, advances."""

    status: str = ""
    name: str = ""
    currency: str = ""
    industry: str = ""


class Host(msgspec.Struct, frozen=True):
    """A host has no state of its own yet: what it is owed is in the books."""


INITIAL["shop"] = Shop()
INITIAL["host"] = Host()


@folds(ShopOpened)
def _opened(shop: Shop, fact: ShopOpened, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(
        shop, status="open", name=fact.name, currency=fact.currency, industry=fact.industry
    )


@folds(ShopClosingRequested)
def _closing(shop: Shop, _fact: ShopClosingRequested, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, status="closing")


@folds(ShopClosed)
def _closed(shop: Shop, _fact: ShopClosed, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, status="closed")


folds(DepositPaid, DepositRefunded, ShopPaidOut, HostPaidOut)(unchanged)


class OpenShop(Command, kw_only=True):
    """Let a shop sell."""

    NAME = "shops.open"
    STREAM = "shop"

    id: Name
    name: Text = ""
    currency: Currency = "CNY"
    industry: OptionalName = ""


class PayDeposit(Command, kw_only=True):
    """Record a payment into a shop's deposit."""

    NAME = "shops.pay-deposit"
    STREAM = "shop"

    id: Name
    amount: Amount


class RefundDeposit(Command, kw_only=True):
    """Pay the deposit of a leaving shop back, all of it unless `amount` says less."""

    NAME = "shops.refund-deposit"
    STREAM = "shop"

    id: Name
    amount: Amount | None = None


class PayOutShop(Command, kw_only=True):
    """Pay a shop what it is owed, all of it unless `amount` says less."""

    NAME = "shops.pay-out"
    STREAM = "shop"

    id: Name
    amount: Amount | None = None
    currency: Currency = "CNY"


class PayOutHost(Command, kw_only=True):
    """Pay a host what it is owed, all of it unless `amount` says less."""

    NAME = "hosts.pay-out"
    STREAM = "host"

    id: Name
    amount: Amount | None = None
    currency: Currency = "CNY"


class RequestClosing(Command, kw_only=True):
    """Announce that a shop wants to leave."""

    NAME = "shops.request-closing"
    STREAM = "shop"

    id: Name
    reason: Text = ""


class CloseShop(Command, kw_only=True):
    """Close a leaving shop with which all accounts are even."""

    NAME = "shops.close"
    STREAM = "shop"

    id: Name


def _known(past: Past, command: Command) -> Shop:
    shop: Shop = past.state(command.stream)
    if not shop.status:
        raise UnknownShop(f"Got {command.id!r}.", field="id")
    return shop


@decides(OpenShop)
def open_shop(past: Past, command: OpenShop) -> Iterator[Item]:
    """A shop is opened once."""
    shop: Shop = past.state(command.stream)
    wanted = Shop("open", command.name, money.currency(command.currency), command.industry)
    if shop == wanted:
        return
    if shop.status:
        raise AlreadyExists(f"Shop {command.id} is {shop.status}.", field="id")
    yield ShopOpened(command.name, command.currency, command.industry)


@decides(PayDeposit)
def pay_deposit(past: Past, command: PayDeposit) -> Iterator[Item]:
    """Any sum above zero, until the shop is closed; it makes good first what was advanced for the shop."""
    shop = _known(past, command)
    if shop.status == "closed":
        raise WrongState("The shop is closed.", field="id")
    yield DepositPaid(command.id, shop.currency, _positive(command.amount))
    advanced = past.balance(f"refund_advance:{command.id}", shop.currency)
    if advanced > 0:
        recovered = min(advanced, command.amount)
        yield RefundAdvanceRecovered("", command.id, shop.currency, 0, 0, recovered)


@decides(RefundDeposit)
def refund_deposit(past: Past, command: RefundDeposit) -> Iterator[Item]:
    """The deposit stays until the shop leaves, and until nothing is advanced for it or owed by it."""
    shop = _known(past, command)
    if shop.status != "closing":
        raise WrongState(f"The shop is {shop.status}, not closing.", field="id")
    if advanced := past.balance(f"refund_advance:{command.id}", shop.currency):
        raise WrongState(f"{advanced} advanced for the shop is not made good.", field="id")
    if (payable := past.balance(f"shop_payable:{command.id}", shop.currency)) < 0:
        raise WrongState(f"The shop owes {-payable}.", field="id")
    held = past.balance(f"shop_deposit:{command.id}", shop.currency)
    amount = _positive(held if command.amount is None else command.amount)
    yield DepositRefunded(command.id, shop.currency, amount)


@decides(PayOutShop)
def pay_out_shop(past: Past, command: PayOutShop) -> Iterator[Item]:
    """A shop receives at most what it is owed; more that was reported as paid waits in suspense."""
    owed, over = _owed(past, f"shop_payable:{command.id}", command.amount, command.currency)
    yield ShopPaidOut(command.id, command.currency, owed + over, over, *_marked(past, over))


@decides(PayOutHost)
def pay_out_host(past: Past, command: PayOutHost) -> Iterator[Item]:
    """A host receives at most what it is owed; more that was reported as paid waits in suspense."""
    owed, over = _owed(past, f"host_payable:{command.id}", command.amount, command.currency)
    yield HostPaidOut(command.id, command.currency, owed + over, over, *_marked(past, over))


def _owed(past: Past, account: str, amount: int | None, currency: str) -> tuple[int, int]:
    """How much of a pay-out is owed, and how much is not."""
    held = max(past.balance(account, money.currency(currency)), 0)
    amount = _positive(held if amount is None else amount)
    if amount > held and not past.reported:
        raise InsufficientFunds(f"{account} holds {held} {currency}, {amount} is asked for.", field="amount")
    return min(amount, held), max(amount - held, 0)


def _marked(past: Past, over: int) -> tuple[str, tuple[str, ...]]:
    return (past.system, ("guard_exceeded",)) if over else ("", ())


def _positive(amount: int) -> int:
    if amount <= 0:
        raise InvalidAmount(f"There is nothing to move: {amount}.", field="amount")
    return money.amount(amount)


@decides(RequestClosing)
def request_closing(past: Past, command: RequestClosing) -> Iterator[Item]:
    """An open shop may ask to leave."""
    shop = _known(past, command)
    if shop.status == "open":
        yield ShopClosingRequested(command.reason)
    elif shop.status != "closing":
        raise WrongState(f"The shop is {shop.status}.", field="id")


@decides(CloseShop)
def close(past: Past, command: CloseShop) -> Iterator[Item]:
    """A leaving shop is closed when its deposit, payable and advances are all zero."""
    shop = _known(past, command)
    if shop.status == "closed":
        return
    if shop.status != "closing":
        raise WrongState(f"The shop is {shop.status}, not closing.", field="id")
    for account in ("shop_deposit", "shop_payable", "refund_advance"):
        if held := past.balance(f"{account}:{command.id}", shop.currency):
            raise WrongState(f"{account}:{command.id} still holds {held} {shop.currency}.", field="id")
    yield ShopClosed()
