"""Reputation: what counts for whom in which window, the index on both clocks, and rows that batches agree on."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import reputation, time
from ledger.books import NOW, Clocks
from ledger.decisions.appeal import AppealPenalty, DenyAppeal, OverturnPenalty
from ledger.decisions.base import Command, Request
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.order import CancelOrder, PayOrder, VoidOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.refund import (
    ApproveRefund,
    CompleteRefund,
    RecordRefund,
    RefundItem,
    RefuseRefund,
    ReportedLine,
    RequestRefund,
)
from ledger.decisions.review import SubmitReview
from ledger.decisions.shop import OpenShop
from ledger.decisions.vote import CastVote
from ledger.errors import ProjectionBehind
from ledger.reputation import Count, Observed, Standing
from ledger.store.database import Database
from projections.engine import Engine
from projections.repeat_customers import (
    Spread,
    day_index,
    index_spread,
    metric_spread,
    shop_index,
    spread,
)
from projections.reputation import REPUTATION, Asking, Behind, observed
from projections.then import model
from tests.projections.story import START, busy_facts, day, facts, place, rows, source, stored, write

FIRST = time.local_day(time.micros(START), time.HOME_OFFSET)
T = FIRST + 60
"""The day of the index: the early window is days 30 to 59 of the story, the late one days 16 to 45."""
_, RULE = reputation.in_force(T)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def bought(id_: str, number: float, buyer: str = "B1", shop: str = "S1", **more: str) -> tuple[Command, ...]:
    at = day(0) + timedelta(days=number)
    return (place(id_, shop=shop, buyer=buyer, at=at, **more), PayOrder(id=id_, cash=10_000, at=at))


def reviewed(order: str, number: int, **ratings: Any) -> Request:
    """A review that a feed brings, whether the goods are there or not."""
    review = SubmitReview(id=f"v-{order}", order=order, at=day(number), **ratings)
    return Request(command=review, source=source(review.id))


def told(database: Database, *story: Command | Request | Sequence[Command | Request]) -> Database:
    """A story, written and folded."""
    flat: list[Request | Command] = []
    for each in story:
        flat += [each] if isinstance(each, Command | Request) else each
    assert write(database, flat) == len(facts(*flat))
    Engine(database, (REPUTATION,)).catch_up()
    return database


def counted(database: Database, clocks: Clocks = NOW, asking: Asking = Asking()) -> dict[str, Observed]:  # noqa: B008 - frozen
    with model(database, REPUTATION, clocks) as connection:
        return observed(connection, RULE, T, asking)


def test_purchases_count_in_the_month_before(database: Database):
    told(
        database,
        bought("p:1", 29),
        bought("p:2", 30),
        bought("p:3", 59, "B2"),
        bought("p:4", 60, "B2"),
        bought("p:5", 40, ""),
        (place("p:6", at=day(40)),),
        bought("p:7", 41),
    )
    # Of B1 two, of B2 one, of somebody one; the late window has days 29, 30, 40 and 41.
    assert counted(database) == {
        "S1": Observed({"repeat_rate": Count(1, 2), "quality_refunds": Count(0, 4)}, orders=4)
    }


def test_the_day_is_the_local_one_of_the_source(database: Database):
    """Half past eleven in London on day 59 is the morning of day 60 in Shanghai."""
    london = timezone(timedelta(hours=1))
    late = datetime(2021, 7, 30, 23, 30, tzinfo=london)
    told(database, (place("p:1", at=late), PayOrder(id="p:1", cash=10_000, at=late)))
    assert counted(database)["S1"].orders == 1


def test_what_is_struck_counts_no_more(database: Database):
    told(
        database,
        bought("p:1", 31),
        bought("p:2", 32),
        bought("p:3", 33, "B2"),
        reviewed("p:3", 34, quality=1, service=2, content=3),
        RequestRefund(id="r3", order="p:3", reason="Quality", at=day(34)),
        ApproveRefund(id="r3", at=day(35)),
        CompleteRefund(id="r3", at=day(35)),
        reviewed("p:1", 34, quality=5),
        Request(command=CancelOrder(id="p:2", at=day(50)), source=source("p:2")),
        VoidOrder(id="p:3", reason="brushing", at=day(70)),
    )
    assert counted(database) == {
        "S1": Observed(
            {
                "repeat_rate": Count(0, 1),
                "quality_refunds": Count(0, 1),
                "praise_rate": Count(1, 1),
                "dissatisfaction": Count(0, 1),
            },
            orders=1,
        )
    }
    before = counted(database, Clocks(as_of=time.micros(day(69))))
    assert before["S1"].orders == 2
    assert before["S1"].counts["dissatisfaction"] == Count(1, 2)
    assert before["S1"].counts["quality_refunds"] == Count(1, 2)
    assert before["S1"].counts["handling_time"] == Count(86_400, 1)


def test_reviews_and_votes(database: Database):
    orders = [bought(f"p:{n}", 10, f"B{n}") for n in range(1, 8)]
    told(
        database,
        *orders,
        reviewed("p:1", 15, quality=1, service=1, content=1),       # before both windows
        reviewed("p:2", 16, quality=3, service=4, logistics=5, content=5),
        reviewed("p:3", 30, quality=4, service=3, content=4),
        reviewed("p:4", 45, quality=5, logistics=2, content=2, welfare=5),
        reviewed("p:5", 46, quality=2, service=5, content=3),       # after the late one
        reviewed("p:6", 59, service=1, content=5),                  # rates no quality
        reviewed("p:7", 60, quality=1, content=1),                  # after both
        CastVote(id="w1", item="tea", shop="S1", user="U1", worth=False, at=day(20)),
        CastVote(id="w2", item="tea", shop="S1", user="U2", worth=True, at=day(45)),
        CastVote(id="w3", item="tea", shop="S1", user="U3", worth=False, at=day(46)),
    )  # fmt: skip
    assert counted(database)["S1"].counts == {
        "dissatisfaction": Count(2, 5),
        "praise_rate": Count(2, 3),
        "service": Count(7, 2),
        "logistics": Count(7, 2),
        "content": Count(14, 4),
    }


def test_refunds_for_quality_and_how_long_they_took(database: Database):
    part = (RefundItem(line=1, cash=100),)
    told(
        database,
        *(bought(f"p:{n}", 20, f"B{n}") for n in range(1, 6)),
        RequestRefund(id="r0", order="p:1", items=part, reason="JADE1 failed its appraisal", at=day(21)),
        ApproveRefund(id="r0", at=day(21)),
        CompleteRefund(id="r0", at=day(21)),                        # one of two of an order, which counts once
        RequestRefund(id="r1", order="p:1", reason=" DAMAGED ", at=day(21)),
        ApproveRefund(id="r1", at=day(21)),
        CompleteRefund(id="r1", at=day(21, 1)),
        RequestRefund(id="r2", order="p:2", reason="changed my mind", at=day(21)),
        ApproveRefund(id="r2", at=day(22)),
        CompleteRefund(id="r2", at=day(22)),
        RequestRefund(id="r3", order="p:3", reason="broken", at=day(30)),
        RefuseRefund(id="r3", reason="it was not", at=day(32)),
        ApproveRefund(id="r3", at=day(50)),
        CompleteRefund(id="r3", at=day(50)),                        # refused in time, completed too late to count
        RequestRefund(id="r4", order="p:4", reason="broken", at=day(40)),
        RecordRefund(id="x1", shop="S1", currency="CNY", lines=(ReportedLine(cash=100),), at=day(40)),
        RecordRefund(id="x2", shop="S1", currency="CNY", lines=(ReportedLine(cash=100),), at=day(40)),
        RecordRefund(id="x3", shop="S2", currency="CNY", lines=(ReportedLine(cash=100),), at=day(40)),
    )  # fmt: skip
    found = counted(database)
    assert found["S1"].counts["quality_refunds"] == Count(3, 5)
    assert found["S1"].counts["handling_time"] == Count(0 + 3_600 + 86_400 + 2 * 86_400, 4)
    assert "S2" not in found, "without orders there is nothing that its refunds are a part of"


def test_a_completion_that_was_reversed_counts_no_more(database: Database):
    story = (
        *bought("p:1", 20),
        RequestRefund(id="r1", order="p:1", reason="broken", at=day(21)),
        RefuseRefund(id="r1", reason="no", at=day(24)),
        ApproveRefund(id="r1", at=day(25)),
        CompleteRefund(id="r1", at=day(23)),
    )
    completed = facts(*story)[-1].position
    told(database, story)
    assert counted(database)["S1"].counts["handling_time"] == Count(2 * 86_400, 1)
    write(database, [RecordCorrection(id=str(completed), reason="a mistake", at=day(30))])
    Engine(database, (REPUTATION,)).catch_up()
    found = counted(database)["S1"].counts
    assert found["quality_refunds"] == Count(0, 1)
    assert found["handling_time"] == Count(3 * 86_400, 1)
    assert counted(database, Clocks(as_at=completed))["S1"].counts["quality_refunds"] == Count(1, 1)


def test_penalties_that_stand(database: Database):
    def imposed(id_: str, points: int, number: int, **on: Any) -> ImposePenalty:
        named: dict[str, Any] = {"party": "shop", "party_id": "S1"} | on
        return ImposePenalty(id=id_, points=points, reason="fakes", at=day(number), **named)

    told(
        database,
        imposed("n1", 1, 29),
        imposed("n2", 2, 30),
        imposed("n3", 4, 59),
        imposed("n4", 8, 60),
        imposed("n5", 16, 40),
        imposed("n6", 32, 40, party="host", party_id="H1", shop="S1"),
        AppealPenalty(id="n5", instance="first", reason="genuine", at=day(41)),
        OverturnPenalty(id="n5", instance="first", reason="so it was", at=day(70)),
    )
    assert counted(database) == {"S1": Observed({}, points=6)}
    assert counted(database, Clocks(as_of=time.micros(day(69))))["S1"].points == 22
    assert counted(database, asking=Asking(by="host")) == {"H1": Observed({}, points=32)}


def test_hosts_have_what_was_sold_by_them(database: Database):
    told(
        database,
        bought("p:1", 31, host="H1"),
        bought("p:2", 32, host="H1", shop="S2"),
        bought("p:3", 33),
        reviewed("p:1", 34, quality=2),
        RequestRefund(id="r1", order="p:2", reason="fake", at=day(34)),
        RefuseRefund(id="r1", reason="no", at=day(35)),
    )
    assert counted(database, asking=Asking(by="host")) == {
        "H1": Observed(
            {
                "repeat_rate": Count(1, 1),
                "quality_refunds": Count(0, 2),
                "praise_rate": Count(0, 1),
                "dissatisfaction": Count(1, 1),
                "handling_time": Count(86_400, 1),
            },
            orders=2,
        )
    }
    assert counted(database, asking=Asking(by="host", one="H2")) == {}


INDUSTRIES = (
    OpenShop(id="S1", industry="tea", at=day(0)),
    OpenShop(id="S2", industry="tea", at=day(0)),
    OpenShop(id="S3", industry="jewellery", at=day(0)),
    *(each for n in range(3) for each in bought(f"p:1{n}", 31 + n, "B1", "S1")),
    *(each for n in range(3) for each in bought(f"p:2{n}", 31 + n, f"B{n}", "S2")),
    *bought("p:30", 31, "B3", "S3"),
    *bought("p:40", 31, "B4", "S4"),
)


def test_a_shop_is_compared_with_its_industry(database: Database):
    told(database, INDUSTRIES)
    found = day_index(database, T)
    assert {industry: list(shops) for industry, shops in found.industries.items()} == {
        "": ["S4"],
        "jewellery": ["S3"],
        "tea": ["S1", "S2"],
    }
    assert found.formula.version == "1"
    assert [each.components[0].percentile for each in found.industries["tea"].values()] == [75, 25]
    index = shop_index(database, "S2", T)
    assert (index.industry, index.known, index.standing.tenths) == ("tea", True, 438)
    assert index.standing == found.industries["tea"]["S2"]
    assert index.peers == found.industries["tea"]
    assert index.behind["repeat_rate"] == index.behind["orders"]
    assert index.behind["repeat_rate"].total == 3
    assert index.behind["service"] == Behind(0, ())
    # All: 1 of 4 returned. (1 + 50 / 4) / (1 + 50) and (0 + 50 / 4) / (3 + 50).
    low, high = Fraction(25, 106), Fraction(27, 102)
    assert metric_spread(index, "repeat_rate") == Spread(low, low, low, high, high, 2)
    assert metric_spread(index, "service") is None
    assert index_spread(index) is None, "none has thirty orders"


def test_a_shop_that_nobody_knows_stands_in_the_middle(database: Database):
    told(database, INDUSTRIES)
    index = shop_index(database, "S9", T)
    assert (index.known, index.standing.tenths, index.standing.label) == (False, 500, "insufficient")
    assert list(index.peers) == ["S4", "S9"]


def test_the_facts_that_cost_most_come_first(database: Database):
    story: tuple[Command | Request, ...] = (
        *(each for n in range(4) for each in bought(f"p:{n}", 20, f"B{n}")),
        reviewed("p:0", 21, quality=5, service=3),
        reviewed("p:1", 22, quality=2, service=5),
        reviewed("p:2", 23, quality=3, service=1),
        CastVote(id="w1", item="tea", shop="S1", user="U1", worth=True, at=day(24)),
        CastVote(id="w2", item="tea", shop="S1", user="U2", worth=False, at=day(24)),
        RequestRefund(id="r1", order="p:3", reason="broken", at=day(25)),
        ApproveRefund(id="r1", at=day(25)),
        CompleteRefund(id="r1", at=day(25)),
    )
    told(database, story)
    by_what = {recorded.stream: recorded.position for recorded in facts(*story)}
    index = shop_index(database, "S1", T, limit=4)
    dissatisfied = [by_what[stream] for stream in ("vote-w2", "review-v-p:1", "review-v-p:2", "review-v-p:0")]
    assert index.behind["dissatisfaction"] == Behind(5, tuple(dissatisfied))
    assert index.behind["quality_refunds"].total == 5
    assert index.behind["quality_refunds"].positions[0] == by_what["refund-r1"]
    service = [by_what[stream] for stream in ("review-v-p:2", "review-v-p:0", "review-v-p:1")]
    assert index.behind["service"] == Behind(3, tuple(service))


def test_rows_are_the_same_however_the_log_is_cut(database: Database):
    log = facts(*INDUSTRIES)
    told(database, INDUSTRIES)
    assert rows(REPUTATION, log, [3, 8, 9]) == rows(REPUTATION, log) == stored(database, REPUTATION)


@pytest.mark.parametrize("seed", range(3))
def test_busy_shops_fold_the_same_in_any_batches(seed: int):
    log = busy_facts(seed, 250)
    assert rows(REPUTATION, log, range(0, len(log), 7)) == rows(REPUTATION, log)


def test_reports_of_any_order_end_in_the_same_rows():
    lines = (ReportedLine(line=1, cash=100),)
    refund = RecordRefund(id="x1", order="p:1", shop="S1", currency="CNY", lines=lines, at=day(25))
    paid, there = bought("p:1", 20), Request(command=refund, source=source("x1"))
    orders: tuple[tuple[Command | Request, ...], ...] = (
        (*paid, there),
        (paid[0], there, paid[1]),
        (there, *paid),
    )
    ends = [rows(REPUTATION, facts(*story)) for story in orders]
    kept = [[row[:-3] for row in sorted(end.values())] for end in ends]
    assert kept[0] == kept[1] == kept[2]


def test_a_model_that_is_not_built_says_so(database: Database):
    write(database, INDUSTRIES)
    with pytest.raises(ProjectionBehind):
        day_index(database, T)


def test_a_ruling_that_came_late_counts_in_the_order_of_its_source(database: Database):
    """The last instance denied the appeal: that an earlier one had upheld it is reported afterwards."""
    told(
        database,
        ImposePenalty(id="n1", party="shop", party_id="S1", points=5, reason="fakes", at=day(40)),
        AppealPenalty(id="n1", instance="first", reason="genuine", at=day(41)),
        DenyAppeal(id="n1", instance="first", reason="fake", at=day(42)),
    )
    assert counted(database)["S1"].points == 5


# What was answered stays answered.


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["S1", "S2", "S3"]), st.sampled_from(["B1", "B2", "B3", ""]), st.integers(25, 60)
        ),
        min_size=4,
        max_size=14,
    ),
    st.lists(st.integers(1, 8), min_size=1, max_size=3),
    st.data(),
)
@settings(max_examples=10)
def test_striking_changes_what_is_known_now_and_nothing_that_was_answered(sold, points, data):
    """Voiding an order or overturning a penalty changes the as-of index, never the as-at one of any day."""
    story: list[Command] = []
    for number, (shop, buyer, when) in enumerate(sold):
        story += bought(f"p:{number}", when, buyer, shop)
    for number, weight in enumerate(points):
        story.append(
            ImposePenalty(
                id=f"n{number}",
                party="shop",
                party_id="S1",
                points=weight,
                reason="fakes",
                at=day(40 + number),
            )
        )
        story.append(AppealPenalty(id=f"n{number}", instance="first", reason="genuine", at=day(50)))
    strikes = [
        *(VoidOrder(id=f"p:{number}", reason="brushing", at=day(61)) for number in range(len(sold))),
        *(
            OverturnPenalty(id=f"n{n}", instance="first", reason="genuine", at=day(61))
            for n in range(len(points))
        ),
    ]
    struck = data.draw(
        st.lists(st.sampled_from(strikes), min_size=1, max_size=3, unique_by=lambda each: each.id)
    )
    with (
        TemporaryDirectory() as folder,
        closing(Database(f"sqlite:///{Path(folder, 'then.db')}")) as database,
    ):
        write(database, story)
        last = len(facts(*story))
        Engine(database, (REPUTATION,)).catch_up()
        days = (T - 5, T, T + 1)
        answered = {number: day_index(database, number).industries for number in days}
        write(database, struck)
        Engine(database, (REPUTATION,)).catch_up()
        for number in days:
            then = day_index(database, number, Clocks(as_at=last)).industries
            assert then == answered[number], "what was answered then"
            before = day_index(database, number, Clocks(as_of=time.micros(day(61)) - 1)).industries
            assert before == answered[number], "as of the moment before"
            again = rows(REPUTATION, facts(*(each for each in story if not _gone(each, struck))))
            with_now = day_index(database, number).industries
            assert with_now == _reckoned(again, number), "as if they had never been"


def _gone(command: Command, struck: Sequence[Command]) -> bool:
    return command.id in {each.id for each in struck}


def _reckoned(table: dict[Any, tuple[Any, ...]], number: int) -> dict[str, dict[str, Standing]]:
    """The index of a day from rows in memory, so that the queries are told apart from what they should find."""
    seen: dict[str, Observed] = {}
    orders: dict[str, list[tuple[int, str]]] = {}
    points: dict[str, int] = {}
    names = [column.name for column in REPUTATION.table.columns]
    for row in table.values():
        of = dict(zip(names, row, strict=True))
        if of["day"] is None or of["struck"]:
            continue
        if of["kind"] == "order":
            orders.setdefault(of["shop"], []).append((of["day"], of["party"]))
        elif of["kind"] == "penalty" and number - 30 <= of["day"] <= number - 1:
            points[of["shop"]] = points.get(of["shop"], 0) + of["value"]
    for shop in {*orders, *points}:
        early = [buyer for when, buyer in orders.get(shop, ()) if number - 30 <= when <= number - 1]
        late = [buyer for when, buyer in orders.get(shop, ()) if number - 44 <= when <= number - 15]
        known = [buyer for buyer in early if buyer]
        counts = {
            "repeat_rate": Count(sum(known.count(buyer) > 1 for buyer in set(known)), len(set(known))),
            "quality_refunds": Count(0, len(late)),
        }
        counts = {metric: count for metric, count in counts.items() if count.n}
        if early or counts or shop in points:
            seen[shop] = Observed(counts, len(early), points.get(shop, 0))
    found = reputation.standings(RULE, "", seen)
    return {"": found} if found else {}


@pytest.mark.parametrize(("values", "quartiles"), [
    ([1], (1, 1, 1, 1, 1, 1)), ([4, 1, 3, 2], (1, 1, 2, 3, 4, 4)), ([5, 1, 4, 2, 3], (1, 2, 3, 4, 5, 5)),
])  # fmt: skip
def test_quartiles(values, quartiles):
    assert spread([Fraction(value) for value in values]) == quartiles
    assert spread([]) is None
