"""Policies: checking and publishing the terms of benefits, and reading those there are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from api.cli.do import actor
from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, note, print_fields, print_json, print_line, print_table
from ledger import policies, time
from ledger.books import Clocks
from ledger.decisions.base import Request
from ledger.decisions.policy import PublishPolicy
from ledger.errors import InvalidPolicy, LedgerError, UnknownPolicy
from ledger.policy import Terms
from ledger.store.database import Database
from ledger.writer import Writer
from projections.engine import Engine
from projections.policies import POLICIES, rule_of, status, terms, times

app = typer.Typer(
    help="The terms of benefits: check, publish, show.",
    epilog=examples("assurance policy shipped --publish", "assurance policy show counterfeit"),
    no_args_is_help=True,
)

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="Policy files, one version each."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Publish with less than seven days of notice; needs --reason.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why the notice is short; it is kept.")]


@app.command(epilog=examples("assurance policy check late-dispatch-2022-01.toml"))
def check(files: Files, as_json: Annotated[bool, JSON] = False) -> None:
    """Say whether policy files can be published, and what they would be."""
    found = [command.terms() for _, command in _read(files)]
    if as_json:
        print_json({"policies": [plain(version) for version in found]})
    else:
        _print_list(found)


@app.command(epilog=examples("assurance policy publish counterfeit-2022-01.toml --force --reason 'new law'"))
def publish(
    files: Files, force: Force = False, reason: Reason = "", as_json: Annotated[bool, JSON] = False
) -> None:
    """Publish the versions in policy files; all of them are read before the first is published."""
    _publish(_read(files), force=force, reason=reason, as_json=as_json)


@app.command(epilog=examples("assurance policy shipped", "assurance policy shipped --publish"))
def shipped(
    publish_: Annotated[bool, typer.Option("--publish", help="Publish all of them, forced.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The terms that come with the ledger."""
    found = list(policies.shipped().items())
    if publish_:
        _publish(found, force=True, reason="shipped with the ledger", as_json=as_json)
    elif as_json:
        print_json({"policies": [plain(command.terms()) for _, command in found]})
    else:
        _print_list(command.terms() for _, command in found)


@app.command("list", epilog=examples("assurance policy list", "assurance policy list --as-of 2021-07-01"))
def list_(as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """Every version there is, and which are in force."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        found = _known(database, asked)
    moment = time.now() if asked.as_of is None else asked.as_of
    if as_json:
        listed = [{**plain(version), "status": status(version, moment)} for version in found]
        print_json({"policies": listed})
    else:
        _print_list(found, moment)
        if not found:
            note("None was published. `assurance policy shipped --publish` publishes those that ship.")


@app.command(
    epilog=examples(
        "assurance policy show counterfeit 2021-06", "assurance policy show counterfeit --as-of 2021-07-01"
    )
)
def show(
    benefit: Annotated[str, typer.Argument(help="Such as counterfeit.")],
    version: Annotated[str, typer.Argument(help="Only this one.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The terms of a benefit, version by version; with --as-of the one in force then."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        known = _known(database, asked, benefit)
    found = [
        each
        for each in known
        if version in {"", each.version} and (asked.as_of is None or status(each, asked.as_of) == "in_force")
    ]
    if not found:
        named = f"version {version}" if version else "version"
        then = " in force then" if asked.as_of is not None else ""
        raise UnknownPolicy(f"{benefit} has no {named}{then}.", field="version")
    if as_json:
        print_json({"benefit": benefit, "versions": [plain(each) for each in found]})
        return
    for number, each in enumerate(found):
        if number:
            print_line()
        _print_terms(each)


def plain(version: Terms) -> dict[str, Any]:
    """A version for machines: sums stay minor units, times become RFC 3339."""
    rule = msgspec.to_builtins(rule_of(version))
    return {"benefit": version.benefit, "version": version.version, **times(version), "rule": rule}


def _read(files: Iterable[Path]) -> list[tuple[str, PublishPolicy]]:
    """The commands that publish these files; raises InvalidPolicy that names the file at fault."""
    found = []
    for file in files:
        try:
            found.append((str(file), policies.read(file.read_text(encoding="utf-8"))))
        except InvalidPolicy as error:
            raise InvalidPolicy(f"{file}: {error.detail}", field=error.field) from None
        except UnicodeDecodeError:
            raise InvalidPolicy(f"{file}: it is no text in UTF-8.") from None
    return found


def _publish(found: Iterable[tuple[str, PublishPolicy]], *, force: bool, reason: str, as_json: bool) -> None:
    """Publish one after the other, until one is refused."""
    told = []
    with opened() as database:
        writer = Writer(database)
        for name, command in found:
            forced = msgspec.structs.replace(command, force=force, reason=reason)
            request = Request(command=forced, actor=actor())
            (answer,) = writer.execute_many([request])
            if isinstance(answer, LedgerError):
                raise type(answer)(f"{name}: {answer.detail}", field=answer.field)
            told.append((command.id, command.version, "published" if answer.facts else "known already"))
    if as_json:
        names = ("benefit", "version", "result")
        print_json({"policies": [dict(zip(names, each, strict=True)) for each in told]})
    else:
        print_table("benefit  version  result", told)


def _known(database: Database, asked: Clocks, benefit: str | None = None) -> list[Terms]:
    Engine(database).catch_up(names=(POLICIES.name,))
    return terms(database, asked.as_at, benefit)


def _print_list(found: Iterable[Terms], moment: int | None = None) -> None:
    rows = []
    for each in found:
        begin, end = times(each).values()
        state = "" if moment is None else status(each, moment).replace("_", " ")
        rows.append(
            (each.benefit, each.version, state, begin, end or "", _formula(each), ", ".join(each.payers))
        )
    print_table("benefit  version  status  from  until  gives  payers", rows)


def _formula(each: Terms) -> str:
    """What the terms give, in a few words."""
    words = {
        "multiple": f"{each.multiple} × paid",
        "multiple_or_loss": f"max({each.multiple} × paid, {each.loss_multiple} × loss)",
        "rate": f"{each.rate_bp / 100:g} % of what was paid",
        "cost": "the cost",
        "repair_or_refund": "the repair, or what was paid",
        "refund": "what was paid",
        "fixed": amount(each.amount, each.currency),
    }
    parts = [words[each.formula]]
    if each.refund and each.formula != "refund":
        parts.insert(0, "the refund and")
    if each.refund_included:
        parts.append("less the refund")
    if each.floor:
        parts.append(f"at least {amount(each.floor, each.currency)}")
    if each.cap is not None:
        parts.append(f"at most {amount(each.cap, each.currency)}")
    return f"{parts[0]} {', '.join(parts[1:])}" if parts[0].endswith("and") else ", ".join(parts)


def _print_terms(each: Terms) -> None:
    begin, end = times(each).values()
    window = f"{each.window_days} days after the day it was {each.window_from}" if each.window_days else ""
    quotas = (
        f"{row.tier or 'others'} {row.uses}"
        + (f" up to {amount(row.limit, each.currency)}" if row.limit else "")
        for row in each.quotas
    )
    print_fields(
        (
            ("title", each.title),
            ("family", each.family),
            ("basis", each.basis),
            ("trigger", each.trigger),
            ("paid unasked", "yes" if each.unasked else ""),
            ("gives", _formula(each)),
            ("per", each.per),
            ("window", window),
            ("evidence", ", ".join(each.evidence)),
            (f"uses a {each.quota_period}", ", ".join(quotas)),
            ("goods", ", ".join(each.categories)),
            ("payers", ", ".join(each.payers)),
            ("floor of the law", ", ".join(each.law)),
            ("taken off", ", ".join(each.offset).replace("_", " ")),
            ("approvals", each.approvals or ""),
            ("proposes a penalty", "yes" if each.penalty else ""),
            ("counts for older orders", "yes" if each.better_for_buyer else ""),
            ("from", begin),
            ("until", end or ""),
        ),
        title=f"{each.benefit} {each.version}",
    )
