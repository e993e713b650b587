"""Stories of marks: granted and revoked by rule, with the reason; campaigns that ask for them."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.decisions.badge import AssessBadge, EnterCampaign
from ledger.decisions.claim import FileClaim
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.lapse import BADGES as MARKS
from ledger.decisions.lapse import BadgeRule, rule_of
from ledger.decisions.penalty import Demand, ImposePenalty
from ledger.decisions.shop import OpenShop, RequestClosing
from ledger.decisions.standing import BanShop, CloseBenefit, OpenBenefit, RestrictShop, SuspendShop
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import InvalidTime, Malformed, UnknownShop, WrongState
from ledger.events.badge import BadgeGranted, BadgeRevoked, Ground
from ledger.events.campaign import CampaignEntered, CampaignRefused
from ledger.events.host import HostSuspended
from ledger.events.penalty import PenaltyImposed
from ledger.events.shop import BenefitClosed, ShopBanned, ShopClosingRequested, ShopRestricted, ShopSuspended
from ledger.policies import shipped
from ledger.requirement import Requirement, judge
from tests.ledger.stories import DISPATCH, PAID, START, Ledger, Reported, Row, Step, but, has, stories, tell

NOTHING = ()
TERMS = [
    msgspec.structs.replace(shipped()[name], force=True, reason="the first terms")
    for name in ("counterfeit-2021-06", "seven-day-return-2021-06")
]
OPEN = OpenShop(id="s1", industry="cups")
CARRIES = [OpenBenefit(id="s1", benefit=benefit) for benefit in ("counterfeit", "seven-day-return")]
READY: tuple[Step, ...] = (*TERMS, OPEN, *CARRIES)
TRUST = AssessBadge(
    id="s1", badge="trust-purchase", day="2021-06-10", position=3, index=400, label="on_par",
    experience=38, paid_orders=29, points=0,
)  # fmt: skip
HOLDS: tuple[Step, ...] = (*READY, TRUST)
QUALITY = but(TRUST, badge="quality-merchant", index=700, label="leading", experience=45, paid_orders=30)
STILL = but(TRUST, position=4)
GROUNDS = (
    Ground("status", "open", "one of open", True),
    Ground("restrictions", "0", "at most 0", True),
    Ground("benefits", "counterfeit, seven-day-return", "all of counterfeit, seven-day-return", True),
    Ground("points", "0", "at most 0", True),
    Ground("index", "40.0", "at least 40.0", True),
    Ground("experience", "3.8", "at least 3.8", True),
)
DAY = 18_788  # 2021-06-10

CLOSE = CloseBenefit(id="s1", benefit="counterfeit")
TERMS_OF_LATE = msgspec.structs.replace(
    shipped()["late-dispatch-2021-06"], force=True, reason="the first terms"
)
OPEN_LATE, CLOSE_LATE = (kind(id="s1", benefit="late-dispatch") for kind in (OpenBenefit, CloseBenefit))
LOST = has(BadgeRevoked, badge="trust-purchase")
SUSPENDED_FOR_FAKES = ImposePenalty(
    id="pe1", party="shop", party_id="s1", reason="fakes", measures=(Demand(name="suspension", days=3),)
)
PAYS_FOR_FAKES: tuple[Step, ...] = (
    *HOLDS,
    *PAID,
    DISPATCH,
    DeliverParcel(id="p:1", waybill="w1"),
    FileClaim(id="c1", order="p:1", benefit="counterfeit"),
)

BADGES: dict[str, Row] = {
    "all is met":                       (READY, TRUST,                          [BadgeGranted("trust-purchase", "1", DAY, 3, GROUNDS)]),
    "the same again":                   (HOLDS, TRUST,                          NOTHING),
    "an index a little too low":        (READY, but(TRUST, index=399),          NOTHING),
    "enough for who has the badge":     (HOLDS, but(STILL, index=350, experience=35, points=11), NOTHING),
    "not even that":                    (HOLDS, but(STILL, index=349),          [has(BadgeRevoked, badge="trust-purchase", day=DAY, position=4)]),
    "figures older than the last":      (HOLDS, but(TRUST, position=2, index=0), NOTHING),
    "nothing is known of a new shop":   (READY, but(TRUST, index=None, experience=None), [has(BadgeGranted)]),
    "points nobody counted":            (READY, but(TRUST, points=None),        NOTHING),
    "without a benefit":                (READY[:-1], TRUST,                     NOTHING),
    "not without the benefit":          ((*HOLDS, CLOSE), STILL,                NOTHING),
    "a benefit is closed":              (HOLDS, CLOSE,                          [has(BenefitClosed), LOST]),
    "one that nobody asks for":         ((TERMS_OF_LATE, *HOLDS, OPEN_LATE), CLOSE_LATE, [has(BenefitClosed)]),
    "the deposit does not suffice":     (HOLDS, RestrictShop(id="s1", cause="deposit"), [has(ShopRestricted), LOST]),
    "suspended":                        (HOLDS, SuspendShop(id="s1", cause="pe1"), [has(ShopSuspended), LOST]),
    "banned":                           (HOLDS, BanShop(id="s1", cause="pe1"),  [has(ShopBanned), LOST]),
    "suspended by a penalty":           (HOLDS, SUSPENDED_FOR_FAKES,            [has(PenaltyImposed), has(ShopSuspended), LOST]),
    "a penalty on somebody else":       (HOLDS, but(SUSPENDED_FOR_FAKES, party="host", party_id="h1"), [has(PenaltyImposed), has(HostSuspended)]),
    "leaving":                          (HOLDS, RequestClosing(id="s1"),        [has(ShopClosingRequested), LOST]),
    "a mark goes with the badge":       ((*HOLDS, QUALITY), CLOSE,              [has(BenefitClosed), LOST, has(BadgeRevoked, badge="quality-merchant")]),
    "before it was granted":            (HOLDS, but(STILL, index=0, at=START),  NOTHING),
    "a suspension before that":         (HOLDS, Reported(SuspendShop(id="s1", cause="pe1", at=START, until=START + timedelta(days=1))), [has(ShopSuspended)]),
    "granted once more":                ((*HOLDS, but(STILL, index=0)), but(TRUST, position=5), [has(BadgeGranted, position=5)]),
    "the mark needs the badge":         (READY, QUALITY,                        NOTHING),
    "the mark":                         (HOLDS, QUALITY,                        [has(BadgeGranted, badge="quality-merchant")]),
    "kept on par":                      ((*HOLDS, QUALITY), but(QUALITY, label="on_par", experience=43), NOTHING),
    "lost with too few orders":         ((*HOLDS, QUALITY), but(QUALITY, paid_orders=29), [has(BadgeRevoked, badge="quality-merchant")]),
    "lost behind":                      ((*HOLDS, QUALITY), but(QUALITY, label="behind"), [has(BadgeRevoked)]),
    "lost with the badge":              ((*HOLDS, QUALITY, but(STILL, index=0)), but(QUALITY, position=8), [has(BadgeRevoked)]),
    "a shop nobody opened":             ((), but(TRUST, position=0),            UnknownShop),
    "figures of the future":            (READY, but(TRUST, position=99),        WrongState),
    "no day":                           (READY, but(TRUST, day="2021-02-30"),   InvalidTime),
}  # fmt: skip

SALE = EnterCampaign(id="s1", campaign="sale-11")
FLAGSHIP = but(SALE, kind="flagship")
LACKS = Ground("badges", "none", "all of trust-purchase", False)

CAMPAIGNS: dict[str, Row] = {
    "with the badge":                   (HOLDS, SALE,                           [has(CampaignEntered, campaign="sale-11", kind="standard", marks=())]),
    "the same again":                   ((*HOLDS, SALE), SALE,                  NOTHING),
    "without it":                       ((OPEN,), SALE,                         [CampaignRefused("sale-11", "standard", "1", (*GROUNDS[:2], LACKS))]),
    "it may ask again":                 ((OPEN, SALE), SALE,                                  [has(CampaignRefused)]),
    "and enter then":                   ((*TERMS, OPEN, SALE, *CARRIES, TRUST), SALE, [has(CampaignEntered)]),
    "a flagship needs the mark":        (HOLDS, FLAGSHIP,                       [has(CampaignRefused, kind="flagship")]),
    "and lets those with it in":        ((*HOLDS, QUALITY), FLAGSHIP,           [has(CampaignEntered, kind="flagship")]),
    "an open one takes any shop":       ((OPEN,), but(SALE, kind="open"),       [has(CampaignEntered)]),
    "that may sell":                    ((OPEN, SuspendShop(id="s1", cause="pe1")), but(SALE, kind="open"), [has(CampaignRefused)]),
    "a kind there is not":              (HOLDS, but(SALE, kind="secret"),       Malformed),
    "a report of one that took part":   ((OPEN,), Reported(SALE),               [has(CampaignEntered, marks=("requirement_unmet",))]),
    "a shop nobody opened":             ((), SALE,                              UnknownShop),
}  # fmt: skip


@stories(BADGES)
def test_badges(given, when, then):
    tell(given, when, then)


@stories(CAMPAIGNS)
def test_campaigns(given, when, then):
    tell(given, when, then)


def test_the_reason_names_what_cost_the_badge():
    ledger = Ledger(HOLDS)
    (revoked,) = ledger.do(but(STILL, points=12, index=None, experience=34))
    assert isinstance(revoked.fact, BadgeRevoked)
    assert [ground for ground in revoked.fact.grounds if not ground.met] == [
        Ground("points", "12", "at most 11", False),
        Ground("experience", "3.4", "at least 3.5", False),
    ]


def test_what_a_shop_does_costs_it_only_what_its_own_state_shows():
    *_, revoked = Ledger(HOLDS).do(CLOSE)
    assert isinstance(revoked.fact, BadgeRevoked)
    assert revoked.fact.position == revoked.position - 1
    assert [(ground.figure, ground.met) for ground in revoked.fact.grounds] == [
        ("status", True), ("restrictions", True), ("benefits", False),
    ]  # fmt: skip


def test_a_claim_that_the_deposit_does_not_cover_costs_the_badge():
    ledger = Ledger(PAYS_FOR_FAKES)
    assert ledger.state("shop-s1").holds == ("trust-purchase",)
    ledger.do(UpholdClaim(id="c1"))
    assert ledger.state("shop-s1").restricted
    assert ledger.state("shop-s1").holds == ()


def test_a_shop_keeps_when_it_had_a_badge():
    ledger = Ledger(HOLDS)
    (badge,) = ledger.state("shop-s1").badges
    assert (badge.name, badge.rule, badge.until) == ("trust-purchase", "1", None)
    ledger.do(but(STILL, index=0, at=START + timedelta(days=9)))
    (badge,) = ledger.state("shop-s1").badges
    assert badge.until == int((START + timedelta(days=9)).timestamp()) * 1_000_000
    assert ledger.state("shop-s1").holds == ()


def test_all_that_is_asked_of_a_figure_must_hold():
    both = Requirement(figure="x", at_least=2, at_most=4, decimals=1)
    assert [each.met for value in range(1, 6) for each in judge((both,), {"x": value})] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert judge((both,), {}) == (Ground("x", "", "at least 0.2; at most 0.4", False),)
    assert not judge((both,), {"x": "word"})[0].met


FIGURES = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["open", "suspended"]),
        "restrictions": st.integers(0, 1),
        "benefits": st.sampled_from([(), ("counterfeit", "seven-day-return"), ("counterfeit",)]),
        "badges": st.sampled_from([(), ("trust-purchase",)]),
        "points": st.one_of(st.none(), st.integers(0, 12)),
        "index": st.one_of(st.none(), st.integers(330, 420)),
        "label": st.one_of(st.none(), st.sampled_from(["leading", "above_average", "on_par", "behind"])),
        "experience": st.one_of(st.none(), st.integers(33, 46)),
        "paid_orders": st.one_of(st.none(), st.integers(28, 32)),
    }
)


@pytest.mark.parametrize("badge", MARKS)
@given(figures=FIGURES)
def test_who_gets_a_mark_would_keep_it(badge, figures):
    _, rule = rule_of(badge, DAY, BadgeRule)
    got, kept = (judge(rule.requirements, figures, held=held) for held in (False, True))
    assert all(keep.met or not get.met for get, keep in zip(got, kept, strict=True))
    assert [ground.figure for ground in got] == [each.figure for each in rule.requirements]
    assert {ground.figure for ground in got} <= set(figures)  # Nothing is asked that nobody counts.
