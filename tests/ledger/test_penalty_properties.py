"""Whatever happens to a penalty in whatever order: no money is lost, and nobody gets more than was paid."""

import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from ledger.decisions.appeal import AppealPenalty, DenyAppeal, OverturnPenalty, RecordAppeal, VaryPenalty
from ledger.decisions.base import Command
from ledger.decisions.fine import (
    CollectFine,
    FinalizePenalty,
    PayFine,
    PublishShare,
    ReleaseFine,
    ReturnFine,
    ReturnOverpayment,
)
from ledger.decisions.fund import Contribute
from ledger.decisions.penalty import AddFee, ImposePenalty, IncreasePenalty, Penalty
from ledger.decisions.shop import OpenShop, PayDeposit
from tests.ledger.stories import Ledger, Reported, Step, but

SUMS = st.integers(1, 300)
INSTANCES = st.sampled_from(["first", "second", "prefecture", "judge"])
NAMED = {"id": st.just("n1")}
NATIVE = st.one_of(
    st.builds(PayDeposit, id=st.just("s1"), amount=SUMS),
    st.builds(CollectFine, **NAMED),
    st.builds(PayFine, **NAMED, amount=SUMS),
    st.builds(AddFee, **NAMED, amount=SUMS),
    st.builds(IncreasePenalty, **NAMED, total=SUMS),
    st.builds(AppealPenalty, **NAMED, instance=INSTANCES),
    st.builds(DenyAppeal, **NAMED),
    st.builds(VaryPenalty, **NAMED, total=SUMS),
    st.builds(OverturnPenalty, **NAMED),
    st.builds(FinalizePenalty, **NAMED),
    st.builds(ReleaseFine, **NAMED),
    st.builds(ReturnFine, **NAMED),
    st.builds(ReturnOverpayment, **NAMED),
    st.builds(PublishShare, rate_bp=st.integers(0, 10_000)),
)
RULINGS = st.builds(
    RecordAppeal,
    **NAMED,
    instance=INSTANCES,
    step=st.just("forwarded"),
    ruling=st.sampled_from(["upheld", "denied"]),
    sequence=st.integers(0, 9),
)
FOREIGN = st.one_of(NATIVE.map(Reported), RULINGS)
IMPOSE = ImposePenalty(id="n1", party="shop", party_id="s1", fine=200, reason="fakes")


@given(st.lists(st.one_of(NATIVE, NATIVE, FOREIGN), max_size=25))
def test_the_money_of_a_penalty(steps: list[Step]):
    ledger = Ledger((OpenShop(id="s1"), Contribute(amount=50), IMPOSE))
    for step in steps:
        ledger.try_(step)
        check(ledger)


def check(ledger: Ledger) -> None:
    penalty: Penalty = ledger.state("penalty-n1")
    assert penalty.held == ledger.balance("penalty_held:n1")
    assert min(penalty.held, penalty.kept, penalty.to_fund, penalty.to_platform) >= 0
    assert penalty.restored <= penalty.collected
    assert penalty.returned <= penalty.paid
    assert penalty.kept <= penalty.due or penalty.excess > 0
    assert ledger.used().get("fine-returned/n1", 0) == penalty.restored + penalty.returned
    # What is to be returned by bank is there to be returned, and nobody else's.
    assert penalty.owed_back + penalty.overpaid <= penalty.held
    assert ledger.balance("platform_fines") == penalty.to_platform
    deposits = [r.fact.amount for r in ledger.memory.facts if r.fact.TOPIC == "deposit-paid"]  # type: ignore[attr-defined]
    assert ledger.balance("shop_deposit:s1") == sum(deposits) - penalty.collected + penalty.restored
    assert {due.penalty: due.due for due in ledger.state("shop-s1").fines} == (
        {"n1": penalty.outstanding} if penalty.outstanding else {}
    )


def _as_report(place: int, command: Command) -> st.SearchStrategy[Step]:
    return st.just(Reported(command, version=place))


def reports(count: int) -> st.SearchStrategy[list[Step]]:
    """So many reports, each with a place of its own in the source's order; the penalty is among them."""
    each = [
        st.one_of(
            st.builds(PayFine, **NAMED, amount=SUMS),
            st.builds(AddFee, **NAMED, amount=SUMS),
            st.builds(IncreasePenalty, **NAMED, total=SUMS, sequence=st.just(place)),
            st.builds(but, RULINGS, sequence=st.just(place)),
        ).flatmap(partial(_as_report, place))
        for place in range(1, count + 1)
    ]
    return st.tuples(*each).map(lambda found: [Reported(IMPOSE), *found])


@given(reports(6), st.randoms(use_true_random=False))
def test_reports_in_any_order(steps: list[Step], chance: random.Random):
    """Which report came first makes no difference to the end."""
    shuffled = list(steps)
    chance.shuffle(shuffled)
    ends = []
    for order in (steps, shuffled):
        ledger = Ledger(order)
        penalty = ledger.state("penalty-n1")
        decided = tuple(sorted(penalty.decided))
        ends.append((but(penalty, decided=decided, imposed_at=0), ledger.balances()))
    assert ends[0] == ends[1]
