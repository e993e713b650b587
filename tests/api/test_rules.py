"""What rules decide every day: marks granted and lost with their reason, traffic, tiers; safe to repeat."""

from collections.abc import Iterator

import pytest

from api.due import run_due
from api.explain import UnknownFigure, explain
from api.figures import Explanation
from ledger import policies, time
from ledger.books import NOW, Clocks
from ledger.decisions.agency import ChangeShopProvider
from ledger.decisions.base import Command, Request
from ledger.decisions.order import PayOrder
from ledger.decisions.penalty import Demand, ImposePenalty
from ledger.decisions.policy import PublishPolicy
from ledger.decisions.provider import AdmitProvider
from ledger.decisions.review import SubmitReview
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import CloseBenefit, OpenBenefit, SuspendShop
from ledger.errors import UnknownHost, UnknownShop
from ledger.events.badge import BadgeRevoked
from ledger.store.database import Database
from projections.engine import Engine
from projections.shops import shop_view
from tests.projections.story import day, log_of, place, source, write

DAY = 20
NOON = time.micros(day(DAY))
TERMS = [
    PublishPolicy(id=each.id, version=each.version, effective_from=each.effective_from, rule=each.rule, force=True,
                  reason="the first terms", at=day(-9))
    for name in ("counterfeit-2021-06", "seven-day-return-2021-06")
    for each in (policies.shipped()[name],)
]  # fmt: skip


def sold(number: int, shop: str, rating: int, at: int, amount: int = 1_000) -> list[Command | Request]:
    """An order that is paid, and rated a day later by a feed."""
    id_ = f"{shop}:{number}"
    review = SubmitReview(id=id_, order=id_, quality=rating, service=rating, logistics=rating, at=day(at + 1))
    return [
        place(id_, amount, shop=shop, buyer=f"B{number % 20}", host="H1", at=day(at)),
        PayOrder(id=id_, cash=amount, at=day(at)),
        Request(command=review, source=source(id_)),
    ]


STORY: list[Command | Request] = [
    *TERMS,
    AdmitProvider(id="A1", at=day(-5)),
    *(OpenShop(id=shop, industry="cups", at=day(-5)) for shop in ("S1", "S2")),
    *(OpenBenefit(id=shop, benefit=each.id, at=day(-4)) for shop in ("S1", "S2") for each in TERMS),
    ChangeShopProvider(id="S1", provider="A1", at=day(-4)),
    *(each for number in range(40) for each in sold(number, "S1", 5, number % 18)),
    *(each for number in range(30) for each in sold(number, "S2", 4, number % 18)),
    *sold(99, "S1", 5, 2, 10_000_000_001),
]


@pytest.fixture
def told(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    yield database
    database.close()


def run(database: Database, moment: int = NOON) -> dict[str, int]:
    rules: dict[str, int] = run_due(database, moment)["rules"]
    return rules


def asked(database: Database, figure: str, clocks: Clocks = NOW) -> Explanation:
    Engine(database).catch_up()
    return explain(database, figure, clocks=clocks, moment=NOON)


def holds(database: Database, shop: str, clocks: Clocks = NOW) -> set[str]:
    Engine(database).catch_up()
    return {each.name for each in shop_view(database, shop, NOON, clocks).badges if each.until is None}


def test_a_day_may_be_repeated(told: Database):
    first = run(told)
    assert (first["granted"], first["revoked"], first["shops"], first["tiers"]) == (2, 0, 2, 1)
    assert holds(told, "S1") == {"trust-purchase", "quality-merchant"}
    assert holds(told, "S2") == set()
    head = len(log_of(told))
    assert run(told) == dict.fromkeys(first, 0)
    assert len(log_of(told)) == head
    assert run(told, NOON + 86_400_000_000)["shops"] == 2
    assert run(told)["shops"] == 0  # A day that is over is left alone.


def test_a_dry_run_keeps_nothing(told: Database):
    head = len(log_of(told))
    assert run_due(told, NOON, dry_run=True)["rules"]["granted"] == 2
    assert len(log_of(told)) == head


@pytest.mark.parametrize(("cost", "ground", "lost"), [
    (CloseBenefit(id="S1", benefit="counterfeit", at=day(DAY)), "benefits", 2),
    (SuspendShop(id="S1", cause="x", at=day(DAY)), "status", 2),
    (ImposePenalty(id="P1", party="shop", party_id="S1", points=12, reason="hype", at=day(DAY - 1)), "points", 2),
    (ImposePenalty(id="P1", party="shop", party_id="S1", points=3, reason="hype", at=day(DAY - 1)), "points", 1),
])  # fmt: skip
def test_a_mark_is_lost_for_a_reason(told: Database, cost: Command, ground: str, lost: int):
    run(told)
    before = len(log_of(told))
    write(told, [cost])
    run(told, NOON + 1)
    revoked = [each for each in log_of(told)[before:] if isinstance(each.fact, BadgeRevoked)]
    assert len(revoked) == lost
    found = asked(told, "shop:S1/badge/quality-merchant")
    assert (found.value, found.facts[0].type, found.facts[-1].type) == (
        "not held",
        "badge-revoked",
        "badge-granted",
    )
    named = {each["figure"] for each in found.facts[0].data["grounds"] if not each["met"]}
    # What costs the badge costs the mark that asks for it; the mark asks for some of the same itself.
    assert named == ({ground} - {"benefits"}) | ({"badges"} if lost > 1 else set())
    assert holds(told, "S1", Clocks(None, before)) == {"trust-purchase", "quality-merchant"}


def test_each_requirement_names_the_facts_behind_it(told: Database):
    run(told)
    write(
        told, [ImposePenalty(id="P1", party="shop", party_id="S1", points=12, reason="hype", at=day(DAY - 1))]
    )
    log = {each.position: each for each in log_of(told)}
    found = asked(told, "shop:S1/badge/trust-purchase")
    behind = {
        each.name: {log[position].fact.TOPIC for position in each.positions} for each in found.components
    }
    assert behind == {
        "status": {"shop-opened"},
        "restrictions": set(),
        "benefits": {"benefit-opened"},
        "points": {"penalty-imposed"},
        "index": {"order-paid", "review-submitted", "penalty-imposed"},
        "experience": {"review-submitted"},
    }
    points = next(each for each in found.components if each.name == "points")
    assert (points.value, points.inputs, points.count) == ("12", "at most 11: not met", 1)
    paid = next(
        each
        for each in asked(told, "shop:S1/badge/quality-merchant").components
        if each.name == "paid_orders"
    )
    assert (paid.value, paid.count) == ("41", 41)


def test_a_penalty_withholds_traffic(told: Database):
    held = ImposePenalty(id="P1", party="shop", party_id="S1", reason="hype", at=day(DAY - 1),
                         measures=(Demand(name="traffic", days=3),))  # fmt: skip
    write(told, [held])
    assert run(told)["shops"] == 1
    assert run(told, NOON + 2 * 86_400_000_000)["shops"] == 2


def test_the_experience_score_explained(told: Database):
    found = asked(told, "shop:S1/experience")
    quality, service, logistics, score = found.components
    assert (found.value, score.value) == (score.value, found.value)
    assert (quality.inputs, quality.count) == ("205 from 41 ratings; the industry 325 from 71", 41)
    assert sum(float(each.points) for each in (quality, service, logistics)) == pytest.approx(
        float(found.value), abs=0.06
    )
    assert score.peers is not None
    assert (score.peers.among, found.more) == (2, True)
    assert {fact.type for fact in found.facts} == {"review-submitted"}
    with pytest.raises(UnknownShop):
        asked(told, "shop:S9/experience")


def test_marks_and_traffic_explained(told: Database):
    before = asked(told, "shop:S2/badge/trust-purchase")
    assert before.value == "not held"
    assert "it lacks" in before.means
    (lacking,) = [each for each in before.components if each.inputs.endswith("not met")]
    assert (lacking.name, lacking.value) == ("index", asked(told, "shop:S2/index").value)
    run(told)
    after = asked(told, "shop:S1/badge/trust-purchase")
    assert (after.value, [fact.type for fact in after.facts]) == ("held", ["badge-granted"])
    traffic = asked(told, "shop:S1/traffic")
    assert int(traffic.value) == sum(fact.data["units"] for fact in traffic.facts)
    assert {each.name for each in traffic.components} >= {"basic"}


def test_a_host_explained(told: Database):
    found = asked(told, "host:H1/index")
    points = sum(float(each.points) for each in found.components if each.weight)
    assert float(found.value) == pytest.approx(points, abs=0.06)
    names = {each.name for each in found.components}
    assert names == {"repeat_rate", "dissatisfaction", "quality_refunds", "service", "content", "label"}
    with pytest.raises(UnknownHost):
        asked(told, "host:H9/index")


@pytest.mark.parametrize(
    "figure", ["shop:S1/badge/gold", "shop:S1/traffic/basic", "host:H1/score", "host:H1"]
)
def test_what_is_no_figure(told: Database, figure: str):
    with pytest.raises(UnknownFigure):
        asked(told, figure)
