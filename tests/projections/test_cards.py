"""Cards: uses and coupons by the present period, and compensation that agrees with the buyer's account."""

from collections.abc import Iterator

import msgspec
import pytest

from ledger import books, policies, time
from ledger.books import NOW, Clocks
from ledger.decisions.base import Command
from ledger.decisions.card import ExpireCoupons, GrantCoupon, IssueCard, RedeemCoupon, UseBenefit
from ledger.decisions.claim import FileClaim
from ledger.decisions.fund import Contribute
from ledger.decisions.order import PayOrder
from ledger.decisions.payout import CancelPayout, FailPayment, ForfeitClaim, PayClaim
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import ProjectionBehind, UnknownAccount, UnknownCard
from ledger.store.database import Database
from projections.cards import CARDS, Coupons, Uses, card_view, expiring
from projections.engine import Engine
from projections.pet_fund import FUND_DUES, PET_FUND, fund_view
from tests.projections.story import day, facts, place, rows, stored, write


def published(name: str) -> Command:
    return msgspec.structs.replace(policies.shipped()[name], force=True, reason="the first terms")


# Case 10: a fake cup for 199.00, 50 000 in the deposit, 100 000 in the fund; what is short comes in later.
STORY: tuple[Command, ...] = (
    published("counterfeit-2021-11"),
    published("returnless-refund-2021-06"),
    OpenShop(id="S1", at=day(0)),
    OpenBenefit(id="S1", benefit="counterfeit", at=day(0)),
    PayDeposit(id="S1", amount=50_000, at=day(0)),
    Contribute(amount=100_000, at=day(0)),
    IssueCard(id="B1", tier="silver", at=day(0)),
    UseBenefit(id="B1", benefit="returnless-refund", reference="x", at=day(0)),
    GrantCoupon(id="B1", coupon="K1", kind="red-packet", amount=500, expires_at=day(170), at=day(1)),
    place("p:1", 19_900, at=day(160)),
    PayOrder(id="p:1", cash=19_900, at=day(160)),
    RedeemCoupon(id="B1", coupon="K1", order="p:1", amount=200, at=day(160)),
    FileClaim(id="C1", order="p:1", benefit="counterfeit", at=day(161)),
    UpholdClaim(id="C1", at=day(162)),
    PayClaim(id="C1", at=day(163)),
    FailPayment(id="C1", transfer="C1/1", at=day(164)),
    ExpireCoupons(id="B1", at=day(171)),
    Contribute(amount=30_000, at=day(172)),
    PayClaim(id="C1", at=day(173)),
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def told(database: Database) -> Database:
    """The story, and its read models."""
    assert write(database, STORY) == len(facts(*STORY))
    Engine(database, (CARDS, PET_FUND, FUND_DUES)).catch_up()
    return database


def balances(database: Database, clocks: Clocks = NOW) -> tuple[int, int, int]:
    view = card_view(database, "B1", time.micros(day(180)), clocks=clocks)
    return view.pending, view.payable, view.paid


@pytest.mark.parametrize(
    ("at", "compensation"),
    [(161, (0, 0, 0)), (162, (29_100, 150_000, 0)), (163, (29_100, 0, 150_000)),
     (164, (29_100, 150_000, 0)), (172, (0, 179_100, 0)), (173, (0, 0, 179_100))],
)  # fmt: skip
def test_compensation_as_of_a_day(told: Database, at: int, compensation: tuple[int, int, int]):
    assert balances(told, Clocks(as_of=time.micros(day(at)))) == compensation


def test_payable_is_the_buyers_account_at_every_position(told: Database):
    for position in range(8, books.head_position(told) + 1):
        clocks = Clocks(as_at=position)
        _, payable, _ = balances(told, clocks)
        try:
            assert payable == books.balances(told, "buyer_payable:B1", clocks)["CNY"]
        except UnknownAccount:
            assert payable == 0


def test_the_card_now(told: Database):
    view = card_view(told, "B1", time.micros(day(0)))
    assert (view.tier, balances(told)) == ("silver", (0, 0, 179_100))
    assert view.coupons == (Coupons("red-packet", "CNY", 500, 200, 300),)
    assert view.coupons[0].left == 0
    assert Uses("returnless-refund", "2021-06", 1, 1) in view.benefits
    later = card_view(told, "B1", time.micros(day(180)))
    assert Uses("returnless-refund", "2021-11", 0, 2) in later.benefits
    assert card_view(told, "B1", time.micros(day(0)), "USD").coupons == ()
    with pytest.raises(UnknownCard):
        card_view(told, "B9", 0)
    with pytest.raises(UnknownCard):
        card_view(told, "B1", 0, clocks=Clocks(as_at=3))


def test_a_coupon_is_over_when_its_last_moment_has_passed(database: Database):
    write(database, STORY[:12])
    Engine(database, (CARDS,)).catch_up()
    last = time.micros(day(170))
    for moment, left in ((last, 300), (last + 1, 0)):
        (packet,) = card_view(database, "B1", moment).coupons
        assert (packet.left, packet.redeemed + packet.expired + packet.left) == (left, 500)
        assert expiring(database, moment) == ([] if left else ["B1"])
    assert expiring(database, last + 1, after="B1") == []
    write(database, [STORY[16]])
    Engine(database, (CARDS,)).catch_up()
    assert expiring(database, last + 1) == []


def test_the_model_is_the_same_however_it_is_cut(told: Database):
    log = facts(*STORY)
    whole = rows(CARDS, log)
    assert whole == rows(CARDS, log, range(len(log)))
    assert whole.keys() == stored(told, CARDS).keys() == {"B1"}


@pytest.mark.parametrize("end", ["forfeited", "cancelled"])
def test_what_comes_back_is_owed_no_more(database: Database, end: str):
    last: Command = (
        ForfeitClaim(id="C1", reason="no account", at=day(165))
        if end == "forfeited"
        else CancelPayout(id="C1", reason="brushing", at=day(165))
    )
    story = (*STORY[:16], last)
    assert write(database, story) == len(facts(*story))
    Engine(database, (CARDS, PET_FUND, FUND_DUES)).catch_up()
    # What the buyer cannot take falls to the fund, and what was still due of the claim is due no more.
    assert balances(database) == (0, 0, 0)
    assert books.balances(database, "buyer_payable:B1")["CNY"] == 0
    view = fund_view(database)
    assert view.available == books.balances(database, "pet_fund")["CNY"]
    assert sum(view.came.values()) - sum(view.went.values()) == view.available


def test_a_model_that_is_not_built_says_so(database: Database):
    write(database, STORY[:3])
    with pytest.raises(ProjectionBehind):
        card_view(database, "B1", 0)
