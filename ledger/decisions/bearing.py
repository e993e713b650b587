"""Who bears money that goes back: the escrow until an order is settled, the shop and its advances after."""

from __future__ import annotations

from ledger.decisions.base import Past
from ledger.errors import InsufficientFunds
from ledger.events.refund import Bearers


def bear(
    past: Past,
    shop: str,
    currency: str,
    need: int,
    *,
    escrow: str = "",
    returned: tuple[int, int] = (0, 0),
    suspense: int = 0,
) -> Bearers:
    """Divide `need` (minor units) among those who bear it, in the order of the posting table.

    `escrow` names the account of an unsettled order. `returned` are the shares of commission and host that
    come back to the shop's payable first. `suspense` is the part no guard allows; more joins it when the
    escrow does not hold enough for a report, while a command is refused with InsufficientFunds.
    """
    rest = need - suspense
    if escrow:
        taken = min(rest, past.balance(escrow, currency))
        if taken < rest and not past.reported:
            raise InsufficientFunds(f"{escrow} holds {taken} {currency}, {rest} is asked for.")
        return Bearers(escrow=taken, suspense=need - taken)
    payable = min(rest, max(past.balance(f"shop_payable:{shop}", currency), 0) + sum(returned))
    deposit = min(rest - payable, past.balance(f"shop_deposit:{shop}", currency))
    return Bearers(0, *returned, payable, deposit, rest - payable - deposit, suspense)
