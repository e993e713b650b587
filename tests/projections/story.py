"""Short ways to make a log: commands by one name each, facts without a database, a busy shop with a seed."""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ledger import catalogue, policies
from ledger.decisions.agency import ChangeShopProvider
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.appraisal import CHECKS, CertifyItem, PassItem, ReceiveItem, RecordCheck
from ledger.decisions.badge import AssessBadge
from ledger.decisions.base import Command, Known, Nothing, Past, Request
from ledger.decisions.card import IssueCard
from ledger.decisions.claim import FileClaim, SubmitEvidence
from ledger.decisions.complaint import RecordComplaint
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.fund import Contribute
from ledger.decisions.host import OpenHost
from ledger.decisions.incident import AddMembers, ApproveBatch, DeclareIncident, Listed, OpenBatch
from ledger.decisions.live import BeginSession
from ledger.decisions.notice import RegisterBrand, ShareNotice
from ledger.decisions.order import (
    CancelOrder,
    CloseOrder,
    OrderLine,
    PayOrder,
    PlaceOrder,
    SettleOrder,
    VoidOrder,
)
from ledger.decisions.payout import PayClaim
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.policy import PublishPolicy
from ledger.decisions.provider import AdmitProvider
from ledger.decisions.refund import (
    AdvanceRefund,
    ApproveRefund,
    CloseRefund,
    CompleteRefund,
    RecordRefund,
    RefundItem,
    ReportedLine,
    RequestRefund,
)
from ledger.decisions.report import FileReport
from ledger.decisions.review import AnswerReview, InviteReview, SubmitReview
from ledger.decisions.shop import OpenShop, PayDeposit, PayOutShop
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.traffic import AllocateTraffic
from ledger.decisions.verdict import UpholdClaim
from ledger.decisions.visits import RecordVisits
from ledger.decisions.vote import CastVote
from ledger.errors import LedgerError
from ledger.events.base import Recorded, Source
from ledger.store.database import Database
from ledger.store.log import FactMapper, FactRecorder
from ledger.store.migrate import migrate
from ledger.writer import Writer
from projections.base import Projection, concerns, folded

START = datetime(2021, 6, 1, 12, tzinfo=timezone(timedelta(hours=8)))
"""Noon in Shanghai."""


def day(number: int, hour: int = 0) -> datetime:
    """Some days and hours after the start."""
    return START + timedelta(days=number, hours=hour)


def lines(*amounts: int, quantity: int = 1, coupon: int = 0) -> tuple[OrderLine, ...]:
    """Lines of these amounts; a platform coupon takes its part off the first."""
    return tuple(
        OrderLine(sku=f"sku{i}", quantity=quantity, amount=amount, platform_coupon=0 if i > 1 else coupon)
        for i, amount in enumerate(amounts, 1)
    )


def source(id_: str, version: int = 0) -> Source:
    return Source("test", id_, version, f"{id_}@{version}".encode())


def place(id_: str, *amounts: int, shop: str = "S1", buyer: str = "B1", **more: Any) -> PlaceOrder:
    return PlaceOrder(
        id=id_, shop=shop, buyer=buyer, currency="CNY", lines=lines(*(amounts or (10_000,))), **more
    )


def facts(*requests: Request | Command) -> list[Recorded]:
    """The facts that these lead to, each decided after a minute; refusals are raised."""
    known = Known()
    position, found, now = 0, [], int(START.timestamp()) * 1_000_000
    log = Log()
    for request in requests:
        past = Past(log, known, position, now)
        draft = past.decide(request if isinstance(request, Request) else Request(command=request))
        position, now = past.position, now + 60_000_000
        found += draft.facts
        log.facts = found
    return found


class Log(Nothing):
    """A past that knows facts by position."""

    facts: Sequence[Recorded] = ()

    def fact(self, position: int) -> Recorded | None:
        return self.facts[position - 1] if 0 < position <= len(self.facts) else None


def rows(
    projection: Projection, log: Sequence[Recorded], cuts: Iterable[int] = ()
) -> dict[Any, tuple[Any, ...]]:
    """What a log makes of a model when it is folded in batches that end at `cuts`."""
    table: dict[Any, tuple[Any, ...]] = {}
    ends = sorted({cut for cut in cuts if 0 < cut < len(log)} | {len(log)})
    for begin, end in zip([0, *ends], ends, strict=False):
        changed = folded(projection, table, concerns(projection, log[begin:end]))
        table.update({key: row for key, row in changed.items() if row is not None})
        for key in [key for key, row in changed.items() if row is None]:
            table.pop(key, None)
    return table


def busy(seed: int, count: int) -> list[Request]:
    """What may happen in a few shops, in any order, much of it to be refused: the same for the same seed."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        order = f"p:{chance.randrange(1, 2 + count // 8)}"
        refund = f"r{chance.randrange(1, 2 + count // 12)}"
        shop = f"S{chance.randrange(1, 4)}"
        amount = chance.randrange(1, 30) * 100
        at = day(chance.randrange(40), chance.randrange(24)) if chance.random() < 0.7 else None
        command = _any(chance, order, refund, shop, amount, at, number)
        reported = source(command.id, chance.randrange(3)) if chance.random() < 0.5 else None
        made.append(Request(command=command, source=reported))
    return made


def _any(
    chance: random.Random, order: str, refund: str, shop: str, amount: int, at: datetime | None, number: int
) -> Command:
    buyer = chance.choice(["", "B1", "B2", "B3"])
    content = lines(amount, 500, quantity=2, coupon=chance.choice([0, 100]))
    reported = ReportedLine(line=1, sku="sku1", quantity=1, cash=chance.randrange(1, 700), coupon=10)
    named = chance.choice(["", order, order])
    due = amount + 500 - content[0].platform_coupon
    return chance.choice([
        PlaceOrder(id=order, shop=shop, buyer=buyer, currency="CNY", lines=content, at=at),
        PlaceOrder(id=order, shop=shop, buyer=buyer, currency="CNY", lines=content, at=at),
        PayOrder(id=order, cash=chance.choice([due, amount]), at=at),
        RecordOrder(id=order, shop=shop, buyer=buyer, currency="CNY", lines=content, at=at,
                    paid=chance.random() < 0.8, settled=chance.random() < 0.4, host="H1", commission=20),
        RecordOrder(id=order, shop=shop, buyer=buyer, currency="GBP", lines=content, at=at),
        DispatchParcel(id=order, waybill=f"W{number}", items=(ParcelItem(line=1, quantity=1),), at=at),
        DispatchParcel(id=order, waybill=f"W{number}", at=at),
        DeliverParcel(id=order, waybill=f"W{number - chance.randrange(1, 9)}", at=at),
        ConfirmReceipt(id=order, at=at),
        SettleOrder(id=order, commission=30, host_share=10, at=at),
        CancelOrder(id=order, at=at),
        VoidOrder(id=order, reason="brushing", at=at),
        CloseOrder(id=order, at=at),
        RequestRefund(id=refund, order=order, items=(RefundItem(line=1, cash=100),), at=at),
        RequestRefund(id=refund, order=order, at=at),
        ApproveRefund(id=refund, at=at),
        AdvanceRefund(id=refund, at=at),
        CompleteRefund(id=refund, at=at),
        CloseRefund(id=refund, at=at),
        RecordRefund(id=refund, order=named, shop=shop, currency="CNY", lines=(reported,), freight=7, at=at),
        RecordRefund(id=refund, order=named, shop=shop, currency="CNY", lines=(reported,), at=at),
        RecordCorrection(id=str(chance.randrange(1, number + 2)), reason="wrong"),
        OpenShop(id=shop, name=shop, currency="CNY"),
        PayDeposit(id=shop, amount=5_000, at=at),
        PayOutShop(id=shop, amount=300, at=at),
    ])  # fmt: skip


def busy_facts(seed: int, count: int) -> list[Recorded]:
    """The facts that the busy shops lead to."""
    known, log = Known(), Log()
    found: list[Recorded] = []
    for number, request in enumerate(busy(seed, count)):
        past = Past(log, known, len(found), int(START.timestamp() + 600 * number) * 1_000_000)
        try:
            found += past.decide(request).facts
        except LedgerError:
            continue
        log.facts = found
    return found


def assured() -> list[Command]:
    """A little of everything that assures orders: terms, cover, a claim, a fine, an incident, the fund."""
    terms = [
        PublishPolicy(
            id=each.id,
            version=each.version,
            effective_from=each.effective_from,
            rule=each.rule,
            force=True,
            reason="they ship",
            at=day(-9),
        )
        for each in policies.shipped().values()
    ]
    return [
        *terms,
        Contribute(amount=1_000_00, at=day(-8)),
        OpenShop(id="A1", at=day(-8)),
        PayDeposit(id="A1", amount=500_00, at=day(-8)),
        OpenBenefit(id="A1", benefit="counterfeit", at=day(-8)),
        RecordVisits(id="A1", day="2021-05-24", visits=90, at=day(-7)),
        IssueCard(id="A-buyer", tier="gold", at=day(-8)),
        place("a:1", 199_00, shop="A1", buyer="A-buyer", at=day(0)),
        PayOrder(id="a:1", cash=199_00, at=day(0)),
        FileClaim(id="A-claim", order="a:1", benefit="counterfeit", at=day(1)),
        SubmitEvidence(id="A-claim", by="buyer", what="appraisal-report", digest="0" * 64, at=day(1)),
        UpholdClaim(id="A-claim", at=day(2)),
        PayClaim(id="A-claim", at=day(3)),
        ImposePenalty(
            id="A-fine", party="shop", party_id="A1", currency="CNY", fine=800_00, reason="a fake", at=day(3)
        ),
        DeclareIncident(id="A-incident", title="A fake", cause="fake", shop="A1", at=day(3)),
        OpenBatch(id="A-incident", at=day(3)),
        AddMembers(id="A-incident", members=(Listed(buyer="A-buyer"),), at=day(3)),
        DeclareIncident(id="A-short", title="More than the fund holds", cause="fake", at=day(3)),
        OpenBatch(id="A-short", at=day(3)),
        AddMembers(
            id="A-short", members=tuple(Listed(buyer=f"A-{number}") for number in range(30)), at=day(3)
        ),
        ApproveBatch(id="A-short", by="ann", at=day(3)),
        ApproveBatch(id="A-short", by="bob", at=day(3)),
        *said(),
        *earned(),
    ]


def said() -> list[Command]:
    """A little of everything that is said of shops and hosts, and a certified piece that a notice names."""
    return [
        place("a:8", shop="A8", buyer="A-8", at=day(4)),
        PayOrder(id="a:8", cash=10_000, at=day(4)),
        ReceiveItem(id="A-item", order="a:8", lab="A-lab", at=day(4)),
        *(RecordCheck(id="A-item", check=name, passed=True, at=day(4)) for name in CHECKS),
        PassItem(id="A-item", at=day(4)),
        CertifyItem(id="A-item", certificate="A-number", at=day(4)),
        DispatchParcel(id="a:8", waybill="A-8", at=day(5)),
        ConfirmReceipt(id="a:8", at=day(6)),
        InviteReview(id="A-review", order="a:8", at=day(6)),
        SubmitReview(id="A-review", order="a:8", quality=2, at=day(7)),
        AnswerReview(id="A-review", digest="0" * 64, at=day(8)),
        RecordComplaint(id="A-complaint", order="a:8", reason="spoilt", at=day(7)),
        CastVote(id="A-vote", item="sku1", shop="A8", user="A-user", worth=False, at=day(7)),
        OpenHost(id="A-host", at=day(4)),
        BeginSession(id="A-session", host="A-host", at=day(4)),
        FileReport(id="A-report", session="A-session", statement="silver", user="A-user", at=day(4)),
        RegisterBrand(id="A-brand", names=("Tea",), at=day(4)),
        ShareNotice(
            id="A-notice", brand="A-brand", source="A-brand", skus=("sku1",), evidence="0" * 64, at=day(7)
        ),
    ]


def earned() -> list[Command]:
    """What rules give to a shop that has opened all they ask for, and the agency that serves it."""
    benefits = [OpenBenefit(id="A9", benefit=name, at=day(5)) for name in ("counterfeit", "seven-day-return")]
    when = day(6).date().isoformat()
    return [
        OpenShop(id="A9", at=day(5)),
        *benefits,
        AssessBadge(id="A9", badge="trust-purchase", day=when, position=1, points=0, at=day(6)),
        AllocateTraffic(id="A9", day=when, position=1, at=day(6)),
        AdmitProvider(id="A-agency", at=day(5)),
        ChangeShopProvider(id="A9", provider="A-agency", at=day(6)),
    ]


def write(database: Database, requests: Sequence[Request | Command], *, size: int = 100) -> int:
    """Migrate, and write what these lead to as far as it is not refused; answers the last position."""
    migrate(database)
    assert catalogue.LIFECYCLES
    writer = Writer(database)
    asked = [each if isinstance(each, Request) else Request(command=each) for each in requests]
    last = 0
    for begin in range(0, len(asked), size):
        for answer in writer.execute_many(asked[begin : begin + size]):
            last = last if isinstance(answer, LedgerError) else max(last, answer.last_position)
    writer.close()
    return last


def log_of(database: Database) -> list[Recorded]:
    """All facts of a database."""
    mapper = FactMapper()
    return [mapper.to_domain_event(each) for each in FactRecorder(database).select_notifications(None, 10**6)]


def stored(database: Database, projection: Projection) -> dict[Any, tuple[Any, ...]]:
    """The rows of a model's table by key, as the driver gives them."""
    width = len(projection.table.primary_key)
    columns = ", ".join(column.name for column in projection.table.columns)
    with database.read() as connection:
        found = connection.exec_driver_sql(f"SELECT {columns} FROM {projection.table.name}").fetchall()  # noqa: S608 - ours
    return {row[0] if width == 1 else tuple(row[:width]): tuple(row) for row in found}
