"""The catalogue of commands: importing it registers every lifecycle."""

from __future__ import annotations

from ledger.decisions import adjustment, amendment, correction, fulfilment, order, refund, shop
from ledger.decisions.base import COMMANDS, Command
from ledger.errors import UnknownCommand

LIFECYCLES = (order, amendment, fulfilment, refund, shop, adjustment, correction)


def command_type(name: str) -> type[Command]:
    """The command of a name such as `orders.pay`; raises UnknownCommand."""
    try:
        return COMMANDS[name]
    except KeyError:
        raise UnknownCommand(f"Got {name!r}.", field="command") from None
