"""Stories of incidents: declared, listed, approved by two people, granted once, paid and closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import policies
from ledger.decisions.claim import FileClaim
from ledger.decisions.fund import Contribute, Fund
from ledger.decisions.funding import Due
from ledger.decisions.incident import (
    AddMembers,
    ApproveBatch,
    CloseIncident,
    DeclareIncident,
    ExcludeMember,
    GrantCompensation,
    Incident,
    Listed,
    Member,
    OpenBatch,
    PayCompensation,
    ReportFailure,
)
from ledger.decisions.order import OrderLine, PayOrder
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import (
    AlreadyExists,
    IncidentShort,
    LedgerError,
    Malformed,
    SameApprover,
    UnknownIncident,
    UnknownPolicy,
    WrongState,
)
from ledger.events.claim import ClaimFunded, FundingShortfallRecorded, Parts
from ledger.events.fund import PetFundContributed
from ledger.events.incident import (
    BatchApproved,
    BatchClosed,
    BatchFunded,
    BatchOpened,
    IncidentCompensationFailed,
    IncidentCompensationGranted,
    IncidentCompensationPaid,
    IncidentDeclared,
    MemberAdded,
    MemberExcluded,
)
from ledger.events.recourse import RecourseOpened, RecourseRecovered
from ledger.events.shop import ShopRestricted
from tests.ledger.assured import terms
from tests.ledger.stories import PLACE, START, Has, Ledger, Row, Step, but, has, stories, tell

SUM = 52_000
TERMS = but(policies.shipped()["incident-2021-06"], force=True, reason="the first terms")
GIVE = Contribute(amount=3 * SUM)
DECLARE = DeclareIncident(id="i1", title="Sugar water", cause="birds-nest", shop="s1")
OPEN = OpenBatch(id="i1")
BUYERS = ("b1", "b2", "b3")
ADD = AddMembers(id="i1", members=(Listed(buyer="b1", order="p:1"), Listed(buyer="b2"), Listed(buyer="b3")))
EXCLUDE = ExcludeMember(id="i1", buyer="b3", reason="bought elsewhere")
ANN, BOB = ApproveBatch(id="i1", by="ann"), ApproveBatch(id="i1", by="bob")
GRANT = GrantCompensation(id="i1", buyers=BUYERS)
PAY = PayCompensation(id="i1", buyers=BUYERS)
FAIL = ReportFailure(id="i1", buyer="b1", transfer="incident/i1/b1/1", reason="account closed")
CLOSE = CloseIncident(id="i1")

KNOWN: tuple[Step, ...] = (TERMS, DECLARE)
OPENED = (*KNOWN, OPEN)
LISTED = (*OPENED, ADD)
FUNDED = (GIVE, *LISTED)
APPROVED = (*FUNDED, ANN, BOB)
GRANTED = (*APPROVED, GRANT)
SHORT = (but(GIVE, amount=100_000), *LISTED, ANN, BOB)
NOTHING = ()


def granted(buyer: str) -> IncidentCompensationGranted:
    return IncidentCompensationGranted("i1", buyer, "CNY", SUM)


def paid(buyer: str, attempt: int = 1) -> IncidentCompensationPaid:
    return IncidentCompensationPaid("i1", buyer, "CNY", SUM, f"incident/i1/{buyer}/{attempt}")


def short(due: int) -> Has:
    return has(FundingShortfallRecorded, claim="incident/i1", basis="batch", due=due)


LISTING: dict[str, Row] = {
    "declared": ((TERMS,), DECLARE,
        [IncidentDeclared("Sugar water", "birds-nest", "s1", "CNY", SUM, 2, "2021-06")]),
    "declared again": (KNOWN, DECLARE, NOTHING),
    "declared otherwise": (KNOWN, but(DECLARE, cause="tea"), AlreadyExists),
    "declared by another title": (KNOWN, but(DECLARE, title="Tea"), AlreadyExists),
    "without terms": ((), DECLARE, UnknownPolicy),
    "opened": (KNOWN, OPEN, [BatchOpened()]),
    "opened again": (OPENED, OPEN, NOTHING),
    "opened after approval": (APPROVED, OPEN, WrongState),
    "nothing to open": ((TERMS,), OPEN, UnknownIncident),
    "members": (OPENED, ADD,
        [MemberAdded("i1", "b1", "p:1"), MemberAdded("i1", "b2"), MemberAdded("i1", "b3")]),
    "members before it is open": (KNOWN, ADD, WrongState),
    "listed again": (LISTED, ADD, NOTHING),
    "listed twice at once": (OPENED, but(ADD, members=(Listed(buyer="b1"), Listed(buyer="b1", order="p:2"))),
        [MemberAdded("i1", "b1")]),
    "after the first approval": ((*FUNDED, ANN), but(ADD, members=(Listed(buyer="b9"),)), WrongState),
    "excluded": (LISTED, EXCLUDE, [MemberExcluded("i1", "b3", "bought elsewhere")]),
    "excluded again": ((*LISTED, EXCLUDE), EXCLUDE, NOTHING),
    "excluded and listed again": ((*LISTED, EXCLUDE), ADD, NOTHING),
    "excluded who is no member": (LISTED, but(EXCLUDE, buyer="b9"), WrongState),
    "excluded who received it": (GRANTED, EXCLUDE, WrongState),
}  # fmt: skip


@stories(LISTING)
def test_listing(given, when, then):
    tell(given, when, then)


APPROVING: dict[str, Row] = {
    "the first reserves nothing": (FUNDED, ANN, [BatchApproved("i1", "ann", 1, 2, 3, "CNY", 3 * SUM)]),
    "the second reserves": ((*FUNDED, ANN), BOB,
        [BatchApproved("i1", "bob", 2, 2, 3, "CNY", 3 * SUM, 3 * SUM)]),
    "the same person": ((*FUNDED, ANN), ANN, SameApprover),
    "nobody": (FUNDED, but(ANN, by=""), Malformed),
    "again": (APPROVED, BOB, NOTHING),
    "a third": (APPROVED, but(BOB, by="cyd"), WrongState),
    "an empty list": (OPENED, ANN, WrongState),
    "before it is open": (KNOWN, ANN, WrongState),
    "without those excluded": ((*FUNDED, ANN, EXCLUDE), BOB,
        [BatchApproved("i1", "bob", 2, 2, 2, "CNY", 2 * SUM, 2 * SUM)]),
    "more than the fund holds": ((*SHORT[:-2], ANN), BOB,
        [BatchApproved("i1", "bob", 2, 2, 3, "CNY", 3 * SUM, 100_000), short(56_000)]),
    "an empty fund": ((*LISTED, ANN), BOB,
        [BatchApproved("i1", "bob", 2, 2, 3, "CNY", 3 * SUM, 0), short(3 * SUM)]),
    "what comes in then is reserved": (SHORT, but(GIVE, amount=50_000),
        [PetFundContributed("CNY", 50_000), BatchFunded("i1", "CNY", 50_000), short(6_000)]),
    "until it is enough": ((*SHORT, but(GIVE, amount=50_000)), but(GIVE, amount=50_000),
        [PetFundContributed("CNY", 50_000), BatchFunded("i1", "CNY", 6_000), short(0)]),
}  # fmt: skip


@stories(APPROVING)
def test_approving(given, when, then):
    tell(given, when, then)


GRANTING: dict[str, Row] = {
    "granted": (APPROVED, GRANT, [granted(buyer) for buyer in BUYERS]),
    "granted again": (GRANTED, GRANT, NOTHING),
    "named twice": (APPROVED, but(GRANT, buyers=("b1", "b1")), [granted("b1")]),
    "the rest": ((*APPROVED, but(GRANT, buyers=("b2",))), GRANT, [granted("b1"), granted("b3")]),
    "who is no member": (APPROVED, but(GRANT, buyers=("b1", "b9")), WrongState),
    "who was excluded": ((*APPROVED, EXCLUDE), GRANT, WrongState),
    "before the second approval": ((*FUNDED, ANN), GRANT, WrongState),
    "more than is reserved": (SHORT, GRANT, IncidentShort),
    "after it was given up": ((*FUNDED, CLOSE), GRANT, WrongState),
    "again after it is closed": ((*GRANTED, CLOSE), GRANT, NOTHING),
    "as far as it is reserved": (SHORT, but(GRANT, buyers=("b1",)), [granted("b1")]),
    "paid": (GRANTED, PAY, [paid(buyer) for buyer in BUYERS]),
    "paid again": ((*GRANTED, PAY), PAY, NOTHING),
    "paid before it is granted": (APPROVED, PAY, WrongState),
    "failed": ((*GRANTED, PAY), FAIL,
        [IncidentCompensationFailed("i1", "b1", "CNY", SUM, "incident/i1/b1/1", "account closed")]),
    "failed again": ((*GRANTED, PAY, FAIL), FAIL, NOTHING),
    "failed before it was sent": (GRANTED, FAIL, WrongState),
    "sent again": ((*GRANTED, PAY, FAIL), PAY, [paid("b1", 2)]),
    "an old number": ((*GRANTED, PAY, FAIL, PAY), FAIL, WrongState),
}  # fmt: skip


@stories(GRANTING)
def test_granting(given, when, then):
    tell(given, when, then)


RECOURSE = RecourseOpened("incident/i1", "s1", "CNY", 3 * SUM)
DEPOSITED = (OpenShop(id="s1"), PayDeposit(id="s1", amount=100_000))
NO_SHOP = (GIVE, TERMS, but(DECLARE, shop=""), *FUNDED[3:], ANN, BOB, EXCLUDE)

CLOSING: dict[str, Row] = {
    "closed": (GRANTED, CLOSE,
        [BatchClosed("i1", "CNY", 3 * SUM, 0), RECOURSE, has(ShopRestricted, cause="deposit")]),
    "the shop's deposit makes good": ((*DEPOSITED, *GRANTED), CLOSE,
        [BatchClosed("i1", "CNY", 3 * SUM, 0), RECOURSE,
         RecourseRecovered("incident/i1", "s1", "CNY", 0, 100_000), has(ShopRestricted, cause="deposit")]),
    "unused is free again": ((*NO_SHOP, but(GRANT, buyers=BUYERS[:2])), CLOSE,
        [BatchClosed("i1", "CNY", 2 * SUM, SUM)]),
    "somebody waits": (APPROVED, CLOSE, WrongState),
    "closed again": ((*GRANTED, CLOSE), CLOSE, NOTHING),
    "given up before approval": (FUNDED, CLOSE, [BatchClosed("i1", "CNY", 0, 0)]),
    "what stays due is not needed": ((*SHORT, EXCLUDE, but(EXCLUDE, buyer="b2"), but(GRANT, buyers=("b1",))),
        CLOSE,
        [BatchClosed("i1", "CNY", SUM, 48_000), short(0), has(RecourseOpened, amount=SUM),
         has(ShopRestricted)]),
    "paid after it is closed": ((*GRANTED, CLOSE), PAY, [paid(buyer) for buyer in BUYERS]),
}  # fmt: skip


@stories(CLOSING)
def test_closing(given, when, then):
    tell(given, when, then)


def test_the_money_of_an_incident():
    ledger = Ledger((*DEPOSITED, *GRANTED, PAY, FAIL, CLOSE))
    assert ledger.balances() == {
        "bank": 100_000 - 2 * SUM,
        "platform_contribution": 3 * SUM,
        "buyer_payable:b1": SUM,
        "pet_fund": 100_000,
        "fund_recourse_claim:s1": 3 * SUM - 100_000,
        "recourse_receivable:s1": 3 * SUM - 100_000,
    }
    assert ledger.used()["incident-paid/i1/b1"] == SUM
    assert (ledger.used()["incident-members/i1"], ledger.used()["incident-granted/i1"]) == (3, 3)


def test_dues_of_an_incident_leave_the_queue():
    ledger = Ledger((*SHORT, but(GIVE, amount=3 * SUM), GRANT))
    assert not ledger.state("fund-pet").dues
    assert ledger.balance("pet_fund") == 100_000


@pytest.mark.parametrize("times", [1, 2])
def test_listed_twice_is_paid_once(times: int):
    twice = AddMembers(id="i1", members=(Listed(buyer="b1"),) * times)
    steps = (GIVE, *OPENED, twice, twice, ANN, BOB, but(GRANT, buyers=("b1",)), but(GRANT, buyers=("b1",)))
    assert Ledger(steps).balance("buyer_payable:b1") == SUM


def listed(*buyers: str) -> AddMembers:
    return AddMembers(id="i1", members=tuple(Listed(buyer=buyer) for buyer in buyers))


some = st.lists(st.sampled_from(["b1", "b2", "b3", "b4"]), min_size=1, max_size=4).map(tuple)
anything = st.one_of(
    st.integers(1, 3 * SUM).map(lambda amount: but(GIVE, amount=amount)),
    some.map(lambda buyers: listed(*buyers)),
    some.map(lambda buyers: but(EXCLUDE, buyer=buyers[0])),
    st.sampled_from([DECLARE, OPEN, ANN, BOB, CLOSE]),
    some.map(lambda buyers: but(GRANT, buyers=buyers)),
    some.map(lambda buyers: but(PAY, buyers=buyers)),
    st.tuples(some, st.integers(1, 2)).map(
        lambda named: but(FAIL, buyer=named[0][0], transfer=f"incident/i1/{named[0][0]}/{named[1]}")
    ),
)


@given(st.sampled_from([(), (ADD,), (ADD, ANN, BOB)]), st.lists(anything, max_size=25))
def test_whatever_is_done_everybody_is_owed_once_and_the_fund_is_whole(
    begun: tuple[Step, ...], steps: list[Step]
):
    ledger = Ledger((TERMS, DECLARE, OPEN))
    given_ = 0
    for step in (*begun, *steps):
        found = ledger.try_(step)
        if isinstance(step, Contribute):
            given_ += step.amount
        assert not isinstance(found, LedgerError) or isinstance(
            found, WrongState | IncidentShort | SameApprover
        )
        balances = ledger.balances()
        reserved, free = balances.get("pet_fund_reserved:i1", 0), ledger.balance("pet_fund")
        granted_ = sum(
            amount for subject, amount in ledger.used().items() if subject.startswith("incident-paid/")
        )
        assert granted_ == SUM * ledger.used().get("incident-granted/i1", 0)
        assert free + reserved + granted_ == given_
        assert all(
            amount in {0, SUM} for account, amount in balances.items() if account.startswith("buyer_payable")
        )
        due = sum(each.amount for each in ledger.state("fund-pet").dues)
        assert not (due and free), "who waits is served as soon as there is money"
        decided = [fact.amount for fact in approvals(ledger)]
        if decided and ledger.state("incident-i1").status == "approved":
            assert reserved + granted_ + due == decided[-1]


def approvals(ledger: Ledger) -> list[BatchApproved]:
    """The last approvals of a batch."""
    facts = [recorded.fact for recorded in ledger.memory.facts]
    return [fact for fact in facts if isinstance(fact, BatchApproved) and fact.number == fact.approvals]


ONE_IS_ENOUGH = terms("incident-2021-06", approvals=1)
ONE_BUYER = but(ADD, members=(Listed(buyer="b1"),))
DUE = (but(GIVE, amount=10), *LISTED, but(ANN, at=START), but(BOB, at=START))
CLAIMED = (
    terms("counterfeit-2021-06"),
    OpenShop(id="s2"),
    OpenBenefit(id="s2", benefit="counterfeit"),
    but(PLACE, shop="s2", lines=(OrderLine(sku="cup", amount=100),)),
    PayOrder(id="p:1", cash=100),
    FileClaim(id="c1", order="p:1", benefit="counterfeit"),
)


@stories({
    "one approval is enough": ((but(ONE_IS_ENOUGH),), DECLARE, [
        IncidentDeclared("Sugar water", "birds-nest", "s1", "CNY", 52_000, 1, "2021-06"),
    ]),
    "no approval is not enough": ((terms("incident-2021-06", approvals=0),), DECLARE, [
        IncidentDeclared("Sugar water", "birds-nest", "s1", "CNY", 52_000, 1, "2021-06"),
    ]),
    "opened, with a reason": (KNOWN, but(OPEN, reason="many called"), [BatchOpened("many called")]),
    "what is due of a batch, in full": ((but(GIVE, amount=10), *LISTED, ANN), but(BOB, at=START), [
        BatchApproved("i1", "bob", 2, 2, 3, "CNY", 156_000, 10),
        FundingShortfallRecorded("incident/i1", "", "CNY", "batch", 1_622_505_600_000_000, 155_990,
            ("fund",)),
    ]),
    "what comes in, in full": (DUE, but(GIVE, amount=20), [
        PetFundContributed("CNY", 20),
        BatchFunded("i1", "CNY", 20),
        FundingShortfallRecorded("incident/i1", "", "CNY", "batch", 1_622_505_600_000_000, 155_970,
            ("fund",)),
    ]),
    "nothing is due any more": (
        (*DUE, EXCLUDE, but(EXCLUDE, buyer="b2"), but(EXCLUDE, buyer="b1")),
        but(CLOSE, at=START), [
            BatchClosed("i1", "CNY", 0, 10),
            FundingShortfallRecorded("incident/i1", "", "CNY", "batch", 1_622_505_600_000_000, 0, ("fund",)),
        ]),
    "what is free pays who waits": (
        (*CLAIMED, *FUNDED, ANN, BOB, EXCLUDE, but(GRANT, buyers=("b1", "b2")), UpholdClaim(id="c1")),
        CLOSE, [
            BatchClosed("i1", "CNY", 104_000, 52_000),
            RecourseOpened("incident/i1", "s1", "CNY", 104_000),
            ClaimFunded("c1", "p:1", "s2", "b1", "", "CNY", Parts(fund=1_000), 1_000),
            RecourseOpened("c1", "s2", "CNY", 1_000),
            FundingShortfallRecorded("c1", "s2", "CNY", "contract", 1_622_563_200_000_000, 0, ("deposit",
                "fund")),
            ShopRestricted("deposit", "Its deposit does not cover its claims."),
        ]),
    "closed, in full": (GRANTED, CLOSE, [
        BatchClosed("i1", "CNY", 156_000, 0),
        RecourseOpened("incident/i1", "s1", "CNY", 156_000),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "the rest is paid, whoever has theirs": ((*GRANTED, but(PAY, buyers=("b1",))), PAY, [
        IncidentCompensationPaid("i1", "b2", "CNY", 52_000, "incident/i1/b2/1"),
        IncidentCompensationPaid("i1", "b3", "CNY", 52_000, "incident/i1/b3/1"),
    ]),
    "failed after it was closed": ((*GRANTED, PAY, CLOSE), FAIL, [
        IncidentCompensationFailed("i1", "b1", "CNY", 52_000, "incident/i1/b1/1", "account closed"),
    ]),
    "failed before it was approved": (FUNDED, FAIL, WrongState),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        KNOWN, "incident-i1",
        Incident(status="declared", title="Sugar water", cause="birds-nest", shop="s1", currency="CNY",
            amount=52_000, approvals=2),
        id="declared"),
    pytest.param(
        APPROVED, "incident-i1",
        Incident(status="approved", title="Sugar water", cause="birds-nest", shop="s1", currency="CNY",
            amount=52_000, approvals=2, approvers=("ann", "bob")),
        id="approved"),
    pytest.param(
        (*GRANTED, CLOSE), "incident-i1",
        Incident(status="closed", title="Sugar water", cause="birds-nest", shop="s1", currency="CNY",
            amount=52_000, approvals=2, approvers=("ann", "bob")),
        id="closed"),
    pytest.param(
        DUE, "fund-pet",
        Fund(dues=(Due(rank=2, decided_at=1_622_505_600_000_000, claim="incident/i1", shop="", currency="CNY",
            amount=155_990, payers=("fund",)),)),
        id="what is due of a batch"),
    pytest.param(
        (*GRANTED, PAY, FAIL, PAY), "member-i1:b1",
        Member(status="paid", transfer="incident/i1/b1/2", attempts=2),
        id="sent again"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known
