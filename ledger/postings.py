"""The chart of accounts, and the posting table: which transfers each fact stands for.

The table is read top to bottom by accountants and by the writer alike. A row moves one amount from a credit
account to a debit account (debit → credit, as books are written); a pour moves several sums of those who
bear into several that receive, in order. Facts that move no money have an empty row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

import msgspec

from ledger.codec import CODEC
from ledger.errors import InvalidAmount
from ledger.events import (
    adjustment,
    appraisal,
    badge,
    campaign,
    card,
    chargeback,
    claim,
    complaint,
    correction,
    coverage,
    credit,
    freight,
    fulfilment,
    fund,
    host,
    incident,
    live,
    notice,
    offer,
    order,
    parking,
    penalty,
    period,
    policy,
    projection,
    provider,
    recourse,
    refund,
    report,
    review,
    score,
    shop,
    statement,
    traffic,
    visits,
    vote,
)
from ledger.events.base import Fact


class Kind(NamedTuple):
    """One row of the chart: its class, whether more debits raise it, and whether it may never go below 0."""

    group: str
    debit_normal: bool
    guarded: bool


#                                 class               debit  guarded
CHART: dict[str, Kind] = {
    "bank":                  Kind("asset",            True,  False),
    "refund_advance":        Kind("asset",            True,  False),
    "recourse_receivable":   Kind("asset",            True,  False),
    "buyer_receivable":      Kind("asset",            True,  False),
    "import_suspense":       Kind("asset",            True,  False),
    "order_escrow":          Kind("liability",        False, True),
    "shop_payable":          Kind("liability",        False, False),
    "host_payable":          Kind("liability",        False, False),
    "shop_deposit":          Kind("liability",        False, True),
    "penalty_held":          Kind("liability",        False, True),
    "buyer_payable":         Kind("liability",        False, True),
    "freight_pool":          Kind("liability",        False, True),
    "warranty_pool":         Kind("liability",        False, True),
    "lab_payable":           Kind("liability",        False, False),
    "recovery_suspense":     Kind("liability",        False, False),
    "pet_fund":              Kind("restricted fund",  False, True),
    "pet_fund_reserved":     Kind("restricted fund",  False, True),
    "fund_recourse_claim":   Kind("restricted fund",  False, False),
    "platform_coupon":       Kind("expense",          True,  False),
    "platform_contribution": Kind("expense",          True,  False),
    "platform_backstop":     Kind("expense",          True,  False),
    "appraisal_fee":         Kind("expense",          True,  False),
    "trust_subsidy":         Kind("expense",          True,  False),
    "commission":            Kind("income",           False, False),
    "platform_fines":        Kind("income",           False, False),
}  # fmt: skip


@lru_cache(maxsize=65536)
def kind_of(account: str) -> Kind:
    """The chart's row for an account such as `order_escrow:uci:536365`; KeyError if there is none."""
    return CHART[account.partition(":")[0]]


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """One debit account, one credit account, one positive amount in minor units of one currency."""

    debit: str
    credit: str
    amount: int
    currency: str

    def __post_init__(self) -> None:
        """An entry that does not move a positive sum cannot be written."""
        if self.amount <= 0:
            raise InvalidAmount(f"A transfer moves a positive amount, not {self.amount}.")


class Row(NamedTuple):
    """`amount` names the field that holds the sum; `{shop}` in an account names the field of the party."""

    debit: str
    credit: str
    amount: str


class Swing(NamedTuple):
    """As Row, and an amount below zero moves the other way."""

    debit: str
    credit: str
    amount: str


class Pour(NamedTuple):
    """`bearers` (account, field) are drained in order into `receivers` (account, field) in order."""

    bearers: tuple[tuple[str, str], ...]
    receivers: tuple[tuple[str, str], ...]


class Mirror(NamedTuple):
    """The rows of the fact that is reversed, with debit and credit exchanged."""


ID = "{id}"  # The identifier of the stream the fact stands in: for an order's facts, the order.

_BEARERS = (
    ("order_escrow:{order}",     "bearers.escrow"),
    ("shop_payable:{shop}",      "bearers.payable"),
    ("shop_deposit:{shop}",      "bearers.deposit"),
    ("refund_advance:{shop}",    "bearers.advance"),
    ("import_suspense:{source}", "bearers.suspense"),
)  # fmt: skip
_RECEIVERS = (
    ("bank",                     "cash_due"),
    ("platform_coupon",          "coupon"),
)  # fmt: skip
_PAYERS = (
    ("order_escrow:{order}",     "parts.escrow"),
    ("shop_payable:{shop}",      "parts.payable"),
    ("shop_deposit:{shop}",      "parts.deposit"),
    ("lab_payable:{lab}",        "parts.lab"),
    ("freight_pool:{shop}",      "parts.freight_pool"),
    ("warranty_pool:{shop}",     "parts.warranty_pool"),
    ("pet_fund",                 "parts.fund"),
    ("platform_backstop",        "parts.backstop"),
)  # fmt: skip
_OWED_BY_BUYER = Swing("buyer_receivable:{buyer}", "recovery_suspense:{claim}", "amount")
_HELD_AGAINST_SHOP = Row("recourse_receivable:{shop}", "fund_recourse_claim:{shop}", "amount")
_NO_LONGER_HELD = Row("fund_recourse_claim:{shop}", "recourse_receivable:{shop}", "amount")
_FINED = (
    ("pet_fund",                 "back.fund"),
    ("platform_fines",           "back.platform"),
    ("platform_backstop",        "back.backstop"),
)  # fmt: skip
_PAYERS_OF_A_FINE = (
    ("shop_deposit:{shop}",      "back.deposit"),
    ("penalty_held:{id}",        "back.bank"),
)  # fmt: skip

#   fact                             debit                        credit                     amount
POSTINGS: dict[type[Fact], tuple[Row | Swing | Pour | Mirror, ...]] = {
    order.OrderPlaced:              (),
    order.OrderPaid:                (Row("bank",                 "order_escrow:{id}",       "cash"),
                                     Row("platform_coupon",      "order_escrow:{id}",       "coupon")),
    order.OrderAmended:             (Row("bank",                 "order_escrow:{id}",       "cash_in"),
                                     Row("platform_coupon",      "order_escrow:{id}",       "coupon_in"),
                                     Row("import_suspense:{source}", "order_escrow:{id}",   "suspense"),
                                     Swing("commission",         "shop_payable:{shop}",     "commission"),
                                     Swing("host_payable:{host}", "shop_payable:{shop}",    "host_share"),
                                     Swing("shop_payable:{shop}", "order_escrow:{id}",      "payable"),
                                     Row("shop_deposit:{shop}",  "order_escrow:{id}",       "deposit"),
                                     Row("refund_advance:{shop}", "order_escrow:{id}",      "advance"),
                                     Row("order_escrow:{id}",    "bank",                    "cash_out"),
                                     Row("order_escrow:{id}",    "platform_coupon",         "coupon_out"),
                                     Row("order_escrow:{id}",    "import_suspense:{source}", "made_good")),
    order.OrderSettled:             (Row("order_escrow:{id}",    "shop_payable:{shop}",     "net"),
                                     Row("order_escrow:{id}",    "host_payable:{host}",     "host_share"),
                                     Row("order_escrow:{id}",    "commission",              "commission")),
    order.SharesRestored:           (Row("order_escrow:{id}",    "shop_payable:{shop}",     "escrow"),
                                     Swing("commission",         "shop_payable:{shop}",     "commission"),
                                     Swing("host_payable:{host}", "shop_payable:{shop}",    "host_share")),
    order.OrderCancelled:           (),
    order.OrderVoided:              (),
    order.OrderClaimed:             (),
    order.OrderChargedBack:         (),
    order.OrderClosed:              (),
    order.SameVersionRecorded:      (),
    order.StaleVersionRecorded:     (),
    fulfilment.ParcelDispatched:    (),
    fulfilment.ItemAtWarehouse:     (),
    fulfilment.ItemAppraised:       (),
    fulfilment.ParcelDelivered:     (),
    fulfilment.ReceiptConfirmed:    (),
    fulfilment.DispatchPromised:     (),
    fulfilment.AddressChanged:       (),
    fulfilment.RiskHoldPlaced:       (),
    fulfilment.RiskHoldLifted:       (),
    fulfilment.DispatchPaused:       (),
    fulfilment.DispatchResumed:      (),
    fulfilment.DispatchOverdue:      (),
    fulfilment.FakeDispatchFound:    (),
    refund.RefundRequested:         (),
    refund.RefundApproved:          (),
    refund.RefundRefused:           (),
    refund.RefundEscalated:         (),
    refund.ReturnShipped:           (),
    refund.ReturnReceived:          (),
    refund.InstantRefundAdvanced:   (Row("refund_advance:{shop}", "bank",                   "amount"),),
    refund.RefundAdvanceRecovered:  (Row("order_escrow:{order}", "refund_advance:{shop}",   "escrow"),
                                     Swing("shop_payable:{shop}", "refund_advance:{shop}",  "payable"),
                                     Row("shop_deposit:{shop}",  "refund_advance:{shop}",   "deposit")),
    refund.RefundCompleted:         (Row("commission",           "shop_payable:{shop}", "bearers.commission"),
                                     Row("host_payable:{host}",  "shop_payable:{shop}", "bearers.host"),
                                     Pour(_BEARERS, _RECEIVERS)),
    refund.RefundClosed:            (),
    refund.RefundEntitled:          (),
    credit.CreditRulePublished:      (),
    credit.StandingAssessed:         (),
    credit.StandingAppealed:         (),
    credit.StandingAppealDecided:    (),
    credit.InstantCreditTaken:       (),
    credit.InstantCreditFreed:       (),
    claim.ClaimFiled:               (),
    claim.ClaimContested:           (),
    claim.EvidenceRequested:        (),
    claim.EvidenceSubmitted:        (),
    claim.ClaimUpheld:              (),
    claim.ClaimRejected:            (),
    claim.ClaimWithdrawn:           (),
    claim.ClaimAppealed:            (),
    claim.ClaimAppealDecided:       (),
    claim.FundingShortfallRecorded: (),
    claim.ClaimFunded:              (Pour(_PAYERS, (("buyer_payable:{buyer}", "parts.total"),)),),
    claim.CompensationPaid:         (Row("buyer_payable:{buyer}", "bank",                   "amount"),),
    claim.CompensationConfirmed:    (),
    claim.CompensationResultUnknown: (),
    claim.CompensationFailed:       (Row("bank",                 "buyer_payable:{buyer}",   "amount"),),
    claim.CompensationForfeited:    (Row("buyer_payable:{buyer}", "pet_fund",               "amount"),),
    claim.CompensationCancelled:    (Pour((("buyer_payable:{buyer}", "parts.total"),), _PAYERS),),
    claim.CompensationRecoveryOpened: (_OWED_BY_BUYER,),
    claim.CompensationRecovered:    (Row("bank",               "buyer_receivable:{buyer}",   "parts.total"),
                                     Pour((("recovery_suspense:{claim}", "parts.total"),), _PAYERS)),
    recourse.RecourseOpened:        (_HELD_AGAINST_SHOP,),
    recourse.RecourseRecovered:     (Row("shop_payable:{shop}",  "pet_fund",                "payable"),
                                     Row("shop_deposit:{shop}",  "pet_fund",                "deposit"),
                                     _NO_LONGER_HELD),
    recourse.RecourseReleased:      (_NO_LONGER_HELD,),
    recourse.RecourseWrittenOff:    (_NO_LONGER_HELD,),
    shop.ShopOpened:                (),
    shop.DepositPaid:               (Row("bank",                 "shop_deposit:{shop}",     "amount"),),
    shop.DepositRefunded:           (Row("shop_deposit:{shop}",  "bank",                    "amount"),),
    shop.ShopPaidOut:               (Row("shop_payable:{shop}",  "bank",                    "owed"),
                                     Row("import_suspense:{source}", "bank",                "suspense")),
    shop.FreightServiceCharged:     (Row("shop_payable:{shop}",  "freight_pool:{shop}",     "amount"),),
    shop.WarrantyServiceCharged:    (Row("shop_payable:{shop}",  "warranty_pool:{shop}",    "amount"),),
    shop.SubsidyGranted:            (Row("trust_subsidy",        "shop_payable:{shop}",     "amount"),),
    shop.HostPaidOut:               (Row("host_payable:{host}",  "bank",                    "owed"),
                                     Row("import_suspense:{source}", "bank",                "suspense")),
    shop.BenefitOpened:             (),
    shop.BenefitClosed:             (),
    shop.ShopRestricted:            (),
    shop.ShopSuspended:             (),
    shop.ShopBanned:                (),
    shop.ShopReinstated:            (),
    shop.ShopClosingRequested:      (),
    shop.ShopClosed:                (),
    shop.ShopProviderChanged:       (),
    badge.BadgeGranted:             (),
    badge.BadgeRevoked:             (),
    campaign.CampaignEntered:       (),
    campaign.CampaignRefused:       (),
    traffic.TrafficAllocated:       (),
    fund.PetFundContributed:        (Row("platform_contribution", "pet_fund",               "amount"),),
    incident.IncidentDeclared:      (),
    incident.BatchOpened:           (),
    incident.MemberAdded:           (),
    incident.MemberExcluded:        (),
    incident.BatchApproved:         (Row("pet_fund",     "pet_fund_reserved:{incident}",    "reserved"),),
    incident.BatchFunded:           (Row("pet_fund",     "pet_fund_reserved:{incident}",    "amount"),),
    incident.IncidentCompensationGranted:
                                    (Row("pet_fund_reserved:{incident}", "buyer_payable:{buyer}", "amount"),),
    incident.IncidentCompensationPaid:
                                    (Row("buyer_payable:{buyer}", "bank",                   "amount"),),
    incident.IncidentCompensationFailed:
                                    (Row("bank",                 "buyer_payable:{buyer}",   "amount"),),
    incident.BatchClosed:           (Row("pet_fund_reserved:{incident}", "pet_fund",        "unused"),),
    card.CardIssued:                (),
    card.TierChanged:               (),
    card.BenefitUsed:               (),
    card.CouponGranted:             (),
    card.CouponRedeemed:            (),
    card.CouponExpired:             (),
    chargeback.ChargebackReceived:  (Row("order_escrow:{order}", "bank",                    "escrow"),
                                     Row("shop_payable:{shop}",  "bank",                    "payable"),
                                     Row("buyer_receivable:{buyer}", "bank",                "refunded"),
                                     Row("import_suspense:{source}", "bank",                "suspense")),
    chargeback.ChargebackReversed:  (Row("bank",                 "order_escrow:{order}",    "escrow"),
                                     Row("bank",                 "shop_payable:{shop}",     "payable"),
                                     Row("bank",                 "buyer_receivable:{buyer}", "refunded"),
                                     Row("bank",                 "import_suspense:{source}", "suspense")),
    chargeback.ChargebackRepaid:    (Row("bank",                 "buyer_receivable:{buyer}", "amount"),),
    freight.FreightSplit:            (),
    penalty.PenaltyProposed:        (),
    penalty.PenaltyDropped:         (),
    penalty.PenaltyImposed:         (),
    penalty.PenaltyPublished:       (),
    penalty.PenaltySent:            (),
    penalty.PenaltyServed:          (),
    penalty.FeeAdded:               (),
    penalty.PenaltyIncreased:       (),
    penalty.SentToCollection:       (),
    penalty.FineCollected:          (Row("shop_deposit:{shop}",  "penalty_held:{id}",       "amount"),),
    penalty.FinePaid:               (Row("bank",                 "penalty_held:{id}",       "amount"),),
    penalty.PenaltyAppealed:        (),
    penalty.AppealAdvanced:         (),
    penalty.AppealDenied:           (),
    penalty.PenaltyOverturned:      (Row("penalty_held:{id}",    "shop_deposit:{shop}",     "back.held"),
                                     Pour(_FINED, _PAYERS_OF_A_FINE)),
    penalty.PenaltyVaried:          (Row("penalty_held:{id}",    "shop_deposit:{shop}",     "back.held"),
                                     Pour(_FINED, _PAYERS_OF_A_FINE)),
    penalty.PenaltyFinal:           (),
    penalty.FineReleased:           (Row("penalty_held:{id}",    "pet_fund",                "fund"),
                                     Row("penalty_held:{id}",    "platform_fines",          "platform")),
    penalty.FineReturned:           (Row("penalty_held:{id}",    "bank",                    "amount"),),
    penalty.FineOverpaymentReturned: (Row("penalty_held:{id}",   "bank",                    "amount"),),
    penalty.TrainingCompleted:      (),
    penalty.AccountRemoved:         (),
    penalty.LeadReferred:           (),
    penalty.CaseLinked:             (),
    penalty.FineDueRecorded:        (),
    penalty.FineSharePublished:     (),
    penalty.BrushingIntercepted:    (),
    host.HostOpened:                (),
    host.HostSuspended:             (),
    host.HostBanned:                (),
    host.HostReinstated:            (),
    host.HostClosed:                (),
    host.HostProviderChanged:       (),
    live.SessionBegun:              (),
    live.SessionClosed:             (),
    review.ReviewInvited:           (),
    review.ReviewSubmitted:         (),
    review.ReviewAnswered:          (),
    vote.WorthVoteCast:             (),
    report.FalseClaimReported:      (),
    report.FalseClaimFlagged:       (),
    report.ReportDecided:           (),
    report.HostReminded:            (),
    complaint.ComplaintRecorded:    (),
    complaint.ComplaintClaimed:     (),
    notice.BrandRegistered:         (),
    notice.CounterfeitNoticeShared: (),
    notice.CounterfeitNoticeWithdrawn: (),
    score.ScoreSnapshotTaken:       (),
    provider.ProviderAdmitted:      (),
    provider.ProviderExited:        (),
    provider.ProviderTierSet:       (),
    offer.OfferMarked:              (),
    offer.OfferUnmarked:            (),
    appraisal.ItemReceived:         (),
    appraisal.CheckRecorded:        (),
    appraisal.AppraisalPassed:      (),
    appraisal.AppraisalFailed:      (),
    appraisal.CertificateIssued:    (Row("appraisal_fee",        "lab_payable:{lab}",       "platform_fee"),
                                     Row("shop_payable:{shop}",  "lab_payable:{lab}",       "shop_fee")),
    appraisal.DeviceInspected:      (),
    appraisal.WarrantyStarted:      (),
    appraisal.LabPaid:              (Row("lab_payable:{lab}",    "bank",                    "amount"),),
    visits.VisitsRecorded:          (),
    adjustment.AdjustmentRecorded:  (),
    statement.PlatformFundMovementRecorded: (),
    correction.CorrectionRecorded:  (Mirror(),),
    policy.PolicyPublished:         (),
    policy.PolicyRetired:           (),
    coverage.CoverageAttached:      (),
    period.PeriodClosed:            (),
    projection.FactSkipped:         (),
    parking.FactParked:             (),
}  # fmt: skip

Post = Callable[[Fact, str], list[Transfer]]

_currency = attrgetter("currency")


def _account(template: str) -> Callable[[Fact, str], str]:
    """How to name an account: a fixed name, or its kind and a party taken from the fact or its stream."""
    kind, _, party = template.partition(":")
    if not party:
        return lambda _fact, _id: kind
    prefix = f"{kind}:"
    if party == ID:
        return lambda _fact, id_: prefix + id_
    field = attrgetter(party.strip("{}"))
    return lambda fact, _id: prefix + field(fact)


def _row(row: Row) -> Post:
    debit, credit, amount = _account(row.debit), _account(row.credit), attrgetter(row.amount)

    def post(fact: Fact, id_: str) -> list[Transfer]:
        value = amount(fact)
        return [Transfer(debit(fact, id_), credit(fact, id_), value, _currency(fact))] if value else []

    return post


def _swing(row: Swing) -> Post:
    there, amount = _row(Row(*row)), attrgetter(row.amount)
    debit, credit = _account(row.debit), _account(row.credit)

    def post(fact: Fact, id_: str) -> list[Transfer]:
        value = amount(fact)
        if value >= 0:
            return there(fact, id_)
        return [Transfer(credit(fact, id_), debit(fact, id_), -value, _currency(fact))]

    return post


def pour(bearers: Sequence[int], receivers: Sequence[int]) -> list[tuple[int, int, int]]:
    """Drain `bearers` in order into `receivers` in order: (bearer, receiver, amount) for each part moved.

    Both add up to the same sum; ValueError if they do not.
    """
    if sum(bearers) != sum(receivers):
        message = f"{sum(bearers)} is borne but {sum(receivers)} is received"
        raise ValueError(message)
    moved = []
    give, take = list(bearers), list(receivers)
    i = j = 0
    while i < len(give) and j < len(take):
        part = min(give[i], take[j])
        if part:
            moved.append((i, j, part))
            give[i] -= part
            take[j] -= part
        if not give[i]:
            i += 1
        else:
            j += 1
    return moved


def _pour(row: Pour) -> Post:
    bearers = [(_account(account), attrgetter(amount)) for account, amount in row.bearers]
    receivers = [(_account(account), attrgetter(amount)) for account, amount in row.receivers]

    def post(fact: Fact, id_: str) -> list[Transfer]:
        parts = pour([amount(fact) for _, amount in bearers], [amount(fact) for _, amount in receivers])
        return [
            Transfer(bearers[i][0](fact, id_), receivers[j][0](fact, id_), part, _currency(fact))
            for i, j, part in parts
        ]

    return post


def _mirror(fact: Fact, id_: str) -> list[Transfer]:
    """The transfers of the fact a correction reverses, backwards."""
    assert isinstance(fact, correction.CorrectionRecorded)  # noqa: S101 - only its own row leads here
    reversed_fact = CODEC.decode_body(fact.topic, fact.body)
    return [Transfer(t.credit, t.debit, t.amount, t.currency) for t in transfers(reversed_fact, id_)]


def _compile(row: Row | Swing | Pour | Mirror) -> Post:
    match row:
        case Row():
            return _row(row)
        case Swing():
            return _swing(row)
        case Pour():
            return _pour(row)
        case Mirror():
            return _mirror


_COMPILED: dict[type[Fact], tuple[Post, ...]] = {
    fact: tuple(_compile(row) for row in rows) for fact, rows in POSTINGS.items()
}


def transfers(fact: Fact, id_: str) -> list[Transfer]:
    """The transfers a fact stands for; `id_` is the identifier of its stream (`uci:536365`)."""
    found: list[Transfer] = []
    for post in _COMPILED[type(fact)]:
        found += post(fact, id_)
    return found
