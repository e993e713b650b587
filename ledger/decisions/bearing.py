"""Who bears money that goes back: the escrow until an order is settled, the shop and its advances after."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.decisions.base import Past
from ledger.events.refund import Bearers, RefundAdvanceRecovered


def borne_by_shop(
    past: Past, shop: str, currency: str, need: int, returned: tuple[int, int] = (0, 0)
) -> Bearers:
    """Divide `need` (minor units) among payable, deposit and advance, in this order.

    `returned` are the shares of commission and host that come back to the shop's payable first.
    """
    held = max(past.balance(f"shop_payable:{shop}", currency), 0) + sum(returned)
    payable = min(need, max(held, 0))
    deposit = min(need - payable, past.balance(f"shop_deposit:{shop}", currency))
    return Bearers(0, *returned, payable, deposit, need - payable - deposit)


def recovered(
    past: Past, order: str, shop: str, currency: str, credit: int
) -> Iterator[RefundAdvanceRecovered]:
    """What a shop is credited makes good first what was advanced for it.

    `credit` (minor units) has just joined its payable; below zero it left it, and what the payable lacks for
    that is advanced. What had been recovered too much, as the reversal of a refund may show, goes back.
    """
    advanced = past.balance(f"refund_advance:{shop}", currency)
    payable = past.balance(f"shop_payable:{shop}", currency)
    if advanced < 0:
        amount = advanced
    elif credit > 0:
        amount = max(min(advanced, credit, payable), 0)
    else:
        amount = max(credit, min(payable, 0))
    if amount:
        yield RefundAdvanceRecovered(order, shop, currency, 0, amount, 0)
