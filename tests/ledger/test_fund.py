"""Stories of the pet fund: what is given to it, and who is waiting for that."""

from ledger import policies
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fund import Contribute
from ledger.decisions.incident import AddMembers, ApproveBatch, DeclareIncident, Listed, OpenBatch
from ledger.errors import InsufficientFunds, InvalidAmount, InvalidCurrency
from ledger.events.fund import PetFundContributed
from tests.ledger.stories import Ledger, Row, but, stories, tell

TERMS = but(policies.shipped()["incident-2021-06"], force=True, reason="the first terms")
GIVE = Contribute(amount=1_000, reason="opening")

GIVING: dict[str, Row] = {
    "a contribution": ((), GIVE, [PetFundContributed("CNY", 1_000, "opening")]),
    "and another": ((GIVE,), GIVE, [PetFundContributed("CNY", 1_000, "opening")]),
    "in another currency": ((), but(GIVE, currency="USD"), [PetFundContributed("USD", 1_000, "opening")]),
    "of nothing": ((), but(GIVE, amount=0), InvalidAmount),
    "too large": ((), but(GIVE, amount=2**53), InvalidAmount),
    "in no currency": ((), but(GIVE, currency="money"), InvalidCurrency),
}


@stories(GIVING)
def test_giving(given, when, then):
    tell(given, when, then)


def test_the_fund_holds_what_it_was_given():
    ledger = Ledger((GIVE, GIVE, but(GIVE, amount=7, currency="USD")))
    assert ledger.balances() == {"pet_fund": 2_000, "platform_contribution": 2_000}
    assert ledger.balances("USD") == {"pet_fund": 7, "platform_contribution": 7}


def test_a_contribution_can_be_taken_back_as_far_as_it_is_there():
    ledger = Ledger((GIVE, RecordCorrection(id="1", reason="twice")))
    assert not ledger.balances()
    listed = AddMembers(id="i1", members=(Listed(buyer="b1"),))
    spent = (GIVE, TERMS, DeclareIncident(id="i1", title="x", cause="y"), OpenBatch(id="i1"), listed)
    approved = (*spent, ApproveBatch(id="i1", by="ann"), ApproveBatch(id="i1", by="bob"))
    tell(approved, RecordCorrection(id="1", reason="twice"), InsufficientFunds)
