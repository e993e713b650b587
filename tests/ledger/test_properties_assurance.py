"""Whatever is asked of the whole catalogue, in any order: what the facts say by hand holds after every step.

The witness here hears the facts alone. It keeps its own table of what each of them moves, and its own account
of claims, penalties, refunds and the fund; it knows nothing of decisions, postings or states.
"""

import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ledger.codec import CODEC
from ledger.decisions.base import COMMANDS, replay
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.payout import FailPayment, OpenRecovery, PayClaim, RecoverPayout
from ledger.decisions.refund import CompleteRefund
from ledger.errors import AlreadyCompensated, LedgerError
from ledger.events.base import Recorded
from tests.ledger.stories import Ledger, Reported, Step, gave
from tests.ledger.test_claim import BOUGHT, SHOP, UPHELD, file, fund
from tests.ledger.test_properties_world import SAID, Told, World, beginning

# What each fact moves, by hand: account and change of its natural balance.

Moves = list[tuple[str, int]]
Account = tuple[str, str]
"""Its name and its currency."""

ASSETS_AND_EXPENSES = """
    bank refund_advance recourse_receivable buyer_receivable import_suspense platform_coupon
    platform_contribution platform_backstop appraisal_fee trust_subsidy
""".split()
NEVER_BELOW_ZERO = """
    order_escrow shop_deposit penalty_held buyer_payable freight_pool warranty_pool pet_fund pet_fund_reserved
""".split()


def payers(fact: Any, sign: int) -> Moves:
    """Those who bear a part of a claim, the backstop as an expense."""
    parts = fact.parts
    return [
        (f"order_escrow:{fact.order}", sign * parts.escrow),
        (f"shop_payable:{fact.shop}", sign * parts.payable),
        (f"shop_deposit:{fact.shop}", sign * parts.deposit),
        (f"lab_payable:{fact.lab}", sign * parts.lab),
        (f"freight_pool:{fact.shop}", sign * parts.freight_pool),
        (f"warranty_pool:{fact.shop}", sign * parts.warranty_pool),
        ("pet_fund", sign * parts.fund),
        ("platform_backstop", -sign * parts.backstop),
    ]


def shares(fact: Any, shop: int) -> Moves:
    """Commission and host share return to the shop, which has `shop` besides."""
    return [
        ("commission", -fact.commission),
        (f"host_payable:{fact.host}", -fact.host_share),
        (f"shop_payable:{fact.shop}", fact.commission + fact.host_share + shop),
    ]


def amended(fact: Any, id_: str) -> Moves:
    escrow = fact.cash_delta + fact.coupon_delta - fact.recounted
    return [
        ("bank", fact.cash_delta),
        ("platform_coupon", fact.coupon_delta),
        ("import_suspense:" + fact.source, -fact.recounted),
        (f"order_escrow:{id_}", escrow + fact.payable + fact.deposit + fact.advance),
        *shares(fact, -fact.payable),
        (f"shop_deposit:{fact.shop}", -fact.deposit),
        (f"refund_advance:{fact.shop}", fact.advance),
    ]


def refunded(fact: Any, _id: str) -> Moves:
    by = fact.bearers
    return [
        ("bank", fact.advanced - fact.cash),
        ("platform_coupon", -fact.coupon),
        (f"order_escrow:{fact.order}", -by.escrow),
        ("commission", -by.commission),
        (f"host_payable:{fact.host}", -by.host),
        (f"shop_payable:{fact.shop}", by.commission + by.host - by.payable),
        (f"shop_deposit:{fact.shop}", -by.deposit),
        (f"refund_advance:{fact.shop}", by.advance),
        (f"import_suspense:{fact.source}", by.suspense),
    ]


def charged_back(sign: int) -> Callable[[Any, str], Moves]:
    return lambda fact, _id: [
        ("bank", -sign * fact.amount),
        (f"order_escrow:{fact.order}", -sign * fact.escrow),
        (f"shop_payable:{fact.shop}", -sign * fact.payable),
        (f"buyer_receivable:{fact.buyer}", sign * fact.refunded),
        (f"import_suspense:{fact.source}", sign * fact.suspense),
    ]


def ruled(fact: Any, id_: str) -> Moves:
    back = fact.back
    return [
        (f"penalty_held:{id_}", back.bank - back.held),
        (f"shop_deposit:{fact.shop}", back.held + back.deposit),
        ("pet_fund", -back.fund),
        ("platform_fines", -back.platform),
        ("platform_backstop", back.backstop),
    ]


def paid_out(party: str) -> Callable[[Any, str], Moves]:
    return lambda fact, _id: [
        (f"{party}_payable:{getattr(fact, party)}", fact.suspense - fact.amount),
        (f"import_suspense:{fact.source}", fact.suspense),
        ("bank", -fact.amount),
    ]


def between(taken: str, given: str, amount: str = "amount") -> Callable[[Any, str], Moves]:
    """Each account ends in the party's field; + or - says whether its natural balance rises or falls."""

    def moves(fact: Any, id_: str) -> Moves:
        fields = {name: getattr(fact, name) for name in fact.__struct_fields__} | {"id": id_}
        sum_ = getattr(fact, amount)
        return [
            (side[1:].format(**fields), sum_ if side[0] == "+" else -sum_) for side in (taken, given) if sum_
        ]

    return moves


MOVES: dict[str, Callable[[Any, str], Moves]] = {
    "order-paid": lambda fact, id_: [
        ("bank", fact.cash), ("platform_coupon", fact.coupon), (f"order_escrow:{id_}", fact.cash + fact.coupon),
    ],
    "order-amended": amended,
    "order-settled": lambda fact, id_: [
        (f"order_escrow:{id_}", -fact.net - fact.host_share - fact.commission),
        (f"shop_payable:{fact.shop}", fact.net),
        (f"host_payable:{fact.host}", fact.host_share),
        ("commission", fact.commission),
    ],
    "shares-restored": lambda fact, id_: [(f"order_escrow:{id_}", -fact.escrow), *shares(fact, fact.escrow)],
    "instant-refund-advanced": between("+refund_advance:{shop}", "-bank"),
    "refund-advance-recovered": lambda fact, _id: [
        (f"order_escrow:{fact.order}", -fact.escrow),
        (f"shop_payable:{fact.shop}", -fact.payable),
        (f"shop_deposit:{fact.shop}", -fact.deposit),
        (f"refund_advance:{fact.shop}", -fact.escrow - fact.payable - fact.deposit),
    ],
    "refund-completed": refunded,
    "claim-funded": lambda fact, _id: [*payers(fact, -1), (f"buyer_payable:{fact.buyer}", fact.parts.total)],
    "compensation-cancelled": lambda fact, _id: [
        *payers(fact, 1), (f"buyer_payable:{fact.buyer}", -fact.parts.total),
    ],
    "compensation-recovered": lambda fact, _id: [
        ("bank", fact.parts.total),
        (f"buyer_receivable:{fact.buyer}", -fact.parts.total),
        (f"recovery_suspense:{fact.claim}", -fact.parts.total),
        *payers(fact, 1),
    ],
    "compensation-paid": between("-buyer_payable:{buyer}", "-bank"),
    "compensation-failed": between("+buyer_payable:{buyer}", "+bank"),
    "compensation-forfeited": between("-buyer_payable:{buyer}", "+pet_fund"),
    "compensation-recovery-opened": between("+buyer_receivable:{buyer}", "+recovery_suspense:{claim}"),
    "recourse-opened": between("+recourse_receivable:{shop}", "+fund_recourse_claim:{shop}"),
    "recourse-recovered": lambda fact, _id: [
        (f"shop_payable:{fact.shop}", -fact.payable),
        (f"shop_deposit:{fact.shop}", -fact.deposit),
        ("pet_fund", fact.payable + fact.deposit),
        (f"recourse_receivable:{fact.shop}", -fact.payable - fact.deposit),
        (f"fund_recourse_claim:{fact.shop}", -fact.payable - fact.deposit),
    ],
    "recourse-released": between("-recourse_receivable:{shop}", "-fund_recourse_claim:{shop}"),
    "recourse-written-off": between("-recourse_receivable:{shop}", "-fund_recourse_claim:{shop}"),
    "deposit-paid": between("+bank", "+shop_deposit:{shop}"),
    "deposit-refunded": between("-bank", "-shop_deposit:{shop}"),
    "shop-paid-out": paid_out("shop"),
    "host-paid-out": paid_out("host"),
    "freight-service-charged": between("-shop_payable:{shop}", "+freight_pool:{shop}"),
    "warranty-service-charged": between("-shop_payable:{shop}", "+warranty_pool:{shop}"),
    "subsidy-granted": between("+trust_subsidy", "+shop_payable:{shop}"),
    "pet-fund-contributed": between("+platform_contribution", "+pet_fund"),
    "batch-approved": between("-pet_fund", "+pet_fund_reserved:{incident}", "reserved"),
    "batch-funded": between("-pet_fund", "+pet_fund_reserved:{incident}"),
    "incident-compensation-granted": between("-pet_fund_reserved:{incident}", "+buyer_payable:{buyer}"),
    "incident-compensation-paid": between("-buyer_payable:{buyer}", "-bank"),
    "incident-compensation-failed": between("+buyer_payable:{buyer}", "+bank"),
    "batch-closed": between("-pet_fund_reserved:{incident}", "+pet_fund", "unused"),
    "chargeback-received": charged_back(1),
    "chargeback-reversed": charged_back(-1),
    "chargeback-repaid": between("+bank", "-buyer_receivable:{buyer}"),
    "fine-collected": between("-shop_deposit:{shop}", "+penalty_held:{id}"),
    "fine-paid": between("+bank", "+penalty_held:{id}"),
    "penalty-overturned": ruled,
    "penalty-varied": ruled,
    "fine-released": lambda fact, id_: [
        (f"penalty_held:{id_}", -fact.fund - fact.platform),
        ("pet_fund", fact.fund),
        ("platform_fines", fact.platform),
    ],
    "fine-returned": between("-penalty_held:{id}", "-bank"),
    "fine-overpayment-returned": between("-penalty_held:{id}", "-bank"),
    "certificate-issued": lambda fact, _id: [
        ("appraisal_fee", fact.platform_fee),
        (f"shop_payable:{fact.shop}", -fact.shop_fee),
        (f"lab_payable:{fact.lab}", fact.platform_fee + fact.shop_fee),
    ],
    "lab-paid": between("-lab_payable:{lab}", "-bank"),
}  # fmt: skip
"""Facts that are not here move nothing."""

# What the fund is fed by and what it spends, of which what is reserved is still its own.
INTO_THE_FUND: dict[str, Callable[[Any], int]] = {
    "pet-fund-contributed": lambda fact: fact.amount,
    "fine-released": lambda fact: fact.fund,
    "recourse-recovered": lambda fact: fact.payable + fact.deposit,
    "compensation-forfeited": lambda fact: fact.amount,
    "compensation-cancelled": lambda fact: fact.parts.fund,
    "compensation-recovered": lambda fact: fact.parts.fund,
}
OUT_OF_THE_FUND: dict[str, Callable[[Any], int]] = {
    "claim-funded": lambda fact: fact.parts.fund,
    "incident-compensation-granted": lambda fact: fact.amount,
    "penalty-overturned": lambda fact: fact.back.fund,
    "penalty-varied": lambda fact: fact.back.fund,
}
RESERVED: dict[str, Callable[[Any], int]] = {
    "batch-approved": lambda fact: fact.reserved,
    "batch-funded": lambda fact: fact.amount,
    "incident-compensation-granted": lambda fact: -fact.amount,
    "batch-closed": lambda fact: -fact.unused,
}


@dataclass
class Asked:
    """A claim by its facts, minor units."""

    order: str
    family: str
    buyer: str
    decided: int = 0
    funded: int = 0
    paid: int = 0
    forfeited: int = 0
    refund: int = 0
    by_fund: int = 0
    held_against: int = 0
    """What the fund bears, and what of it the shop has to make good."""
    units: set[tuple[int, int]] = field(default_factory=set)

    def subjects(self) -> list[tuple[str, int, int, str]]:
        """What it pays for, as long as it pays for anything."""
        if self.decided == self.forfeited and not self.refund:
            return []
        return [(self.order, line, unit, self.family) for line, unit in self.units]


@dataclass
class Back:
    """What may go back of an order or of a line, and what did, minor units."""

    paid: int = 0
    back: int = 0


@dataclass
class Fined:
    """What deposit and bank paid for a penalty, and what went back to each."""

    deposit: int = 0
    bank: int = 0
    to_deposit: int = 0
    to_bank: int = 0


class Witness:
    """Hears facts in their place and says what does not fit what it heard before."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []
        self.streams: dict[str, list[Recorded]] = defaultdict(list)
        self.balances: Counter[Account] = Counter()
        self.fund: Counter[tuple[str, str]] = Counter()
        self.claims: dict[str, Asked] = {}
        self.paid_for: Counter[tuple[str, int, int, str]] = Counter()
        self.transfers: set[str] = set()
        self.refunds: dict[str, Back] = defaultdict(Back)
        self.fines: dict[str, Fined] = defaultdict(Fined)
        self.advanced: dict[str, bool] = {}
        """Orders of which something was advanced, and whether less was paid for them since."""
        self.granted: set[tuple[str, str]] = set()
        self.dues: dict[str, Any] = {}
        self.reserved: Counter[str] = Counter()
        self.changed: set[str] = set()

    def copy(self) -> "Witness":
        """One that has heard the same."""
        other = Witness()
        for recorded in self.facts:
            other.hear(recorded)
        return other

    def hear(self, recorded: Recorded) -> list[tuple[Account, int]]:
        """Take in a fact and check what it alone can break; what it moves, by hand."""
        fact: Any = recorded.fact
        id_ = recorded.stream.partition("-")[2]
        assert recorded.position == len(self.facts) + 1
        self.facts.append(recorded)
        self.streams[recorded.stream].append(recorded)
        assert recorded.version == len(self.streams[recorded.stream])
        topic, sign = fact.TOPIC, 1
        if topic == "correction-recorded":
            fact, sign = self.facts[fact.position - 1].fact, -1
            topic = fact.TOPIC
        moves = MOVES[topic](fact, id_) if topic in MOVES else []
        moved = [((account, fact.currency), sign * sum_) for account, sum_ in moves]
        self.move(recorded, moved)
        self.feed(topic, fact, sign)
        check = getattr(self, "on_" + topic.replace("-", "_"), None)
        if check is not None:
            check(fact, id_, sign)
        return moved

    def move(self, recorded: Recorded, moved: list[tuple[Account, int]]) -> None:
        sides = Counter[bool]()
        for account, sum_ in moved:
            name, currency = account
            self.balances[account] += sum_
            self.reserved[currency] += sum_ if name.startswith("pet_fund_reserved:") else 0
            sides[name.partition(":")[0] in ASSETS_AND_EXPENSES] += sum_
        assert sides[True] == sides[False], f"{recorded.fact} does not balance"
        for account, _ in moved:
            if account[0].partition(":")[0] in NEVER_BELOW_ZERO:
                assert self.balances[account] >= 0, f"{account} after {recorded}"

    def feed(self, topic: str, fact: Any, sign: int) -> None:
        for name, table in (("in", INTO_THE_FUND), ("out", OUT_OF_THE_FUND), ("reserved", RESERVED)):
            if topic in table:
                self.fund[name, fact.currency] += sign * table[topic](fact)
        for currency in ("CNY", "USD"):
            reserved = self.fund["reserved", currency]
            assert self.reserved[currency] == reserved >= 0
            spent = self.fund["out", currency] + reserved
            assert self.balances["pet_fund", currency] == self.fund["in", currency] - spent

    # Claims.

    def on_claim_filed(self, fact: Any, id_: str, _sign: int) -> None:
        assert id_ not in self.claims
        self.claims[id_] = Asked(fact.order, fact.family, fact.buyer)

    def on_claim_upheld(self, fact: Any, id_: str, _sign: int) -> None:
        claim = self.claims[id_]
        assert fact.compensation >= 0
        assert fact.refund >= 0
        assert fact.decided == claim.decided + fact.compensation, "what is decided never shrinks"
        self.change(
            id_,
            decided=fact.decided,
            refund=claim.refund + fact.refund,
            units=claim.units | {(unit.line, unit.unit) for unit in fact.units},
        )

    def change(self, id_: str, **fields: Any) -> None:
        claim = self.claims[id_]
        self.changed.add(id_)
        self.paid_for.subtract(claim.subjects())
        for name, value in fields.items():
            setattr(claim, name, value)
        self.paid_for.update(claim.subjects())
        for subject in claim.subjects():
            assert self.paid_for[subject] == 1, f"{subject} is paid for twice"
        assert 0 <= claim.paid <= claim.funded <= claim.decided, (id_, claim)

    def on_claim_funded(self, fact: Any, id_: str, _sign: int) -> None:
        claim = self.claims[id_]
        self.first_in_the_queue(id_, fact)
        self.change(id_, funded=claim.funded + fact.parts.total, by_fund=claim.by_fund + fact.parts.fund)

    def first_in_the_queue(self, id_: str, fact: Any) -> None:
        """What the fund pays is for whoever is next: law, contract, batch, each by the time of decision."""
        if fact.parts.fund and (due := self.dues.get(id_)) is not None:
            for other in self.dues.values():
                if "fund" in other.payers and other.claim != id_ and other.currency == due.currency:
                    assert rank(due) < rank(other), f"{other} waits longer than {due}"

    def on_compensation_paid(self, fact: Any, id_: str, _sign: int) -> None:
        assert fact.transfer not in self.transfers
        self.transfers.add(fact.transfer)
        self.change(id_, paid=self.claims[id_].paid + fact.amount)

    def on_compensation_failed(self, fact: Any, id_: str, _sign: int) -> None:
        self.change(id_, paid=self.claims[id_].paid - fact.amount)

    def on_compensation_forfeited(self, fact: Any, id_: str, _sign: int) -> None:
        claim = self.claims[id_]
        self.change(id_, funded=claim.funded - fact.amount, forfeited=claim.forfeited + fact.amount)

    def on_compensation_cancelled(self, fact: Any, id_: str, _sign: int) -> None:
        claim = self.claims[id_]
        assert claim.paid <= fact.left <= claim.decided
        self.change(
            id_,
            funded=claim.funded - fact.parts.total,
            decided=fact.left,
            by_fund=claim.by_fund - fact.parts.fund,
        )

    def on_compensation_recovered(self, fact: Any, id_: str, _sign: int) -> None:
        self.change(id_, by_fund=self.claims[id_].by_fund - fact.parts.fund)

    def hold_against(self, claim_id: str, amount: int) -> None:
        """What of an incident a shop makes good is not a claim's."""
        if claim_id in self.claims:
            self.change(claim_id, held_against=self.claims[claim_id].held_against + amount)

    def on_recourse_opened(self, fact: Any, _id: str, _sign: int) -> None:
        self.hold_against(fact.claim, fact.amount)

    def on_recourse_released(self, fact: Any, _id: str, _sign: int) -> None:
        self.hold_against(fact.claim, -fact.amount)

    on_recourse_written_off = on_recourse_released

    def on_recourse_recovered(self, fact: Any, _id: str, _sign: int) -> None:
        amount = fact.payable + fact.deposit
        self.hold_against(fact.claim, -amount)
        if fact.claim in self.claims:
            self.change(fact.claim, by_fund=self.claims[fact.claim].by_fund - amount)

    def on_funding_shortfall_recorded(self, fact: Any, _id: str, _sign: int) -> None:
        self.dues.pop(fact.claim, None)
        if fact.due:
            self.dues[fact.claim] = fact

    def on_incident_compensation_granted(self, fact: Any, _id: str, _sign: int) -> None:
        assert (fact.incident, fact.buyer) not in self.granted
        self.granted.add((fact.incident, fact.buyer))

    # Penalties.

    def on_fine_collected(self, fact: Any, id_: str, _sign: int) -> None:
        self.fines[id_].deposit += fact.amount
        dues = [due for due in self.dues.values() if (due.shop, due.currency) == (fact.shop, fact.currency)]
        first = sum(due.due for due in dues if "deposit" in due.payers)
        held = self.balances[f"shop_deposit:{fact.shop}", fact.currency]
        assert held >= first, "a fine was taken ahead of a claim"

    def on_fine_paid(self, fact: Any, id_: str, _sign: int) -> None:
        self.fines[id_].bank += fact.amount

    def give_back(self, id_: str, to_deposit: int, to_bank: int) -> None:
        fined = self.fines[id_]
        fined.to_deposit += to_deposit
        fined.to_bank += to_bank
        assert 0 <= fined.to_deposit <= fined.deposit, f"{id_}: {fined}"
        assert 0 <= fined.to_deposit + fined.to_bank <= fined.deposit + fined.bank, f"{id_}: {fined}"

    def on_penalty_overturned(self, fact: Any, id_: str, _sign: int) -> None:
        self.give_back(id_, fact.back.held + fact.back.deposit, 0)

    on_penalty_varied = on_penalty_overturned

    def on_fine_returned(self, fact: Any, id_: str, _sign: int) -> None:
        self.give_back(id_, 0, fact.amount)

    on_fine_overpayment_returned = on_fine_returned

    # Refunds.

    def on_order_paid(self, fact: Any, id_: str, _sign: int) -> None:
        self.refunds[id_].paid = fact.cash + fact.coupon
        for number, sums in enumerate(zip(fact.line_cash, fact.line_coupon, strict=True), 1):
            self.refunds[f"{id_}/{number}"].paid = sum(sums)

    def on_instant_refund_advanced(self, fact: Any, _id: str, _sign: int) -> None:
        self.advanced.setdefault(fact.order, False)

    def on_order_amended(self, fact: Any, id_: str, sign: int) -> None:
        if id_ in self.advanced:
            self.advanced[id_] = True
        for name in self.lines(id_):
            self.refunds[name].paid = 0
        self.on_order_paid(fact, id_, sign)
        self.refunds[id_].back += fact.recounted
        for number, change in enumerate(fact.line_recounted, 1):
            self.refunds[f"{id_}/{number}"].back += change
        self.not_too_much(id_)

    def on_refund_completed(self, fact: Any, _id: str, sign: int) -> None:
        if not fact.order or "currency_mismatch" in fact.marks:
            return
        self.refunds[fact.order].back += sign * (fact.cash + fact.coupon - fact.bearers.suspense)
        for line in fact.lines:
            if line.line:
                back = sign * (line.cash + line.coupon - line.over)
                self.refunds[f"{fact.order}/{line.line}"].back += back
        # What was reversed may have let others count for more, which the next fact takes back.
        if sign > 0:
            self.not_too_much(fact.order)

    def on_chargeback_received(self, fact: Any, _id: str, _sign: int) -> None:
        self.refunds[fact.order].back += fact.escrow + fact.payable
        self.not_too_much(fact.order)

    def on_chargeback_reversed(self, fact: Any, _id: str, _sign: int) -> None:
        self.refunds[fact.order].back -= fact.escrow + fact.payable

    def lines(self, order: str) -> list[str]:
        return [name for number in range(1, 100) if (name := f"{order}/{number}") in self.refunds]

    def not_too_much(self, order: str) -> None:
        if self.advanced.get(order):
            return  # What was advanced of it was paid then, whatever the source says now.
        for name in [order, *self.lines(order)]:
            assert 0 <= self.refunds[name].back <= self.refunds[name].paid, f"{name}: {self.refunds[name]}"

    # After a step.

    def at_rest(self) -> None:
        """What holds once a command has been decided."""
        for due in self.dues.values():
            waits = "fund" in due.payers and self.balances["pet_fund", due.currency]
            assert not waits, f"{due} waits, though the fund has {waits}"
        for id_ in self.changed:
            claim = self.claims[id_]
            due = self.dues[id_].due if id_ in self.dues else 0
            assert due == claim.decided - claim.funded - claim.forfeited, (id_, claim, due)
            assert 0 <= claim.held_against <= max(claim.by_fund, 0), (id_, claim)
        self.changed.clear()


def rank(due: Any) -> tuple[int, int, str]:
    return ("law", "contract", "batch").index(due.basis), due.decided_at, due.claim


class Story:
    """A ledger, its witness, and what it was told."""

    def __init__(self, ledger: Told | None = None, witness: Witness | None = None) -> None:
        self.ledger = ledger or Told()
        self.witness = witness or Witness()
        self.steps: list[tuple[int, Step]] = []

    def copy(self) -> "Story":
        return Story(self.ledger.copy(), self.witness.copy())

    def tell(self, step: Step) -> bool:
        """Whether the step was accepted; either way all that must hold is checked."""
        ledger, witness = self.ledger, self.witness
        self.steps.append((ledger.minutes, step))
        facts, transfers = len(ledger.memory.facts), len(ledger.posted)
        before = ledger.known.accounts.copy(), ledger.known.uses.copy()
        try:
            found = ledger.do(step)
        except LedgerError:
            assert (len(ledger.memory.facts), len(ledger.posted)) == (facts, transfers)
            after = (
                ledger.known.accounts,
                {name: used for name, used in ledger.known.uses.items() if any(used)},
            )
            assert after == (before[0], {name: used for name, used in before[1].items() if any(used)})
            return False
        moved: Counter[Account] = Counter()
        for recorded in found:
            for account, sum_ in witness.hear(recorded):
                moved[account] += sum_
            body = CODEC.encode(recorded.envelope, recorded.fact)
            assert CODEC.decode(recorded.fact.TOPIC, body) == (recorded.envelope, recorded.fact)
        for posted in ledger.posted[transfers:]:
            transfer = posted.transfer
            assert transfer.amount > 0
            for name, debited in ((transfer.debit, True), (transfer.credit, False)):
                grows = (name.partition(":")[0] in ASSETS_AND_EXPENSES) is debited
                moved[name, transfer.currency] -= transfer.amount if grows else -transfer.amount
        assert not any(moved.values()), f"booked otherwise than by hand: {moved}"
        for stream in {recorded.stream for recorded in found}:
            assert ledger.known.states[stream] == (
                len(witness.streams[stream]),
                replay(stream, witness.streams[stream]),
            )
        witness.at_rest()
        return bool(found)

    def rest(self) -> None:
        """What is too long to look at after every step: all balances, and all states folded anew."""
        balances = {account: each.balance for account, each in self.ledger.known.accounts.items()}
        assert {account: sum_ for account, sum_ in balances.items() if sum_} == {
            account: sum_ for account, sum_ in self.witness.balances.items() if sum_
        }
        self.owed_to_buyers()
        for stream, state in self.ledger.states().items():
            assert self.ledger.known.states[stream][1] == state

    def owed_to_buyers(self) -> None:
        """What is decided and not sent is theirs; what they have to give back is written down."""
        owed: Counter[str] = Counter()
        back: Counter[str] = Counter()
        for claim in self.witness.claims.values():
            owed[claim.buyer] += claim.funded - claim.paid
        for recorded in self.witness.facts:
            fact: Any = recorded.fact
            match fact.TOPIC:
                case "incident-compensation-granted" | "incident-compensation-failed":
                    owed[fact.buyer] += fact.amount
                case "incident-compensation-paid":
                    owed[fact.buyer] -= fact.amount
                case "compensation-recovery-opened":
                    back[fact.buyer] += fact.amount
                case "compensation-recovered":
                    back[fact.buyer] -= fact.parts.total
                case "chargeback-received" | "chargeback-reversed" if fact.currency == "CNY":
                    back[fact.buyer] += (
                        fact.refunded if fact.TOPIC == "chargeback-received" else -fact.refunded
                    )
                case "chargeback-repaid" if fact.currency == "CNY":
                    back[fact.buyer] -= fact.amount
        for buyer in {*owed, *back}:
            assert self.witness.balances[f"buyer_payable:{buyer}", "CNY"] == owed[buyer]
            assert self.witness.balances[f"buyer_receivable:{buyer}", "CNY"] == back[buyer]


# What is asked most, so that lives go on to their end.
CORE = """
    orders.place orders.pay orders.dispatch orders.deliver orders.confirm orders.settle orders.place orders.pay
    claims.file claims.uphold claims.file claims.uphold claims.file claims.uphold claims.pay claims.pay
    claims.appeal claims.decide-appeal claims.fail-payment claims.cancel claims.recover
    refunds.request refunds.approve refunds.complete refunds.ship-return refunds.receive-return refunds.complete
    shops.pay-deposit policies.publish shops.open shops.open-benefit
    penalties.impose penalties.collect penalties.pay penalties.finalize penalties.release penalties.appeal
    incidents.add-members incidents.approve items.receive items.check items.inspect
    orders.record orders.record refunds.record corrections.record
""".split()


def walk(seed: int, steps: int, story: Story | None = None) -> tuple[Story, Counter[str]]:
    """So many steps from nothing; what was accepted least is asked first, beside what all else needs."""
    chance = Random(seed)
    story = story or Story()
    world = World(story.ledger, chance)
    accepted: Counter[str] = Counter()
    names = sorted(COMMANDS)
    for step in beginning() if not story.steps else ():
        story.tell(step)
    for _ in range(steps):
        if chance.randrange(80) == 0:
            story.ledger.minutes += 1440 * chance.choice((1, 1, 3, 9, 35))
        few = min((chance.choice(names) for _ in range(4)), key=lambda name: accepted[name])
        name = chance.choice(CORE) if chance.randrange(3) else few
        step = world.ask(name)
        try:
            accepted[name] += story.tell(step)
        except Exception as error:
            told = shortest(story.steps, place(error))
            error.add_note("\n".join(["The shortest story:", *(f"{at} {step}" for at, step in told)]))
            raise
    story.rest()
    return story, accepted


Place = tuple[type[Exception], str, int]


def place(error: Exception) -> Place:
    """What failed, and where."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno or 0


def fails(steps: Sequence[tuple[int, Step]], how: Place) -> bool:
    """Whether these steps by themselves come to the same end."""
    story = Story()
    try:
        for minutes, step in steps:
            story.ledger.minutes = minutes
            story.tell(step)
    except Exception as error:  # noqa: BLE001 - another failure is another story
        return place(error) == how
    return False


def shortest(steps: Sequence[tuple[int, Step]], how: Place) -> list[tuple[int, Step]]:
    """What of a failing story is needed for it to fail: halves are left out, then quarters, down to single steps."""
    told = list(steps)
    size = len(told) // 2
    while size:
        start = 0
        while start < len(told):
            less = told[:start] + told[start + size :]
            if fails(less, how):
                told = less
            else:
                start += size
        size //= 2
    return told


# The same as a machine, which finds its own way and shrinks what fails.


class Machine(RuleBasedStateMachine):
    """Begins anywhere on a walk; then whatever is asked next."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()

    @initialize(where=st.integers(0, 5))
    def begin(self, where: int) -> None:
        self.story = somewhere(where)
        self.world = World(self.story.ledger, Random(where))

    def ask(self, name: str, chance: Random) -> None:
        self.world.chance = chance
        step = self.world.ask(name)
        note(str(step))
        self.story.tell(step)

    @rule(name=st.sampled_from(sorted(COMMANDS)), chance=st.randoms(use_true_random=False))
    def any_command(self, name: str, chance: Random) -> None:
        self.ask(name, chance)

    @rule(name=st.sampled_from(CORE), chance=st.randoms(use_true_random=False))
    def a_step_of_a_life(self, name: str, chance: Random) -> None:
        self.ask(name, chance)

    @rule(days=st.sampled_from((1, 9, 35)))
    def time_passes(self, days: int) -> None:
        self.story.ledger.minutes += 1440 * days

    def teardown(self) -> None:
        self.story.rest()


@cache
def along(where: int) -> Story:
    """A walk from nothing: none, a short one, a longer one."""
    return walk(where, 120 * where)[0] if where else Story()


def somewhere(where: int) -> Story:
    """A story of its own that begins there."""
    return along(where).copy()


def run(examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=checks),
    )


def test_every_command_of_the_catalogue_is_asked():
    assert set(SAID) == set(COMMANDS)


@pytest.mark.slow
def test_every_command_is_accepted_on_one_walk_or_another():
    accepted: Counter[str] = Counter()
    for seed in range(10):
        accepted += walk(seed, 3_000)[1]
        missing = [name for name in COMMANDS if not accepted[name]]
        if not missing and seed:
            return
    pytest.fail(f"never accepted: {missing}")


@pytest.mark.slow
def test_what_the_facts_say_holds_after_every_step():
    run(40, 40)


@pytest.mark.long
def test_what_the_facts_say_holds_after_every_step_for_long():
    run(400, 60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_what_the_facts_say_holds_on_long_walks(seed: int):
    walk(seed, 8_000)


# What was found so.


def test_what_a_buyer_gave_back_of_a_failed_transfer_keeps_the_unit_paid_for():
    given: list[Step] = [
        *(
            *SHOP,
            *BOUGHT,
            fund(1_000_000),
            *UPHELD,
            PayClaim(id="c1"),
            OpenRecovery(id="c1", reason="a trick"),
        ),
        *(RecoverPayout(id="c1", amount=617), FailPayment(id="c1", transfer="c1/1")),
    ]
    ledger = Ledger(given)
    assert ledger.balance("buyer_payable:b1") == 617
    assert isinstance(ledger.try_(file("c2")), AlreadyCompensated)


def test_a_refund_of_no_order_that_was_reversed_is_reported_as_complete_again():
    ledger = Ledger([Reported(gave("r", 700, line=0, order=""))])
    paid_back = ledger.memory.facts[-1].position
    ledger.do(RecordCorrection(id=str(paid_back), reason="a mistake"))
    ledger.do(Reported(CompleteRefund(id="r")))
    assert ledger.balance("bank") == -700
