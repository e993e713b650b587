"""The trust report: reckoned by hand, and the same as SQL over facts and transfers; both clocks; both stores."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from ledger import catalogue, policies, time
from ledger.books import NOW, Clocks
from ledger.codec import fact_types
from ledger.decisions.appraisal import FailItem, ReceiveItem, RecordCheck
from ledger.decisions.base import Command, Request
from ledger.decisions.brushing import RecordBrushing, RemoveAccounts
from ledger.decisions.card import IssueCard
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.dispatch import PromiseDispatch
from ledger.decisions.fulfilment import DispatchParcel
from ledger.decisions.live import BeginSession
from ledger.decisions.offer import MarkOffer
from ledger.decisions.order import PayOrder, VoidOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefuseRefund, RequestRefund
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.unasked import MarkOverdue
from ledger.errors import LedgerError
from ledger.store.database import Database
from projections import trust
from projections.engine import Engine
from projections.pet_fund import named
from projections.then import models
from projections.trust import MODELS, changed, days, lines, shown
from projections.trust_figures import SECTIONS, Figure, Row, Value, Values, Year, holds
from tests.api.http.test_commands import STORY
from tests.ledger.stories import START as BEGIN
from tests.ledger.stories import Reported, but, request
from tests.ledger.test_properties_world import SAID, Told, World, beginning
from tests.projections import trust_sql
from tests.projections.story import assured, busy, day, log_of, place, rows, source, stored, write

LATE = time.micros(day(900))
NAMES = [figure.name for section in SECTIONS for figure in section.figures]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@contextmanager
def year_of(database: Database, number: int, clocks: Clocks = NOW) -> Iterator[Year]:
    """A year with the tables to ask."""
    with models(database, MODELS, clocks) as connection:
        yield Year(connection, *days(number))


def reckoned(database: Database, number: int, clocks: Clocks = NOW) -> dict[str, Values | str]:
    """All figures of a year."""
    with year_of(database, number, clocks) as year:
        return {name: values for section in SECTIONS for name, values in section.reckon(year).items()}


def one(values: Values | str) -> Value:
    """The only value of a figure."""
    assert isinstance(values, dict), values
    assert list(values) == [Row()], values
    return values[Row()]


def at(number: int, hour: int = 0) -> Any:
    return day(number, hour)


def bought(id_: str, when: datetime, amount: int = 10_000, **more: Any) -> tuple[Command, ...]:
    return place(id_, amount, at=when, **more), PayOrder(id=id_, cash=amount, at=when)


# Two buyers in 2021, one of whom bought in 2020 too; a third order of 2021 is struck.
LAST_YEAR = datetime(2020, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=8)))
BOUGHT: tuple[Command, ...] = (
    *bought("p:0", LAST_YEAR, buyer="B1"),
    *bought("p:1", day(0), buyer="B1", session="L1"),
    *bought("p:2", day(1), 30_000, buyer="B1", shop="S2", session="L1"),
    *bought("p:3", day(2), buyer="B2", session="L9"),
    *bought("p:4", day(3), buyer="B2", shop="S2"),
    *bought("p:5", day(4), buyer="B2"),
    *bought("p:6", day(5), buyer=""),
    *bought("p:7", day(6), buyer="B3"),
    VoidOrder(id="p:7", reason="brushing", at=day(7)),
    BeginSession(id="L1", host="H1", shop="S1", at=day(0)),
)
BEGUN = [
    Request(command=each, source=source("L1")) if isinstance(each, BeginSession) else each for each in BOUGHT
]


def test_the_year_by_hand(database: Database):
    write(database, BEGUN)
    Engine(database).catch_up()
    found = reckoned(database, 2021)
    assert one(found["orders.paid"]) == Value(6)
    assert one(found["orders.voided"]) == Value(1)
    assert one(found["orders.covered"]) == Value(0, 6)
    assert found["sales.paid"] == {Row("", "CNY"): Value(80_000)}
    assert one(found["sales.own_shop_orders"]) == Value(1, 2)
    assert found["sales.own_shop"] == {Row("", "CNY"): Value(10_000, 40_000)}
    assert one(found["buyers.purchasing"]) == Value(2)
    assert one(found["buyers.new"]) == Value(1)
    assert one(found["repurchase.buyers"]) == Value(2, 2)
    assert one(found["repurchase.same_shop"]) == Value(1, 4)
    assert one(found["repurchase.shops"]) == Value(1, 2)
    assert one(found["repurchase.new_buyers"]) == Value(1, 1)
    assert found["dispatch.late"] == "no order with a promised time was paid"
    assert one(reckoned(database, 2020)["orders.paid"]) == Value(1)


def test_a_year_is_told_against_the_year_before(database: Database):
    write(database, BEGUN)
    Engine(database).catch_up()
    report = trust.report(database, 2021, LATE)
    assert report.over
    told = {each.figure.name: each.lines for _, section in report.sections for each in section}
    assert list(told) == NAMES
    (paid,) = told["orders.paid"]
    assert (paid.now, paid.before, paid.change) == (Value(6), Value(1), trust.Change(5, Fraction(500), None))
    (share,) = told["repurchase.buyers"]
    assert share.change == trust.Change(None, None, Fraction(100))
    (live,) = told["sales.own_shop_orders"]
    assert (live.now, live.before, live.change) == (Value(1, 2), None, None)
    assert live.before_why == "no paid order names a live session that began here"


def test_a_year_of_which_nothing_is_known_is_not_nought(database: Database):
    write(database, BEGUN)
    Engine(database).catch_up()
    report = trust.report(database, 2020, LATE)
    why = {line.before_why for _, section in report.sections for each in section for line in each.lines}
    assert why == {"the ledger holds nothing of 2019"}
    assert not trust.report(database, 2021, time.micros(day(9))).over


REFUNDED: tuple[Command, ...] = (
    *bought("p:1", day(0)),
    *(
        command
        for number, hours in enumerate((1, 2, 3, 4, 5, 6, 7, 8, 9, 100), 1)
        for command in (
            *bought(f"q:{number}", day(1)),
            RequestRefund(id=f"r{number}", order=f"q:{number}", at=day(2)),
            ApproveRefund(id=f"r{number}", at=day(2)),
            CompleteRefund(id=f"r{number}", at=day(2, hours)),
        )
    ),
    RequestRefund(id="no", order="p:1", at=day(3)),
    RefuseRefund(id="no", reason="worn", at=day(3, 30)),
)


def test_times_are_those_that_half_and_nine_of_ten_did_not_exceed(database: Database):
    write(database, REFUNDED)
    Engine(database).catch_up()
    found = reckoned(database, 2021)
    assert one(found["refunds.time_median"]) == Value(5 * 3_600, 10)
    assert one(found["refunds.time_p90"]) == Value(9 * 3_600, 10)
    assert one(found["aftersales.time_median"]) == Value(6 * 3_600, 11)
    assert one(found["aftersales.time_p90"]) == Value(30 * 3_600, 11)
    assert one(found["disputes.orders"]) == Value(1, 11)
    assert one(found["disputes.intervened"]) == Value(0, 11)


def test_an_account_in_two_gangs_counts_once(database: Database):
    """The article's figures: 24 gangs, 2 100 accounts."""
    gangs: list[Command] = []
    for number in range(24):
        id_, shared = f"g{number}", ("shared",) if number else ()
        names = tuple(f"a{number}-{account}" for account in range(87 if number else 98))
        gangs += [
            ImposePenalty(id=id_, party="gang", party_id=id_, reason="brushing", at=day(number)),
            RemoveAccounts(id=id_, accounts=(*names, *shared), at=day(number)),
        ]
    gangs.append(ImposePenalty(id="again", party="gang", party_id="g0", reason="brushing", at=day(30)))
    write(
        database, [*gangs, RecordBrushing(id="2021-06-10", count=7), RecordBrushing(id="2021-06-10", count=9)]
    )
    Engine(database).catch_up()
    found = reckoned(database, 2021)
    assert one(found["gangs.punished"]) == Value(24)
    assert one(found["gangs.accounts"]) == Value(98 + 23 * 87 + 1) == Value(2_100)
    assert one(found["gangs.accounts_again"]) == Value(22)
    assert one(found["brushing.intercepted"]) == Value(9)
    assert reckoned(database, 2020)["brushing.intercepted"] == "nobody recorded a day of the year"


@pytest.mark.parametrize(("before", "now", "percent", "points"), [
    (Value(100, 1_000), Value(121, 1_000), "21.0", "2.1"),
    (Value(1, 3), Value(1, 3), "0.0", "0.0"),
    (Value(0, 3), Value(1, 3), None, "33.3"),
    (Value(2, 3), Value(1, 3), "-50.0", "-33.3"),
    (Value(1, 2_000), Value(2, 2_000), "100.0", "0.1"),
])  # fmt: skip
def test_percent_and_points_are_two_things(before: Value, now: Value, percent: str | None, points: str):
    change = changed("share", before, now)
    assert (None if change.percent is None else shown(change.percent)) == percent
    assert change.points is not None
    assert shown(change.points) == points


@pytest.mark.parametrize(("value", "text"), [
    (Fraction(1, 20), "0.1"), (Fraction(-1, 20), "-0.1"), (Fraction(-1, 21), "0.0"), (Fraction(2_101, 100), "21.0"),
    (Fraction(10**30, 3), "333333333333333333333333333333.3"),
])  # fmt: skip
def test_a_number_is_rounded_once_half_up(value: Fraction, text: str):
    assert shown(value) == text


def test_what_only_one_year_has_was_nothing_in_the_other():
    figure = Figure("claims.filed", "count", "benefit", "", "")
    now: Values = {Row("late-dispatch"): Value(2), Row("counterfeit"): Value(1)}
    told = lines(figure, now, {Row("counterfeit"): Value(4)})
    assert [(each.row.subject, each.now, each.before) for each in told] == [
        ("counterfeit", Value(1), Value(4)),
        ("late-dispatch", Value(2), Value(0)),
        ("", Value(3), Value(4)),
    ]
    share = Figure("claims.upheld", "share", "benefit", "", "")
    (only, both) = lines(share, {Row("x"): Value(1, 2)}, {})
    assert (only.now, only.before, only.before_why) == (Value(1, 2), None, "there was none")
    assert both.now == Value(1, 2)


TERMS = policies.shipped()["official-authenticity-2021-06"]
INSPECTED: tuple[Command, ...] = (
    type(TERMS)(id=TERMS.id, version=TERMS.version, effective_from=TERMS.effective_from, rule=TERMS.rule, force=True,
                reason="the first"),
    OpenShop(id="S1", at=day(0)),
    OpenBenefit(id="S1", benefit=TERMS.id, at=day(0)),
    MarkOffer(id="S1:sku1", lab="L1", at=day(0)),
    IssueCard(id="B1", tier="gold", at=day(0)),
    *bought("p:1", day(1), buyer="B1"),
    *bought("p:2", day(1), buyer="B2"),
    *bought("p:3", day(1), buyer="B3", shop="S2"),
    ReceiveItem(id="SN1", order="p:1", lab="L1", at=day(2)),
    RecordCheck(id="SN1", check="material", passed=False, at=day(2)),
    FailItem(id="SN1", reason="glass", at=day(2)),
    PromiseDispatch(id="p:2", by=day(3), at=day(1)),
    PromiseDispatch(id="p:3", by=day(3), at=day(1)),
    DispatchParcel(id="p:3", waybill="w3", at=day(2)),
    MarkOverdue(id="p:2", at=day(4)),
    IssueCard(id="B2", tier="gold", at=datetime(2022, 1, 1, tzinfo=timezone(timedelta(hours=8)))),
)  # fmt: skip


def test_inspection_dispatch_and_cards_by_hand(database: Database):
    write(database, INSPECTED)
    Engine(database).catch_up()
    found = reckoned(database, 2021)
    assert one(found["orders.covered"]) == Value(2, 3)
    assert one(found["inspection.promised"]) == Value(1, 2)
    assert one(found["inspection.coverage"]) == Value(1, 3)
    assert one(found["inspection.failed"]) == Value(1, 1)
    assert one(found["dispatch.late"]) == Value(1, 2)
    assert one(found["cards.issued"]) == Value(1)
    assert one(found["cards.uptake"]) == Value(1, 3)
    same(database, 2021)
    same(database, 2022)


# Against SQL over the facts.


def same(database: Database, number: int, clocks: Clocks = NOW) -> None:
    """Every figure of a year is what SQL over the facts and transfers says it is."""
    found = reckoned(database, number, clocks)
    wanted = trust_sql.figures(database, number, clocks)
    assert list(wanted) == NAMES == list(found)
    for name, sql in wanted.items():
        wanted_rows: dict[Any, tuple[int, int | None]] = dict(sql)
        mine = found[name]
        if isinstance(mine, str):
            assert not any(amount for amount, _ in sql.values()), (name, mine, sql)
            continue
        if name in {"fund.in", "fund.out"}:
            told: dict[Row, int] = {}
            for (topic, currency), (amount, _) in sql.items():
                row = Row(named(topic, came=name == "fund.in"), currency)
                told[row] = told.get(row, 0) + amount
            wanted_rows = {tuple(row): (amount, None) for row, amount in told.items()}
        kept = {tuple(row): tuple(value) for row, value in mine.items() if value.amount or value.whole}
        assert kept == {row: value for row, value in wanted_rows.items() if value[0] or value[1]}, name


def every_command() -> list[Request]:
    """A story in which every command of the catalogue has its turn."""
    return [
        Request(command=msgspec.convert({**body, "id": id_}, catalogue.command_type(name)), key=f"k{number}")
        for number, (name, id_, body, _) in enumerate(STORY)
    ]


def test_every_command_reckoned_by_sql(database: Database):
    last = write(database, every_command(), size=1)
    assert last > len(STORY) * 0.9
    Engine(database).catch_up()
    year = time.moment(time.now(), time.HOME_OFFSET).year
    with year_of(database, year) as asked:
        assert holds(asked)
    found = reckoned(database, year)
    empty = {name for name, values in found.items() if isinstance(values, str)}
    assert empty == {"sales.own_shop", "sales.own_shop_orders", "brushing.intercepted", "inspection.promised"}
    assert one(found["disputes.orders"]).amount == 3  # a refusal, a chargeback, a claim contested
    assert one(found["disputes.intervened"]).amount == 2
    assert found["payouts.given_back"] == {Row("fund", "CNY"): Value(91_000)}
    assert found["penalties.overturned"] == {Row("gang"): Value(0, 1), Row("shop"): Value(1, 1)}
    assert one(found["appeals.won"]) == Value(2, 3)
    for number in (year, year - 1, 2021):
        same(database, number)
    for until in (last // 3, 2 * last // 3):
        same(database, year, Clocks(as_at=until))


@pytest.mark.parametrize("seed", range(4))
def test_any_shop_reckoned_by_sql(sqlite_url: str, seed: int):
    database = Database(sqlite_url)
    try:
        last = write(database, [*busy(seed, 400), *assured()], size=7)
        Engine(database).catch_up()
        same(database, 2021)
        same(database, 2021, Clocks(as_at=last // 2))
    finally:
        database.close()


def any_world(seed: int, steps: int) -> list[Request]:
    """Commands and reports of every kind over a growing world, each with its own time."""
    ledger = Told(beginning())
    asked = [request(but(step, at=BEGIN)) for step in beginning() if isinstance(step, Command)]
    world = World(ledger, Random(seed))
    world.look()
    for _ in range(steps):
        step = world.ask(world.one(sorted(SAID)))
        command = step.command if isinstance(step, Reported) else step
        command = command if command.at else but(command, at=ledger.now())
        step = step._replace(command=command) if isinstance(step, Reported) else command
        if not isinstance(ledger.try_(step), LedgerError):
            asked.append(request(step))
        world.look()
    return asked


@pytest.mark.parametrize("seed", range(5))
def test_any_world_reckoned_by_sql(sqlite_url: str, seed: int):
    database = Database(sqlite_url)
    try:
        asked = any_world(seed, 1_500)
        last = write(database, asked, size=50)
        noon = time.micros(asked[len(asked) // 2].command.at or BEGIN)
        assert last > 600
        Engine(database).catch_up()
        for clocks in (NOW, Clocks(as_at=last // 2), Clocks(as_of=noon), Clocks(noon, last // 2)):
            same(database, 2021, clocks)
        same(database, 2022)
    finally:
        database.close()


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_the_same_however_the_log_is_cut(sqlite_url: str, seed: int):
    database = Database(sqlite_url)
    try:
        write(database, [*busy(seed, 250), *assured(), *every_command()], size=5)
        Engine(database).catch_up()
        log = log_of(database)
        for model in MODELS:
            assert rows(model, log, range(0, len(log), 37 + seed)) == stored(database, model), model.name
    finally:
        database.close()


# Both clocks.


def test_what_was_told_as_at_a_position_stays(database: Database):
    last = write(database, BEGUN[:-2])
    before = reckoned_now(database)
    write(database, [VoidOrder(id="p:2", reason="brushing", at=day(8))])
    after = reckoned_now(database)
    assert one(after["orders.paid"]) == Value(one(before["orders.paid"]).amount - 1)
    assert reckoned(database, 2021, Clocks(as_at=last)) == before
    # As of a moment before it was struck it still counted.
    assert one(reckoned(database, 2021, Clocks(as_of=time.micros(day(7))))["orders.voided"]) == Value(0)


def reckoned_now(database: Database) -> dict[str, Values | str]:
    Engine(database).catch_up()
    return reckoned(database, 2021)


def test_a_refund_that_was_reversed_gave_nothing_back(sqlite_url: str):
    database = Database(sqlite_url)
    try:
        write(database, REFUNDED)
        position = next(each.position for each in log_of(database) if each.fact.TOPIC == "refund-completed")
        write(database, [RecordCorrection(id=str(position), reason="never sent")])
        found = reckoned_now(database)
        assert one(found["refunds.completed"]) == Value(9)
        assert one(found["refunds.time_median"]) == Value(6 * 3_600, 9)
    finally:
        database.close()


def test_every_figure_is_defined_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "trust-report.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([A-Z][A-Za-z]+)`", text))
    assert told <= {fact.__name__ for fact in fact_types()}
    assert re.findall(r"^\| `([a-z0-9_.]+)` \|", text, flags=re.MULTILINE) == NAMES
