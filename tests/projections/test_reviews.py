"""Invited, submitted in seven days, answered; and what returning customers say, on both clocks."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.base import Request
from ledger.decisions.order import VoidOrder
from ledger.decisions.review import AnswerReview, InviteReview, SubmitReview
from ledger.errors import ProjectionBehind
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.engine import Engine
from projections.reviews import REVIEWS, Figures, percent, report, says
from projections.trust_orders import TRUST_ORDERS
from tests.projections.saying import DIGEST, at, bought, told
from tests.projections.story import day, source

MODELS = (REVIEWS, TRUST_ORDERS)
NOW = time.micros(day(60))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    yield found
    found.close()


def invite(id_: str, order: str) -> InviteReview:
    return InviteReview(id=id_, order=order)


def review(id_: str, order: str, quality: int = 5) -> SubmitReview:
    return SubmitReview(id=id_, order=order, quality=quality)


def test_eighty_of_a_hundred_in_seven_days(database: Database):
    orders = [each for n in range(100) for each in bought(f"p:{n}", 0, buyer=f"B{n}")]
    invited = [invite(f"v{n}", f"p:{n}") for n in range(100)]
    in_time = [review(f"v{n}", f"p:{n}") for n in range(80)]
    late = [review(f"v{n}", f"p:{n}") for n in range(80, 90)]
    story = [*orders, *at(day(1), *invited), *at(day(8, 11), *in_time), *at(day(8, 12), *late)]
    told(database, MODELS, *story)
    found = report(database, NOW)
    assert found.total == Figures(invited=100, in_time=80, open=0, submitted=90, answered=0)
    assert found.total.rate == Decimal("80.0")
    assert list(found.rows) == ["2021-06"]
    # Noon of the eighth day is in; eleven hours later it still is, at midnight it no longer is.
    last = Clocks(time.micros(day(8, 11)), None)
    assert report(database, NOW, last).total == Figures(100, 80, 20, 80, 0)
    before = Clocks(time.micros(day(7)), None)
    assert report(database, NOW, before).total == Figures(100, 0, 100, 0, 0)


def test_what_belongs_where(database: Database):
    story = [
        *bought("p:1", 0), *bought("p:2", 0, shop="S2"), *bought("p:3", 0, buyer="B3"),
        *at(day(1), invite("v1", "p:1"), review("v2", "p:2")),
        *at(day(2), review("v1", "p:1"), AnswerReview(id="v1", by="shop", digest=DIGEST)),
        *at(day(31), invite("v3", "p:3")),
    ]  # fmt: skip
    told(database, MODELS, *story)
    first, third = Figures(1, 1, 0, 1, 1), Figures(invited=1, open=1)
    uninvited = Figures(submitted=1)
    now = time.micros(day(32))
    assert report(database, now, by="shop").rows == {"S1": Figures(2, 1, 1, 1, 1), "S2": uninvited}
    assert report(database, now, by="day", shop="S1").rows == {"2021-06-02": first, "2021-07-02": third}
    assert report(database, now, shop="S2").total.rate is None
    assert report(database, now, by="day", first_day=time.local_day(now, 480) - 1).total == third
    assert report(database, now, by="day", last_day=time.local_day(now, 480) - 2).total == Figures(
        1, 1, 0, 2, 1
    )


def test_what_never_counted_does_not_count(database: Database):
    head = told(
        database, MODELS, *bought("p:1", 0), *at(day(1), invite("v1", "p:1")), *at(day(2), review("v1", "p:1", 1))
    )  # fmt: skip
    told(database, MODELS, *at(day(9), VoidOrder(id="p:1", reason="brushing")))
    assert report(database, NOW).total == Figures()
    assert says(database, "S1", returning=False).said == []
    then = Clocks(None, head)
    assert report(database, NOW, then).total == Figures(1, 1, 0, 1, 0)
    assert [each.id for each in says(database, "S1", then, returning=False).said] == ["v1"]
    assert report(database, NOW, Clocks(time.micros(day(8)), None)).total.in_time == 1


def test_of_two_reviews_of_a_line_the_first_counts(database: Database):
    second = Request(command=review("v2", "p:1", 1), source=source("v2"))
    told(database, MODELS, *bought("p:1", 0), *at(day(1), review("v1", "p:1")), second)
    assert report(database, NOW).total == Figures(submitted=1)
    assert [each.id for each in says(database, "S1", returning=False).said] == ["v1"]


def test_a_buyer_with_nineteen_earlier_orders_is_answered(database: Database):
    """The twentieth order disappointed; the host answers, and everybody sees how often the buyer was there."""
    orders = [each for n in range(1, 21) for each in bought(f"p:{n}", n, host="H1")]
    others = [*bought("p:90", 1, shop="S2"), *bought("p:91", 1, buyer="B2"), *bought("p:99", 30)]
    bad = at(day(22), review("v1", "p:20", 1))
    answer = at(day(23), AnswerReview(id="v1", by="host", digest=DIGEST))
    new = at(day(22), review("v2", "p:91"))
    told(database, MODELS, *orders, *others, *bad, *answer, *new)
    page = says(database, "S1")
    assert [(each.id, each.earlier_orders) for each in page.said] == [("v1", 19)]
    assert page.next is None
    said = page.said[0]
    assert said.review.ratings[0] == 1
    assert said.answers == (("host", (time.micros(day(23)), 480), DIGEST),)
    everybody = says(database, "S1", returning=False).said
    assert [(each.id, each.earlier_orders) for each in everybody] == [("v1", 19), ("v2", 0)]
    then = says(database, "S1", Clocks(time.micros(day(22)), None)).said[0]
    assert (then.earlier_orders, then.answers) == (19, ())
    # One of the nineteen turns out to be fake: from then on there are eighteen.
    told(database, MODELS, *at(day(24), VoidOrder(id="p:7", reason="brushing")))
    assert says(database, "S1").said[0].earlier_orders == 18
    assert says(database, "S1", Clocks(time.micros(day(23)), None)).said[0].earlier_orders == 19


def test_pages_of_what_is_said(database: Database):
    orders = [each for n in range(1, 6) for each in bought(f"p:{n}", n)]
    reviews = [each for n in range(1, 6) for each in at(day(n, 1), review(f"v{n}", f"p:{n}"))]
    told(database, MODELS, *orders, *reviews)
    first = says(database, "S1", limit=2)
    assert [(each.id, each.earlier_orders) for each in first.said] == [("v2", 1), ("v3", 2)]
    assert first.next is not None
    second = says(database, "S1", after=first.next, limit=2)
    assert [each.id for each in second.said] == ["v4", "v5"]
    assert second.next is not None
    assert says(database, "S1", after=second.next, limit=2) == ([], None)
    assert says(database, "nobody") == ([], None)


def test_a_rebuild_makes_the_same_rows(database: Database):
    told(
        database,
        MODELS,
        *bought("p:1", 0),
        *at(day(1), invite("v1", "p:1")),
        *at(day(2), review("v1", "p:1")),
    )
    before = report(database, NOW)
    Engine(database, (REVIEWS,)).rebuild()
    assert report(database, NOW) == before


def test_a_model_that_is_not_built(database: Database):
    with pytest.raises(ProjectionBehind):
        report(database, NOW)
    with pytest.raises(ProjectionBehind):
        says(database, "S1")


@pytest.mark.parametrize(("part", "whole", "shown"), [
    (80, 100, "80.0"), (1, 3, "33.3"), (2, 3, "66.7"), (1, 16, "6.3"), (0, 7, "0.0"), (7, 7, "100.0"), (1, 800, "0.1"),
])  # fmt: skip
def test_a_share_is_rounded_half_up(part: int, whole: int, shown: str):
    assert str(percent(part, whole)) == shown
    assert percent(part, 0) is None
