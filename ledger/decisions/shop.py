"""The life and the money of shops and hosts: opening, deposit, pay-out and leaving."""

from __future__ import annotations

from collections.abc import Iterator

from ledger import money, time
from ledger.decisions import funding
from ledger.decisions.base import (
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
from ledger.decisions.bearing import recovered
from ledger.decisions.lapse import lapsed
from ledger.decisions.standing import Shop, check_sells, held_until, known
from ledger.decisions.traffic import check_budget
from ledger.errors import AlreadyExists, DepositHeld, InsufficientFunds, InvalidAmount, WrongState
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    FreightServiceCharged,
    HostPaidOut,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopPaidOut,
    SubsidyGranted,
    WarrantyServiceCharged,
)

folds(DepositPaid, DepositRefunded, ShopPaidOut, HostPaidOut)(unchanged)
folds(FreightServiceCharged, WarrantyServiceCharged, SubsidyGranted)(unchanged)


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
    """Pay the deposit of a leaving or banned shop back, all of it unless `amount` says less.

    It is held until the longest window of the shop's benefits is over and nothing is open against the shop;
    what the shop owes is taken from it first.
    """

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


class ChargeFreight(Command, kw_only=True):
    """Charge a shop for return-freight cover: from what it is owed into its freight pool."""

    NAME = "shops.charge-freight"
    STREAM = "shop"

    id: Name
    amount: Amount
    currency: Currency = "CNY"
    reference: OptionalName = ""


class ChargeWarranty(Command, kw_only=True):
    """Charge a shop for device warranties: from what it is owed into its warranty pool."""

    NAME = "shops.charge-warranty"
    STREAM = "shop"

    id: Name
    amount: Amount
    currency: Currency = "CNY"
    reference: OptionalName = ""


class GrantSubsidy(Command, kw_only=True):
    """Give a shop a subsidy in money: it is owed it from now on. Never from the pet fund."""

    NAME = "shops.grant-subsidy"
    STREAM = "shop"

    id: Name
    amount: Amount
    currency: Currency = "CNY"
    reason: Text = ""


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


@decides(OpenShop)
def open_shop(past: Past, command: OpenShop) -> Iterator[Item]:
    """A shop is opened once."""
    shop: Shop = past.state(command.stream)
    wanted = "open", command.name, money.currency(command.currency), command.industry
    if (shop.status, shop.name, shop.currency, shop.industry) == wanted:
        return
    if shop.status:
        raise AlreadyExists(f"Shop {command.id} is {shop.status}.", field="id")
    yield ShopOpened(command.name, command.currency, command.industry)


@decides(PayDeposit)
def pay_deposit(past: Past, command: PayDeposit) -> Iterator[Item]:
    """Any sum above zero, until the shop is closed.

    It makes good first what was advanced for the shop, then pays what it owes for claims and fines.
    """
    shop = known(past, command)
    if shop.status == "closed":
        raise WrongState("The shop is closed.", field="id")
    yield DepositPaid(command.id, shop.currency, _positive(command.amount))
    yield from funding.from_deposit(past, command.id, shop.currency)


@decides(RefundDeposit)
def refund_deposit(past: Past, command: RefundDeposit) -> Iterator[Item]:
    """The deposit stays until the shop has left, its windows are over and nothing is open against it.

    Source: case 25 of the domain. What the shop owes is taken from the deposit first.
    """
    shop = known(past, command)
    currency = shop.currency
    # A closed shop may get back what an appeal, or a buyer who was at fault, returned to its deposit.
    if shop.status not in {"closing", "closed"} and not shop.banned:
        raise WrongState(f"The shop is {shop.status}, neither closing nor banned.", field="id")
    if (until := held_until(past, shop)) > past.moment:
        raise DepositHeld(f"Until {time.rfc3339(until, time.HOME_OFFSET)}.", field="id")
    if number := past.used(f"open-claims/{command.id}"):
        raise DepositHeld(f"{number} claims are open.", field="id")
    yield from funding.from_deposit(past, command.id, currency)
    if (payable := past.balance(f"shop_payable:{command.id}", currency)) < 0:
        raise DepositHeld(f"The shop owes {-payable} {currency}.", field="id")
    if owed := past.balance(f"refund_advance:{command.id}", currency):
        raise DepositHeld(f"refund_advance:{command.id} stands at {owed} {currency}.", field="id")
    if claims := funding.unpaid(past, command.id):
        raise DepositHeld(f"Claims are not made good: {', '.join(claims)}.", field="id")
    if fines := past.state(command.stream).fines:
        raise DepositHeld(f"Fines are open: {', '.join(fine.penalty for fine in fines)}.", field="id")
    held = past.balance(f"shop_deposit:{command.id}", currency)
    amount = _positive(held if command.amount is None else command.amount)
    yield DepositRefunded(command.id, currency, amount)


@decides(PayOutShop)
def pay_out_shop(past: Past, command: PayOutShop) -> Iterator[Item]:
    """A shop receives at most what it is owed once its claims are paid, which may be all of it.

    More that was reported as paid waits in suspense.
    """
    account = f"shop_payable:{command.id}"
    before = past.balance(account, command.currency)
    if not past.reported:
        yield from funding.from_payable(past, command.id, command.currency)
    held = past.balance(account, command.currency)
    if command.amount is None and held <= 0 < before:
        return
    owed, over = _owed(past, account, command.amount, command.currency)
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


@decides(ChargeFreight)
def charge_freight(past: Past, command: ChargeFreight) -> Iterator[Item]:
    """A shop pays for the service from what it is owed; claims that waited for its pool are paid."""
    yield FreightServiceCharged(*_charge(past, command))
    yield from funding.from_pool(past, command.id, command.currency, "freight_pool")


@decides(ChargeWarranty)
def charge_warranty(past: Past, command: ChargeWarranty) -> Iterator[Item]:
    """A shop pays for the service from what it is owed; claims that waited for its pool are paid."""
    yield WarrantyServiceCharged(*_charge(past, command))
    yield from funding.from_pool(past, command.id, command.currency, "warranty_pool")


def _charge(past: Past, command: ChargeFreight | ChargeWarranty) -> tuple[str, str, int, str]:
    """Shop, currency, amount and reference; raises InsufficientFunds unless it happened elsewhere."""
    known(past, command)
    amount = _positive(command.amount)
    held = max(past.balance(f"shop_payable:{command.id}", money.currency(command.currency)), 0)
    if amount > held and not past.reported:
        detail = f"The shop is owed {held} {command.currency}, {amount} is charged."
        raise InsufficientFunds(detail, field="amount")
    return command.id, command.currency, amount, command.reference


@decides(GrantSubsidy)
def grant_subsidy(past: Past, command: GrantSubsidy) -> Iterator[Item]:
    """A shop that may sell gets what the programme has left; it makes good first what was advanced for it."""
    known(past, command)
    check_sells(past, command.id)
    amount, currency = _positive(command.amount), money.currency(command.currency)
    check_budget(past, amount, currency)
    yield SubsidyGranted(command.id, currency, amount, command.reason)
    yield from recovered(past, "", command.id, currency, amount)


@decides(RequestClosing)
def request_closing(past: Past, command: RequestClosing) -> Iterator[Item]:
    """An open shop may ask to leave."""
    shop = known(past, command)
    if shop.status == "open":
        yield ShopClosingRequested(command.reason)
        yield from lapsed(past, command.id)
    elif shop.status != "closing":
        raise WrongState(f"The shop is {shop.status}.", field="id")


@decides(CloseShop)
def close(past: Past, command: CloseShop) -> Iterator[Item]:
    """A leaving shop is closed when its accounts are even and no claim or fine is open."""
    shop = known(past, command)
    if shop.status == "closed":
        return
    if shop.status != "closing":
        raise WrongState(f"The shop is {shop.status}, not closing.", field="id")
    if number := past.used(f"open-claims/{command.id}"):
        raise WrongState(f"{number} claims against it are open.", field="id")
    if claims := funding.unpaid(past, command.id):
        raise WrongState(f"Claims are not made good: {', '.join(claims)}.", field="id")
    if shop.fines:
        raise WrongState(f"Fines are open: {', '.join(fine.penalty for fine in shop.fines)}.", field="id")
    for account in ("shop_deposit", "shop_payable", "refund_advance"):
        if held := past.balance(f"{account}:{command.id}", shop.currency):
            raise WrongState(f"{account}:{command.id} still holds {held} {shop.currency}.", field="id")
    yield ShopClosed()
