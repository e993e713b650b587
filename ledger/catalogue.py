"""The catalogue of commands: importing it registers every lifecycle."""

from __future__ import annotations

from ledger.decisions import (
    adjustment,
    amendment,
    appeal,
    appraisal,
    brushing,
    card,
    chargeback,
    claim,
    correction,
    coverage,
    credit,
    dispatch,
    entitlement,
    fine,
    freight,
    fulfilment,
    fund,
    host,
    incident,
    live,
    offer,
    order,
    payout,
    penalty,
    period,
    policy,
    provider,
    recourse,
    refund,
    returns,
    shop,
    standing,
    statement,
    unasked,
    verdict,
    voiding,
)
from ledger.decisions.base import COMMANDS, Command
from ledger.errors import UnknownCommand

LIFECYCLES = (
    order,
    amendment,
    fulfilment,
    dispatch,
    offer,
    appraisal,
    refund,
    credit,
    entitlement,
    chargeback,
    claim,
    unasked,
    freight,
    returns,
    verdict,
    payout,
    recourse,
    voiding,
    shop,
    standing,
    host,
    live,
    provider,
    adjustment,
    statement,
    correction,
    fund,
    card,
    policy,
    coverage,
    incident,
    period,
    penalty,
    appeal,
    fine,
    brushing,
)


def command_type(name: str) -> type[Command]:
    """The command of a name such as `orders.pay`; raises UnknownCommand."""
    try:
        return COMMANDS[name]
    except KeyError:
        raise UnknownCommand(f"Got {name!r}.", field="command") from None
