"""Whatever happens to claims, and in whatever order: money leads back to decisions, and nobody pays twice."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.decisions.base import Command
from ledger.decisions.claim import ClaimItem, WithdrawClaim
from ledger.decisions.fine import CollectFine
from ledger.decisions.fund import Contribute
from ledger.decisions.funding import WriteOffRecourse
from ledger.decisions.order import OrderLine, SettleOrder, VoidOrder
from ledger.decisions.payout import (
    CancelPayout,
    ConfirmPayment,
    FailPayment,
    ForfeitClaim,
    MarkUnknown,
    OpenRecovery,
    PayClaim,
    RecoverPayout,
)
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.shop import PayDeposit, PayOutShop
from ledger.decisions.verdict import AppealClaim, DecideAppeal, RejectClaim
from ledger.errors import LedgerError
from tests.ledger.stories import Ledger, Reported, Step, asked, refunded
from tests.ledger.test_claim import JUNE, LATER, NOVEMBER, SHOP, file, order, uphold

CUPS = OrderLine(sku="cup", quantity=2, amount=9_999)
WORLD: tuple[Step, ...] = (
    *SHOP,
    *order(CUPS, cash=9_999, at=NOVEMBER, id_="p:1"),
    *order(CUPS, OrderLine(sku="pot", amount=5_000), cash=14_999, at=JUNE, id_="p:2"),
    file("c1", order="p:1", items=(ClaimItem(line=1, units=(1,)),)),
    file("c2", order="p:1", items=(ClaimItem(line=1, units=(2,)),)),
    file("c3", order="p:2"),
)
IDS = ("c1", "c2", "c3", "c4")
ORDERS = ("p:1", "p:2")

ids, orders = st.sampled_from(IDS), st.sampled_from(ORDERS)
sums = st.sampled_from((1, 999, 20_000, 100_000))


def told(command: Callable[..., Command], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Command]:
    return st.builds(command, **fields)


why = st.just("because")
items = st.sampled_from(((), (ClaimItem(line=1, units=(1,)),), (ClaimItem(line=1, units=(2,)),)))
filings = st.builds(file, id_=ids, order=orders, items=items)
upholding = st.builds(
    uphold,
    id_=ids,
    amount=st.sampled_from((None, None, 0, 100)),
    fault=st.sampled_from(("shop", "shop", "platform")),
)
transfers = st.sampled_from(tuple(f"{id_}/{number}" for id_ in IDS for number in (1, 2)))
STEPS: st.SearchStrategy[Step] = st.one_of(
    filings,
    *[upholding] * 4,
    *[told(PayClaim, id=ids)] * 4,
    told(Contribute, amount=sums),
    told(PayDeposit, id=st.just("s1"), amount=sums),
    told(RejectClaim, id=ids, reason=why),
    told(WithdrawClaim, id=ids),
    told(AppealClaim, id=ids, by=st.sampled_from(("buyer", "shop")), reason=why),
    told(
        DecideAppeal,
        id=ids,
        outcome=st.sampled_from(("denied", "raised", "overturned")),
        recover=st.booleans(),
        reason=why,
    ),
    told(FailPayment, id=ids, transfer=transfers),
    told(ConfirmPayment, id=ids, transfer=transfers),
    told(MarkUnknown, id=ids, transfer=transfers),
    told(ForfeitClaim, id=ids, reason=why),
    told(CancelPayout, id=ids, reason=why),
    told(OpenRecovery, id=ids, reason=why),
    told(RecoverPayout, id=ids, amount=st.sampled_from((None, 50, 10_000))),
    told(VoidOrder, id=orders, reason=why),
    told(WriteOffRecourse, id=st.just("s1"), claim=ids, reason=why),
    told(PayOutShop, id=st.just("s1")),
    st.builds(lambda id_: Reported(SettleOrder(id=id_, commission=500)), orders),
    st.builds(lambda id_: asked(f"r-{id_}", 700, id_), orders),
    st.builds(lambda id_: refunded(f"r-{id_}")[1], orders),
    st.builds(lambda id_: refunded(f"r-{id_}")[2], orders),
    st.just(ImposePenalty(id="x", party="shop", party_id="s1", currency="CNY", fine=9_000, reason="fakes")),
    st.just(CollectFine(id="x", at=LATER)),
)


def check(ledger: Ledger) -> None:
    """What holds after every step."""
    claims = {id_: ledger.state(f"claim-{id_}") for id_ in IDS}
    used = ledger.used()
    for id_, claim in claims.items():
        assert 0 <= claim.paid <= claim.funded <= claim.decided + claim.recovered, (id_, claim)
        assert claim.funded == claim.parts.total - claim.returned.total + claim.recovered - claim.forfeited
        assert used.get(f"paid/{id_}", 0) == claim.paid
        assert used.get(f"recovery/{id_}", 0) == claim.owed_back == ledger.balance(f"recovery_suspense:{id_}")
        assert sum(used.get(f"live/{guard}", 0) for guard in claim.live) == len(claim.live)
    assert ledger.balance("buyer_payable:b1") == sum(claim.payable for claim in claims.values())
    assert ledger.balance("buyer_receivable:b1") == sum(claim.owed_back for claim in claims.values())
    shop = ledger.state("shop-s1")
    held = sum(recourse.amount for recourse in shop.recourses)
    assert ledger.balance("recourse_receivable:s1") == ledger.balance("fund_recourse_claim:s1") == held
    assert used.get("open-claims/s1", 0) == sum(claim.open for claim in claims.values())
    dues = {due.claim: due.amount for due in ledger.state("fund-pet").dues}
    short = {id_: claim.unfunded for id_, claim in claims.items() if claim.unfunded}
    assert dues == short
    if dues:
        # Whoever could pay has paid.
        assert ledger.balance("pet_fund") == 0
        assert shop.restricted or all(claims[id_].fault != "shop" for id_ in dues)
    paid_for = [guard for claim in claims.values() for guard in claim.paid_for]
    assert len(paid_for) == len(set(paid_for))
    for name, amount in ledger.balances().items():
        if name.startswith(("pet_fund", "shop_deposit", "order_escrow", "buyer_payable", "penalty_held")):
            assert amount >= 0


@settings(deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_claims_in_any_order(steps: list[Step]):
    ledger = Ledger(WORLD)
    for step in steps:
        found = ledger.try_(step)
        if not isinstance(found, LedgerError):
            check(ledger)
