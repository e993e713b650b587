"""What rules know of shops and hosts: the experience score reckoned by hand, spans of orders, hosts among hosts."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from ledger import experience, time
from ledger.books import Clocks
from ledger.decisions.base import Command, Request
from ledger.decisions.order import PayOrder, VoidOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.review import SubmitReview
from ledger.decisions.shop import OpenShop
from ledger.reputation import Count
from ledger.store.database import Database
from projections.engine import Engine
from projections.merits import experience_of, host_index, merits
from projections.reputation import REPUTATION
from tests.ledger.stories import but
from tests.projections.story import day, place, source, write

TODAY = time.local_day(time.micros(day(10)), time.HOME_OFFSET)


def sold(id_: str, number: int, **more: str) -> tuple[Command, ...]:
    return place(id_, 1_000, at=day(number), **more), PayOrder(id=id_, cash=1_000, at=day(number))


def said(order: str, number: int, **ratings: int) -> Request:
    """A review that a feed brings; it may come before the delivery."""
    review = but(SubmitReview(id=f"v{order}", order=order, at=day(number)), **ratings)
    return Request(command=review, source=source(review.id))


STORY: tuple[Command | Request, ...] = (
    OpenShop(id="S1", industry="cups", at=day(0)),
    OpenShop(id="S2", industry="cups", at=day(0)),
    OpenShop(id="S3", industry="pots", at=day(0)),
    *sold("p:1", 1, shop="S1", host="H1", buyer="B1"),
    *sold("p:2", 2, shop="S1", host="H1", buyer="B1"),
    *sold("p:3", 5, shop="S1", host="H2", buyer="B2"),
    *sold("p:4", 5, shop="S2", host="H2", buyer="B3"),
    *sold("p:5", 5, shop="S2", buyer="B3"),
    said("p:1", 3, quality=5, service=5, content=5),
    said("p:2", 3, quality=5, content=5),
    said("p:3", 6, quality=4),
    said("p:4", 6, quality=1, service=3, logistics=4, content=1),
    said("p:5", 10, quality=1),
    ImposePenalty(id="P1", party="shop", party_id="S2", points=6, reason="hype", at=day(7)),
    ImposePenalty(id="P2", party="host", party_id="H2", points=4, reason="hype", at=day(7)),
)


@pytest.fixture
def told(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    Engine(database).catch_up(names=(REPUTATION.name,))
    yield database
    database.close()


def test_the_experience_score_by_hand(told: Database):
    found = experience_of(told, "S1", TODAY)
    quality, service, logistics = found.score.ratings
    assert (quality.counted, quality.peers) == (Count(14, 3), Count(15, 4))  # Today's review is not in it.
    assert quality.value == (14 + 50 * Fraction(15, 4)) / 53
    assert service.value == (5 + 50 * Fraction(8, 2)) / 51
    assert (logistics.missing, logistics.value) == (True, Fraction(4))
    assert found.score.exact == quality.value / 2 + service.value / 4 + Fraction(4) / 4
    assert found.score.tenths == 39
    assert found.peers is not None
    assert (found.peers.most, found.peers.among) == (found.score.exact, 2)
    assert (found.industry, found.formula.version) == ("cups", "1")
    assert [found.behind[name].total for name in ("quality", "service", "logistics")] == [3, 1, 0]


def test_a_shop_that_nobody_rated_has_the_score_of_its_industry(told: Database):
    assert merits(told, TODAY).get("S3") is None
    assert experience_of(told, "S3", TODAY).score.tenths is None  # Nobody rates pots.
    empty = experience.score(experience.in_force(TODAY)[1], {}, {"quality": Count(9, 2)})
    assert [each.weight for each in empty.ratings] == [1]  # The weights of the others are its own.
    assert empty.tenths == 45


def test_what_the_rules_know_of_every_shop(told: Database):
    found = merits(told, TODAY)
    assert set(found) == {"S1", "S2"}
    first, second = found["S1"], found["S2"]
    assert (first.month, first.month_before, first.week, first.week_before) == (3, 0, 1, 2)
    assert (first.points, second.points) == (0, 6)
    assert (first.experience, second.experience) == (39, 38)
    assert (first.label, second.label) == ("insufficient", "insufficient")
    assert merits(told, TODAY + 200) == {}
    later = merits(told, TODAY + 32)["S1"]
    assert (later.month, later.month_before, later.experience) == (0, 3, None)


def test_hosts_are_compared_with_each_other(told: Database):
    first, second = host_index(told, "H1", TODAY), host_index(told, "H2", TODAY)
    content = next(each for each in first.standing.components if each.metric == "content")
    assert (content.counted, content.peers, content.percentile) == (Count(10, 2), Count(11, 3), Fraction(75))
    assert second.standing.deduction == 4
    assert first.peers == {"H1": first.standing, "H2": second.standing}
    assert first.standing.exact > second.standing.exact
    assert first.behind["content"].total == 2
    nobody = host_index(told, "H9", TODAY)
    assert (nobody.known, nobody.standing.tenths) == (False, 500)


def test_a_voided_order_takes_its_review_with_it_but_not_from_what_was_known(told: Database):
    before = experience_of(told, "S1", TODAY)
    last = write(told, [VoidOrder(id="p:3", reason="brushing", at=day(20))])
    Engine(told).catch_up(names=(REPUTATION.name,))
    after = experience_of(told, "S1", TODAY)
    assert after.score.ratings[0].counted == Count(10, 2)
    assert experience_of(told, "S1", TODAY, Clocks(None, last - 1)).score == before.score
    assert merits(told, TODAY)["S1"].month == 2
