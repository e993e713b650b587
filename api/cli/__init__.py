"""The command line: `assurance`. What a command needs is imported when it runs, so that it starts at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from api.cli import output
from ledger.errors import LedgerError

# As shells report a process that a signal ended.
_INTERRUPTED = 128 + 2
_BROKEN_PIPE = 128 + 13

_HELP = """A ledger for order assurance: who paid, who was refunded, who bore it, provable to the cent.

Settings come from the environment and from `.env`; `assurance settings` lists them. The database is
ASSURANCE_DATABASE_URL, `sqlite:///assurance.db` if nothing is said."""


class Entry(NamedTuple):
    """A command: the module that has it, where help shows it, and what it does in one line."""

    module: str
    panel: str
    help: str


_BEGIN, _USE, _BOOKS, _RUN = "Begin", "Assurance", "Books", "Operation"

#                                module          panel    what it does, as the command itself says
COMMANDS: dict[str, Entry] = {
    "demo":          Entry("api.cli.demo",    _BEGIN,  "Load real baskets and look around."),
    "import":        Entry("api.cli.imports", _BEGIN,  "Record what files of other systems report."),
    "serve":         Entry("api.cli.serve",   _BEGIN,  "Serve HTTP until it is told to stop."),
    "do":            Entry("api.cli.do",      _USE,    "Carry out a command of the catalogue."),
    "order":         Entry("api.cli.orders",  _USE,    "An order as it stands: money, lines, refunds."),
    "claim":         Entry("api.cli.claims",  _USE,    "A claim as it stands: terms, sums, payers."),
    "penalty":       Entry("api.cli.penalty", _USE,    "A penalty as it stands: money, measures, appeals."),
    "policy":        Entry("api.cli.policy",  _USE,    "The terms of benefits: check, publish, show."),
    "credit":        Entry("api.cli.credit",  _USE,    "How far a buyer's refunds are advanced, and why."),
    "replay":        Entry("api.cli.replay",  _USE,    "The story of an order, claim or shop, fact by fact."),
    "shop":          Entry("api.cli.shops",   _USE,    "A shop as it stands: deposit, dues, index."),
    "host":          Entry("api.cli.sellers", _USE,    "A host as it stands: dues, standing, index."),
    "provider":      Entry("api.cli.sellers", _USE,    "A service provider: whom it serves, sales, tier."),
    "says":          Entry("api.cli.community", _USE,  "What returning customers say of a shop."),
    "notice":        Entry("api.cli.community", _USE,  "A counterfeit notice, and what of ours it means."),
    "report":        Entry("api.cli.reports", _USE,    "Reports over all orders, claims and penalties."),
    "fund":          Entry("api.cli.fund",    _USE,    "The pet fund: what it holds, from where, for what."),
    "card":          Entry("api.cli.card",    _USE,    "A trust card: uses left, coupons, compensation."),
    "incident":      Entry("api.cli.incident", _USE,   "List, grant and pay the buyers of an incident."),
    "explain":       Entry("api.cli.explain", _USE,    "The claims, terms and facts behind a figure."),
    "trial-balance": Entry("api.cli.books",   _BOOKS,  "Every balance, with the sums of both sides."),
    "balance":       Entry("api.cli.books",   _BOOKS,  "One account's balance in each of its currencies."),
    "statement":     Entry("api.cli.books",   _BOOKS,  "One account's movements and the balance after each."),
    "journal":       Entry("api.cli.books",   _BOOKS,  "Every transfer in recorded order."),
    "run-due":       Entry("api.cli.due",     _RUN,    "Do what is due: late goods, coupons, scores, marks."),
    "periods":       Entry("api.cli.books",   _BOOKS,  "The months that are closed."),
    "verify":        Entry("api.cli.operate", _RUN,    "Prove everything again from the log."),
    "projections":   Entry("api.cli.projections", _RUN, "How far the read models are, and what stops one."),
    "rebuild":       Entry("api.cli.rebuild", _RUN,    "Build read models anew from the log, and compare."),
    "migrate":       Entry("api.cli.operate", _RUN,    "Bring the database to the present schema."),
    "keys":          Entry("api.cli.keys",    _RUN,    "Create, list and revoke API keys."),
    "settings":      Entry("api.cli.operate", _RUN,    "All settings, their values and what they are for."),
    "errors":        Entry("api.cli.errors",  _RUN,    "Every way the ledger says no."),
    "bench":         Entry("api.bench",       _RUN,    "Measure this machine."),
}  # fmt: skip


class Door(TyperGroup):
    """The group of all commands, and the one place where errors become exit codes."""

    def __init__(self, **attributes: Any) -> None:
        """List every command by its line of the table."""
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            self.add_command(TyperCommand(name, help=entry.help, rich_help_panel=entry.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401 - Typer keeps the types private
        """The command of a name, its module imported only now."""
        if args[0] in COMMANDS:
            self.add_command(load(args[0]), args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - see above
        """Run a command until the last byte has left; when nobody reads any more, end without a word."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered would be written, and fail aloud, when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None
        return answer

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run and end the process with the exit code of the command or of its error."""
        args = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in args
        try:
            status = super().main(args, **{**extra, "prog_name": "assurance", "standalone_mode": False})
        except LedgerError as error:
            status = output.report_error(error, as_json=as_json)
        except typer.TyperException as error:
            status = output.report_usage(error, as_json=as_json)
        except typer.Abort:
            status = _INTERRUPTED
        sys.exit(status or output.OK)


def load(name: str) -> Any:  # noqa: ANN401 - see above
    """The command of a name, from its module."""
    group = get_group(import_module(COMMANDS[name].module).app)
    command = group.commands.get(name, group)
    command.name = name
    return command


app = typer.Typer(cls=Door, no_args_is_help=True, help=_HELP, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """Make it a group: without this Typer misses the commands that Door brings."""


def main() -> None:
    """Run the command line; ends the process with 0, 1 or 2."""
    app()
