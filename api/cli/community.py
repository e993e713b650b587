"""What buyers, users and brands say: reviews, votes, complaints, false claims and counterfeit notices."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import typer

from api import community
from api.cli.opening import AsAt, AsOf, clocks, local_day, opened
from api.cli.output import JSON, examples, print_fields, print_json, print_line, print_table
from ledger import time
from projections import complaints as complaints_
from projections import false_claims as false_claims_
from projections import notices as notices_
from projections import reviews as reviews_
from projections import votes as votes_
from projections.engine import Engine
from projections.order_status import ORDER_STATUS
from projections.trust_orders import TRUST_ORDERS

app = typer.Typer()

First = Annotated[str, typer.Option("--from", metavar="DATE", help="The first local day that counts.")]
Last = Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")]
Shop = Annotated[str, typer.Option("--shop", help="Only this shop's.")]

_REVIEWS = (reviews_.REVIEWS.name, TRUST_ORDERS.name)
_LONGEST = 1_000


@app.command(epilog=examples("assurance says s1", "assurance says s1 --all --json"))
def says(
    id_: Annotated[str, typer.Argument(metavar="SHOP", help="The shop's id.")],
    everybody: Annotated[bool, typer.Option("--all", help="All buyers, not returning ones alone.")] = False,
    after: Annotated[
        int,
        typer.Option("--after", metavar="POSITION", help="Begin behind a position: that of the last one."),
    ] = 0,
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What returning customers say of a shop.

    Each review with the number of orders the buyer had paid there before, and what shop and host answered.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=_REVIEWS)
        page = reviews_.says(database, id_, asked, returning=not everybody, after=after, limit=_LONGEST)
    said = [community.say(each) for each in page.said]
    following = None if page.next is None else str(page.next)
    if as_json:
        print_json(msgspec.to_builtins(community.Says(id_, said, following)))
        return
    rows = (
        (
            each.submitted_at,
            each.id,
            each.order,
            each.buyer,
            each.earlier_orders,
            ", ".join(f"{name} {rating}" for name, rating in each.ratings.items()),
            ", ".join(answer.by for answer in each.answers),
        )
        for each in said
    )
    print_table("submitted  review  order  buyer  >earlier orders  ratings  answered by", rows)
    if following:
        print_line(f"There may be more: --after {following}.")


@app.command(epilog=examples("assurance notice n1", "assurance notice n1 --as-of 2021-12-31 --json"))
def notice(
    id_: Annotated[str, typer.Argument(metavar="NOTICE", help="The notice's id.")],
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A counterfeit notice, and what of ours it means.

    The lines of orders in escrow that are the brand's own and that the notice describes, and the pieces and
    certificates that it names.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(notices_.CERTIFICATES.name, ORDER_STATUS.name))
        found = community.notice(notices_.notice_view(database, id_, asked))
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    ways = ("skus", "serials", "certificates", "keywords")
    print_fields(
        (
            ("brand", found.brand),
            ("shared by", found.source),
            ("status", found.status),
            ("shared", found.shared_at),
            *((name, ", ".join(getattr(found, name))) for name in ways),
            ("the brand's names", ", ".join(found.names) or "not registered"),
            ("its suppliers", ", ".join(found.suppliers)),
            ("its articles", ", ".join(found.articles)),
            ("evidence", found.evidence),
        ),
        title=f"Notice {found.id}",
    )
    if found.lines:
        print_line()
        rows = ((e.order, e.line, e.status, e.shop, e.sku, e.title, ", ".join(e.why)) for e in found.lines)
        print_table("order  >line  status  shop  sku  title  why", rows)
    if found.pieces:
        print_line()
        pieces = (
            (e.serial, e.certificate, e.order, e.line, e.status, ", ".join(e.why)) for e in found.pieces
        )
        print_table("piece  certificate  order  >line  status  why", pieces)


def reviews(
    by: Annotated[Literal["day", "month", "shop"], typer.Option("--by", help="What a row is.")] = "month",
    first: First = "",
    last: Last = "",
    shop: Shop = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Reviews: how many buyers were invited, wrote within seven days, and were answered.

    A review belongs to the day of its invitation, without one to its own.
    """
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=_REVIEWS)
        found = reviews_.report(database, time.now(), asked, by=by, shop=shop, **days)
    told = community.review_report(by, found)
    if as_json:
        print_json(msgspec.to_builtins(told))
        return
    rows = [(row.name, row.figures) for row in told.rows]
    shown = (
        (
            name,
            each.invited,
            each.in_time,
            f"{each.rate} %" if each.rate else "",
            each.open,
            each.submitted,
            each.answered,
        )
        for name, each in (*rows, ("total", told.total))
    )
    print_table(f"{by}  >invited  >in seven days  >rate  >open  >reviews  >answered", shown)


def complaints(
    by: Annotated[
        Literal["reason", "shop", "host", "day", "month"],
        typer.Option("--by", help="What rows are named after."),
    ] = "reason",
    first: First = "",
    last: Last = "",
    shop: Shop = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Complaints by reason, and how many of them led to a claim."""
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(complaints_.COMPLAINTS.name,))
        found = complaints_.report(database, asked, by=by, shop=shop, **days)
    told = community.complaint_report(by, found)
    if as_json:
        print_json(msgspec.to_builtins(told))
        return
    named = by != "reason"
    rows = [((row.name,) if named else ()) + (row.reason, row.complaints, row.claimed) for row in told.rows]
    rows.append((*(("total", "") if named else ("total",)), told.complaints, told.claimed))
    print_table(f"{by}  reason  >complaints  >claimed" if named else "reason  >complaints  >claimed", rows)


def votes(
    item: Annotated[str, typer.Argument(metavar="[ITEM]", help="Only this article's: its SKU.")] = "",
    shop: Shop = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Worth-it votes: how many users hold an article for worth its price.

    A user votes once on an article of a shop. At most 1,000 articles.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(votes_.VOTES.name,))
        found = votes_.votes(database, asked, shop=shop, item=item, limit=_LONGEST)
    results = [community.vote_result(each) for each in found]
    if as_json:
        print_json(msgspec.to_builtins(community.VoteResults(results, None)))
        return
    rows = ((each.shop, each.item, each.worth, each.not_worth, f"{each.share} %") for each in results)
    print_table("shop  item  >worth it  >not worth it  >share", rows)


def false_claims(
    session: Annotated[str, typer.Option("--session", help="Only of this live session.")] = "",
    host: Annotated[str, typer.Option("--host", help="Only of this host.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Reports of false claims: statements of hosts, who reported them, and what followed.

    At most 1,000 statements.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(false_claims_.FALSE_CLAIMS.name,))
        found = false_claims_.false_claims(database, asked, session=session, host=host, limit=_LONGEST)
    if as_json:
        statements = [community.false_claim(each) for each in found]
        print_json(msgspec.to_builtins(community.FalseClaims(statements, None)))
        return
    columns = "session  statement  host  >reports  >flags  >weight  >upheld  >dismissed  >reminders  penalty"
    rows = ((*each[:9], each.penalty) for each in found)
    print_table(columns, rows)


def false_claim_reports(
    session: Annotated[str, typer.Option("--session", help="Only of this live session.")] = "",
    statement: Annotated[str, typer.Option("--statement", help="Only of this statement.")] = "",
    status: Annotated[
        Literal["filed", "upheld", "dismissed"] | None,
        typer.Option("--status", help="Only those that are so; filed ones wait for a decision."),
    ] = None,
    after: Annotated[
        int,
        typer.Option("--after", metavar="POSITION", help="Begin behind a position: that of the last one."),
    ] = 0,
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Reports of false claims one by one, in the order recorded, for a person to decide.

    At most 1,000.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(false_claims_.REPORTS.name,))
        which = {"session": session, "statement": statement}
        found = false_claims_.reports(database, asked, **which, status=status, after=after, limit=_LONGEST)
    told = [community.report(each) for each in found]
    if as_json:
        print_json(msgspec.to_builtins(community.Reports(told, None)))
        return
    rows = (
        (
            each.position,
            each.id,
            each.session,
            each.statement,
            each.by,
            each.weight,
            each.status,
            each.said_at,
        )
        for each in told
    )
    print_table("position  report  session  statement  by  >weight  status  said", rows)


def notices(
    brand: Annotated[str, typer.Option("--brand", help="Only about this brand's goods.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Counterfeit notices that brands share; `assurance notice` shows what one means. At most 1,000."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(notices_.NOTICES.name,))
        found = notices_.notices(database, asked, brand=brand, limit=_LONGEST)
    entries = [community.notice_entry(each) for each in found]
    if as_json:
        print_json(msgspec.to_builtins(community.NoticeList(entries, None)))
        return
    rows = ((each.shared_at, each.id, each.brand, each.source, each.status) for each in entries)
    print_table("shared  notice  brand  shared by  status", rows)
