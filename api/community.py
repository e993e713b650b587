"""What the doors say of reviews, votes, complaints, reports of false claims and counterfeit notices."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ledger import time
from projections import complaints as complaints_
from projections import false_claims as false_claims_
from projections import notices as notices_
from projections import reviews as reviews_
from projections import votes as votes_


class ReviewFigures(msgspec.Struct):
    """How many buyers were invited, and how many of them wrote within seven days.

    `rate` is the second in percent of the first, one decimal; null of nobody. `open` are invitations whose
    time is not over, `submitted` and `answered` are of all reviews, invited or not.
    """

    invited: int
    in_time: int
    rate: str | None
    open: int
    submitted: int
    answered: int


class ReviewRow(msgspec.Struct):
    """The figures of a day, a month or a shop."""

    name: str
    figures: ReviewFigures


class ReviewReport(msgspec.Struct):
    """The figures by `by`, and of all."""

    by: str
    rows: list[ReviewRow]
    total: ReviewFigures


class ReviewAnswer(msgspec.Struct):
    """What the shop or the host answered; the words are known by their SHA-256."""

    by: str
    at: str
    digest: str


class Say(msgspec.Struct):
    """A review. Ratings are 1 to 5, those not given are left out; the words are known by their SHA-256.

    `earlier_orders` is how many orders the buyer had paid at the shop before writing, this one left out.
    """

    id: str
    order: str
    line: int
    buyer: str
    host: str
    ratings: dict[str, int]
    earlier_orders: int
    digest: str
    submitted_at: str
    answers: list[ReviewAnswer]
    marks: list[str]
    position: int


class Says(msgspec.Struct):
    """A page of what buyers say of a shop, in the order recorded."""

    shop: str
    says: list[Say]
    next: str | None


class VoteResult(msgspec.Struct):
    """How many users hold an article for worth its price; `share` in percent, one decimal."""

    shop: str
    item: str
    worth: int
    not_worth: int
    share: str | None
    position: int


class VoteResults(msgspec.Struct):
    """A page of results, by shop and article."""

    results: list[VoteResult]
    next: str | None


class ComplaintRow(msgspec.Struct):
    """How often buyers complained of a reason, and how many of the complaints led to a claim."""

    name: str
    reason: str
    complaints: int
    claimed: int


class ComplaintReport(msgspec.Struct):
    """The complaints by `by` and reason, and all of them; by reason alone the rows have no name."""

    by: str
    rows: list[ComplaintRow]
    complaints: int
    claimed: int


class FalseClaim(msgspec.Struct):
    """What was reported of a statement in a session: by users, by machines, and what both weigh together.

    `upheld` and `dismissed` are decided reports; `penalty` is the last one proposed, empty without any.
    """

    session: str
    statement: str
    host: str
    reports: int
    flags: int
    weight: int
    upheld: int
    dismissed: int
    reminders: int
    penalties: int
    penalty: str
    position: int


class FalseClaims(msgspec.Struct):
    """A page of statements, by session and name."""

    statements: list[FalseClaim]
    next: str | None


class Report(msgspec.Struct):
    """A report of a user, or of a machine: then `by` is its model. `status` is filed, upheld or dismissed."""

    id: str
    session: str
    statement: str
    host: str
    by: str
    machine: bool
    weight: int
    status: str
    said_at: str
    digest: str
    position: int


class Reports(msgspec.Struct):
    """A page of reports in the order recorded."""

    reports: list[Report]
    next: str | None


class NoticeEntry(msgspec.Struct):
    """A notice in the list; `status` is shared or withdrawn."""

    id: str
    brand: str
    source: str
    status: str
    shared_at: str
    position: int


class NoticeList(msgspec.Struct):
    """A page of notices in the order recorded."""

    notices: list[NoticeEntry]
    next: str | None


class NoticeLine(msgspec.Struct):
    """A line of an order in escrow that the notice means; `why` is what of the notice says so."""

    order: str
    line: int
    status: str
    shop: str
    buyer: str
    sku: str
    title: str
    quantity: int
    why: list[str]
    serials: list[str]


class NoticePiece(msgspec.Struct):
    """A piece of goods that the notice names by its serial or certificate number."""

    serial: str
    certificate: str
    order: str
    line: int
    shop: str
    status: str
    why: list[str]


class NoticeFound(msgspec.Struct):
    """A notice, how the brand says its goods are known, and what of ours is meant."""

    id: str
    brand: str
    source: str
    status: str
    shared_at: str
    skus: list[str]
    serials: list[str]
    certificates: list[str]
    keywords: list[str]
    evidence: str
    names: list[str]
    suppliers: list[str]
    articles: list[str]
    lines: list[NoticeLine]
    pieces: list[NoticePiece]
    position: int


def review_report(by: str, found: reviews_.Report) -> ReviewReport:
    """The report for both doors."""
    rows = [ReviewRow(name, _figures(figures)) for name, figures in found.rows.items()]
    return ReviewReport(by, rows, _figures(found.total))


def _figures(found: reviews_.Figures) -> ReviewFigures:
    rate = None if found.rate is None else str(found.rate)
    return ReviewFigures(found.invited, found.in_time, rate, found.open, found.submitted, found.answered)


_RATED = ("quality", "service", "logistics", "content", "welfare")


def say(found: reviews_.Said) -> Say:
    """A review for both doors."""
    known = found.review
    answers = [ReviewAnswer(by, time.rfc3339(*at), digest) for by, at, digest in found.answers]
    return Say(
        found.id,
        known.order,
        known.line,
        known.buyer,
        known.host,
        {name: rating for name, rating in zip(_RATED, known.ratings, strict=True) if rating},
        found.earlier_orders,
        known.digest,
        time.rfc3339(*found.submitted_at),
        answers,
        list(known.marks),
        found.position,
    )


def vote_result(found: votes_.Result) -> VoteResult:
    """The votes on an article for both doors."""
    share = reviews_.percent(found.worth, found.worth + found.not_worth)
    shown = None if share is None else str(share)
    return VoteResult(found.shop, found.item, found.worth, found.not_worth, shown, found.position)


def complaint_report(by: str, found: Mapping[str, Mapping[str, complaints_.Figures]]) -> ComplaintReport:
    """The report for both doors."""
    rows = [
        ComplaintRow(name, reason, figures.complaints, figures.claimed)
        for name, reasons in found.items()
        for reason, figures in reasons.items()
    ]
    return ComplaintReport(by, rows, sum(row.complaints for row in rows), sum(row.claimed for row in rows))


def false_claim(found: false_claims_.Statement) -> FalseClaim:
    """A statement for both doors."""
    return FalseClaim(**found._asdict())


def report(found: false_claims_.Report) -> Report:
    """A report for both doors."""
    return Report(
        found.report,
        found.session,
        found.statement,
        found.host,
        found.maker,
        bool(found.machine),
        found.weight,
        found.status,
        time.rfc3339(found.said_at, time.HOME_OFFSET),
        found.digest,
        found.position,
    )


def notice_entry(found: notices_.Row) -> NoticeEntry:
    """A notice in the list for both doors."""
    at = time.rfc3339(found.shared_at, time.HOME_OFFSET)
    return NoticeEntry(found.notice, found.brand, found.source, found.status, at, found.position)


def notice(found: notices_.NoticeView) -> NoticeFound:
    """A notice for both doors."""
    known, brand = found.notice, found.brand
    return NoticeFound(
        id=found.id,
        brand=known.brand,
        source=known.source,
        status=known.status,
        shared_at=time.rfc3339(found.shared_at, time.HOME_OFFSET),
        skus=list(known.skus),
        serials=list(known.serials),
        certificates=list(known.certificates),
        keywords=list(known.keywords),
        evidence=known.evidence,
        names=list(brand.names),
        suppliers=list(brand.suppliers),
        articles=list(brand.articles),
        lines=msgspec.convert([line._asdict() for line in found.lines], list[NoticeLine]),
        pieces=msgspec.convert([piece._asdict() for piece in found.pieces], list[NoticePiece]),
        position=found.position,
    )
