"""Stored bytes are for ever: a golden row for each shape a fact ever had, a clear word for others."""

from collections.abc import Iterator

import msgpack
import msgspec
import pytest

from ledger import catalogue
from ledger.codec import CODEC, UPCASTS, Codec, digest, fact_types, leaf_bytes, plain
from ledger.decisions.base import FOLDS
from ledger.errors import Corrupt
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.appraisal import (
    AppraisalFailed,
    AppraisalPassed,
    CertificateIssued,
    CheckRecorded,
    DeviceInspected,
    ItemReceived,
    LabPaid,
    WarrantyStarted,
)
from ledger.events.badge import BadgeGranted, BadgeRevoked, Ground
from ledger.events.base import Envelope, Fact, Source
from ledger.events.campaign import CampaignEntered, CampaignRefused
from ledger.events.card import (
    BenefitUsed,
    CardIssued,
    CouponExpired,
    CouponGranted,
    CouponRedeemed,
    TierChanged,
)
from ledger.events.chargeback import ChargebackReceived, ChargebackRepaid, ChargebackReversed
from ledger.events.claim import (
    ClaimAppealDecided,
    ClaimAppealed,
    ClaimContested,
    ClaimFiled,
    ClaimFunded,
    ClaimRejected,
    ClaimUnit,
    ClaimUpheld,
    ClaimWithdrawn,
    CompensationCancelled,
    CompensationConfirmed,
    CompensationFailed,
    CompensationForfeited,
    CompensationPaid,
    CompensationRecovered,
    CompensationRecoveryOpened,
    CompensationResultUnknown,
    EvidenceRequested,
    EvidenceSubmitted,
    FundingShortfallRecorded,
    Parts,
    TraceStep,
)
from ledger.events.complaint import ComplaintClaimed, ComplaintRecorded
from ledger.events.correction import CorrectionRecorded
from ledger.events.coverage import CoverageAttached
from ledger.events.credit import (
    CreditRulePublished,
    CreditStep,
    InstantCreditFreed,
    InstantCreditTaken,
    StandingAppealDecided,
    StandingAppealed,
    StandingAssessed,
)
from ledger.events.freight import FreightShare, FreightSplit
from ledger.events.fulfilment import (
    AddressChanged,
    DispatchOverdue,
    DispatchPaused,
    DispatchPromised,
    DispatchResumed,
    FakeDispatchFound,
    ItemAppraised,
    ItemAtWarehouse,
    LateUnit,
    ParcelDelivered,
    ParcelDispatched,
    ReceiptConfirmed,
    RiskHoldLifted,
    RiskHoldPlaced,
    Shipped,
    Unit,
)
from ledger.events.fund import PetFundContributed
from ledger.events.host import (
    HostBanned,
    HostClosed,
    HostOpened,
    HostProviderChanged,
    HostReinstated,
    HostSuspended,
)
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
from ledger.events.live import (
    SessionBegun,
    SessionClosed,
)
from ledger.events.notice import BrandRegistered, CounterfeitNoticeShared, CounterfeitNoticeWithdrawn
from ledger.events.offer import (
    OfferMarked,
    OfferUnmarked,
)
from ledger.events.order import (
    Line,
    OrderAmended,
    OrderCancelled,
    OrderChargedBack,
    OrderClaimed,
    OrderClosed,
    OrderPaid,
    OrderPlaced,
    OrderSettled,
    OrderVoided,
    SameVersionRecorded,
    SharesRestored,
    StaleVersionRecorded,
)
from ledger.events.parking import FactParked
from ledger.events.penalty import (
    AccountRemoved,
    AppealAdvanced,
    AppealDenied,
    BrushingIntercepted,
    CaseLinked,
    FeeAdded,
    FineCollected,
    FineDueRecorded,
    FineOverpaymentReturned,
    FinePaid,
    FineReleased,
    FineReturned,
    FineSharePublished,
    GivenBack,
    LeadReferred,
    Measure,
    PenaltyAppealed,
    PenaltyDropped,
    PenaltyFinal,
    PenaltyImposed,
    PenaltyIncreased,
    PenaltyOverturned,
    PenaltyProposed,
    PenaltyPublished,
    PenaltySent,
    PenaltyServed,
    PenaltyVaried,
    SentToCollection,
    TrainingCompleted,
)
from ledger.events.period import PeriodClosed
from ledger.events.policy import PolicyPublished, PolicyRetired, Quota, Terms
from ledger.events.projection import FactSkipped
from ledger.events.provider import (
    ProviderAdmitted,
    ProviderExited,
    ProviderTierSet,
)
from ledger.events.recourse import RecourseOpened, RecourseRecovered, RecourseReleased, RecourseWrittenOff
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundClosed,
    RefundCompleted,
    RefundEntitled,
    RefundEscalated,
    RefundLine,
    RefundRefused,
    RefundRequested,
    ReturnReceived,
    ReturnShipped,
)
from ledger.events.report import FalseClaimFlagged, FalseClaimReported, HostReminded, ReportDecided
from ledger.events.review import ReviewAnswered, ReviewInvited, ReviewSubmitted
from ledger.events.score import ScoreComponent, ScoreSnapshotTaken
from ledger.events.shop import (
    BenefitClosed,
    BenefitOpened,
    DepositPaid,
    DepositRefunded,
    FreightServiceCharged,
    HostPaidOut,
    ShopBanned,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopPaidOut,
    ShopProviderChanged,
    ShopReinstated,
    ShopRestricted,
    ShopSuspended,
    SubsidyGranted,
    WarrantyServiceCharged,
)
from ledger.events.statement import PlatformFundMovementRecorded
from ledger.events.traffic import TrafficAllocated
from ledger.events.visits import VisitsRecorded
from ledger.events.vote import WorthVoteCast
from ledger.postings import POSTINGS

assert catalogue.LIFECYCLES  # Importing the catalogue registers every decision, and so every fold.

# "topic/version": the fact as it is read today, and the bytes as they were stored under that version.
GOLDEN: dict[str, tuple[Fact, str]] = {
    "order-placed/1": (
        OrderPlaced(
            "s1",
            "b1",
            "CNY",
            (Line("sku", "Cup", 3, 10_000, 1_000, 2_000, "maker", "depot"),),
            500,
            "h1",
            "live1",
            "app",
            "key",
            ("zero_value",),
        ),
        (
            "9b01a27331a26231a3434e599198a3736b75a343757003cd2710cd03e8cd07d0a56d616b6572a56465706f74cd01"
            "f4a26831a56c69766531a3617070a36b657991aa7a65726f5f76616c7565"
        ),
    ),
    "order-paid/1": (
        OrderPaid("CNY", 7_500, 2_000, (7_000,), (2_000,), ("amount_mismatch",)),
        "9701a3434e59cd1d4ccd07d091cd1b5891cd07d091af616d6f756e745f6d69736d61746368",
    ),
    "order-amended/1": (
        OrderAmended(
            2,
            "s1",
            "h1",
            "b2",
            "CNY",
            (Line("sku", "Cup", 2, 6_000),),
            0,
            6_000,
            0,
            (6_000,),
            (0,),
            -1_500,
            -2_000,
            300,
            500,
            -100,
            (-100,),
            20,
            10,
            3_400,
            0,
            0,
            "feed",
            ("guard_exceeded",),
        ),
        (
            "dc00190102a27331a26831a26232a3434e599198a3736b75a343757002cd17700000a0a000cd17700091cd177091"
            "00d1fa24d1f830cd012ccd01f4d09c91d09c140acd0d480000a46665656491ae67756172645f6578636565646564"
        ),
    ),
    "order-settled/1": (
        OrderSettled("s1", "h1", "CNY", 8_700, 300, 500, 300, 500, ("guard_exceeded",)),
        "9a01a27331a26831a3434e59cd21fccd012ccd01f4cd012ccd01f491ae67756172645f6578636565646564",
    ),
    "shares-restored/1": (
        SharesRestored("s1", "h1", "CNY", 3_000, -15, -9),
        "9701a27331a26831a3434e59cd0bb8f1f7",
    ),
    "order-cancelled/1": (
        OrderCancelled("changed my mind", ("out_of_order",)),
        "9301af6368616e676564206d79206d696e6491ac6f75745f6f665f6f72646572",
    ),
    "order-voided/1": (
        OrderVoided("brushing", "b1", 18_779),
        "9401a86272757368696e67a26231cd495b",
    ),
    "order-charged-back/1": (
        OrderChargedBack("c1", 10_000, ("charged_back", "already_refunded")),
        "9401a26331cd271092ac636861726765645f6261636bb0616c72656164795f726566756e646564",
    ),
    "order-closed/1": (
        OrderClosed(),
        "9101",
    ),
    "same-version-recorded/1": (
        SameVersionRecorded(3, 2),
        "93010302",
    ),
    "stale-version-recorded/1": (
        StaleVersionRecorded(1, 2),
        "93010102",
    ),
    "parcel-dispatched/1": (
        ParcelDispatched("w1", "sf", (Shipped(1, 2),), ("quantity_mismatch",)),
        "9501a27731a273669192010291b17175616e746974795f6d69736d61746368",
    ),
    "parcel-delivered/1": (
        ParcelDelivered("w1", ("out_of_order",)),
        "9301a2773191ac6f75745f6f665f6f72646572",
    ),
    "receipt-confirmed/1": (
        ReceiptConfirmed(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "dispatch-promised/1": (
        DispatchPromised(1_622_678_400_000_000, (1, 2)),
        "9301cf0005c3d1419de000920102",
    ),
    "address-changed/1": (
        AddressChanged(1_622_505_600_000_000, ("out_of_order",)),
        "9301cf0005c3a905ef200091ac6f75745f6f665f6f72646572",
    ),
    "risk-hold-placed/1": (
        RiskHoldPlaced("stolen card?"),
        "9201ac73746f6c656e20636172643f",
    ),
    "risk-hold-lifted/1": (
        RiskHoldLifted("it is theirs"),
        "9201ac697420697320746865697273",
    ),
    "dispatch-paused/1": (
        DispatchPaused("r1", (1, 2)),
        "9301a27231920102",
    ),
    "dispatch-resumed/1": (
        DispatchResumed("r1", (Unit(1, 3),)),
        "9301a2723191920103",
    ),
    "dispatch-overdue/1": (
        DispatchOverdue((LateUnit(1, 3, 1_622_678_400_000_000, 1_622_682_000_000_000),)),
        "920191940103cf0005c3d1419de000cf0005c3d218318400",
    ),
    "fake-dispatch-found/1": (
        FakeDispatchFound("w1", (Unit(1, 3),), "the carrier never had it", "ab" * 32),
        (
            "9501a2773191920103b87468652063617272696572206e6576657220686164206974d94061626162616261626162616261"
            "62616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162"
            "6162"
        ),
    ),
    "refund-entitled/1": (
        RefundEntitled(
            "p:1", "returnless-refund", "2021-06", "b1", "CNY", 10_000, 1_623_340_799_999_999, "ab" * 32
        ),
        (
            "9901a3703a31b172657475726e6c6573732d726566756e64a7323032312d3036a26231a3434e59cd2710cf0005c46b7bbb"
            "bfffd940616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
            "62616261626162616261626162616261626162"
        ),
    ),
    "credit-rule-published/1": (
        CreditRulePublished("2021-06", 3, 5_000, 2_500, "the first"),
        "9601a7323032312d303603cd1388cd09c4a9746865206669727374",
    ),
    "standing-assessed/1": (
        StandingAssessed(7, 12, 1, 2),
        "9501070c0102",
    ),
    "standing-appealed/1": (
        StandingAppealed("long known"),
        "9201aa6c6f6e67206b6e6f776e",
    ),
    "standing-appeal-decided/1": (
        StandingAppealDecided(9_000, "CNY", "so it is"),
        "9401cd2328a3434e59a8736f206974206973",
    ),
    "instant-credit-taken/1": (
        InstantCreditTaken(
            "r1", "b1", "CNY", 9_000, 20_000, "2021-06", (CreditStep("card: none", "20000", 20_000),)
        ),
        "9801a27231a26231a3434e59cd2328cd4e20a7323032312d30369193aa636172643a206e6f6e65a53230303030cd4e20",
    ),
    "instant-credit-freed/1": (
        InstantCreditFreed("r1", "b1", "CNY", 9_000),
        "9501a27231a26231a3434e59cd2328",
    ),
    "freight-split/1": (
        FreightSplit("CNY", 1_000, (FreightShare("p:1", 30_000, 750), FreightShare("p:2", 10_000, 250))),
        "9401a3434e59cd03e89293a3703a31cd7530cd02ee93a3703a32cd2710ccfa",
    ),
    "refund-requested/1": (
        RefundRequested(
            "p:1",
            "s1",
            "b1",
            "CNY",
            2_334,
            667,
            (RefundLine(1, "sku", 1, 2_334, 667, 9_000, (1,), 0),),
            "broken",
            True,
        ),
        (
            "9a01a3703a31a27331a26231a3434e59cd091ecd029b919801a3736b7501cd091ecd029bcd2328910100a662726f"
            "6b656ec3"
        ),
    ),
    "refund-approved/1": (
        RefundApproved(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "refund-refused/1": (
        RefundRefused("no", ("out_of_order",)),
        "9301a26e6f91ac6f75745f6f665f6f72646572",
    ),
    "refund-escalated/1": (
        RefundEscalated("help"),
        "9201a468656c70",
    ),
    "return-shipped/1": (
        ReturnShipped("w2", "sf", True, ("out_of_order",)),
        "9501a27732a27366c391ac6f75745f6f665f6f72646572",
    ),
    "return-received/1": (
        ReturnReceived(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "instant-refund-advanced/1": (
        InstantRefundAdvanced(
            "p:1", "s1", "CNY", 2_334, 667, 9_500, (RefundLine(1, "sku", 1, 2_334, 667, 9_000, (1,)),)
        ),
        "9801a3703a31a27331a3434e59cd091ecd029bcd251c919801a3736b7501cd091ecd029bcd2328910100",
    ),
    "refund-advance-recovered/1": (
        RefundAdvanceRecovered("p:1", "s1", "CNY", 1_000, 1_300, 34),
        "9701a3703a31a27331a3434e59cd03e8cd051422",
    ),
    "refund-completed/1": (
        RefundCompleted(
            "p:1",
            "s1",
            "h1",
            "b1",
            "CNY",
            9_000,
            2_000,
            0,
            9_500,
            (RefundLine(1, "sku", 3, 9_000, 2_000, 9_000, (), 2_000),),
            Bearers(0, 500, 300, 8_700, 200, 100, 2_000),
            "feed",
            ("guard_exceeded",),
        ),
        (
            "9e01a3703a31a27331a26831a26231a3434e59cd2328cd07d000cd251c919801a3736b7503cd2328cd07d0cd2328"
            "90cd07d09700cd01f4cd012ccd21fcccc864cd07d0a46665656491ae67756172645f6578636565646564"
        ),
    ),
    "chargeback-received/1": (
        ChargebackReceived(
            "p:1",
            "s1",
            "b1",
            "CNY",
            10_000,
            9_500,
            5_000,
            100,
            4_000,
            900,
            "fraudulent",
            "feed",
            ("already_refunded",),
        ),
        (
            "9e01a3703a31a27331a26231a3434e59cd2710cd251ccd138864cd0fa0cd0384aa6672617564756c656e74a46665656491"
            "b0616c72656164795f726566756e646564"
        ),
    ),
    "chargeback-reversed/1": (
        ChargebackReversed("p:1", "s1", "b1", "CNY", 10_000, 9_500, 5_000, 100, 4_000, 900, "feed"),
        "9c01a3703a31a27331a26231a3434e59cd2710cd251ccd138864cd0fa0cd0384a466656564",
    ),
    "chargeback-repaid/1": (
        ChargebackRepaid("b1", "CNY", 1_000, 4_000),
        "9501a26231a3434e59cd03e8cd0fa0",
    ),
    "refund-closed/1": (
        RefundClosed("done"),
        "9201a4646f6e65",
    ),
    "shop-opened/1": (
        ShopOpened("Cups & Co", "CNY", "home"),
        "9401a943757073202620436fa3434e59a4686f6d65",
    ),
    "deposit-paid/1": (
        DepositPaid("s1", "CNY", 100_000),
        "9401a27331a3434e59ce000186a0",
    ),
    "deposit-refunded/1": (
        DepositRefunded("s1", "CNY", 99_000),
        "9401a27331a3434e59ce000182b8",
    ),
    "shop-paid-out/1": (
        ShopPaidOut("s1", "CNY", 9_000, 300, "feed", ("guard_exceeded",)),
        "9701a27331a3434e59cd2328cd012ca46665656491ae67756172645f6578636565646564",
    ),
    "host-paid-out/1": (
        HostPaidOut("h1", "CNY", 300, 0, "", ()),
        "9701a26831a3434e59cd012c00a090",
    ),
    "shop-closing-requested/1": (
        ShopClosingRequested("moving on"),
        "9201a96d6f76696e67206f6e",
    ),
    "benefit-opened/1": (
        BenefitOpened("counterfeit"),
        "9201ab636f756e74657266656974",
    ),
    "benefit-closed/1": (
        BenefitClosed("counterfeit", "too dear"),
        "9301ab636f756e74657266656974a8746f6f2064656172",
    ),
    "shop-restricted/1": (
        ShopRestricted("deposit", "short"),
        "9301a76465706f736974a573686f7274",
    ),
    "shop-suspended/1": (
        ShopSuspended("pe1", "brushing", 1_625_000_000_000_000),
        "9401a3706531a86272757368696e67cf0005c5edcbc29000",
    ),
    "shop-banned/1": (
        ShopBanned("pe2", "fakes"),
        "9301a3706532a566616b6573",
    ),
    "shop-reinstated/1": (
        ShopReinstated("pe1", "appeal won"),
        "9301a3706531aa61707065616c20776f6e",
    ),
    "freight-service-charged/1": (
        FreightServiceCharged("s1", "CNY", 300, "2021-06"),
        "9501a27331a3434e59cd012ca7323032312d3036",
    ),
    "warranty-service-charged/1": (
        WarrantyServiceCharged("s1", "CNY", 700, "2021-06"),
        "9501a27331a3434e59cd02bca7323032312d3036",
    ),
    "subsidy-granted/1": (
        SubsidyGranted("s1", "CNY", 5_000, "spring"),
        "9501a27331a3434e59cd1388a6737072696e67",
    ),
    "offer-marked/1": (
        OfferMarked("lab1", "gold"),
        "9301a46c616231a4676f6c64",
    ),
    "offer-unmarked/1": (
        OfferUnmarked("sold out"),
        "9201a8736f6c64206f7574",
    ),
    "item-at-warehouse/1": (
        ItemAtWarehouse("i1", 1, 2),
        "9401a269310102",
    ),
    "item-appraised/1": (
        ItemAppraised("i1", 1, 2, "certified", "c1"),
        "9601a269310102a9636572746966696564a26331",
    ),
    "item-received/1": (
        ItemReceived("p:1", 1, 2, "s1", "lab1", ("out_of_order",)),
        "9701a3703a310102a27331a46c61623191ac6f75745f6f665f6f72646572",
    ),
    "check-recorded/1": (
        CheckRecorded("narration", False, "gold", "brass", "0a0b", ("out_of_order",)),
        "9701a96e6172726174696f6ec2a4676f6c64a56272617373a43061306291ac6f75745f6f665f6f72646572",
    ),
    "appraisal-passed/1": (
        AppraisalPassed(("out_of_order",)),
        "920191ac6f75745f6f665f6f72646572",
    ),
    "appraisal-failed/1": (
        AppraisalFailed(("narration",), "plated", ("out_of_order",)),
        "940191a96e6172726174696f6ea6706c6174656491ac6f75745f6f665f6f72646572",
    ),
    "certificate-issued/1": (
        CertificateIssued("c1", "p:1", "s1", "lab1", "CNY", 300, 200, True, ("out_of_order",)),
        "9a01a26331a3703a31a27331a46c616231a3434e59cd012cccc8c391ac6f75745f6f665f6f72646572",
    ),
    "device-inspected/1": (
        DeviceInspected("lab1", "0a0b", "A", "a scratch", ("out_of_order",)),
        "9601a46c616231a430613062a141a961207363726174636891ac6f75745f6f665f6f72646572",
    ),
    "warranty-started/1": (
        WarrantyStarted("p:1", 1, 2, "v1", 1_622_700_000_000_000, 1_638_287_999_999_999),
        "9701a3703a310102a27631cf0005c3d64913b800cf0005d203a6479fff",
    ),
    "lab-paid/1": (
        LabPaid("lab1", "CNY", 500),
        "9401a46c616231a3434e59cd01f4",
    ),
    "host-opened/1": (
        HostOpened("Ann", "a1"),
        "9301a3416e6ea26131",
    ),
    "host-suspended/1": (
        HostSuspended("pe1", "brushing", 1_625_000_000_000_000),
        "9401a3706531a86272757368696e67cf0005c5edcbc29000",
    ),
    "host-banned/1": (
        HostBanned("pe2", "fakes"),
        "9301a3706532a566616b6573",
    ),
    "host-reinstated/1": (
        HostReinstated("pe1", "appeal won"),
        "9301a3706531aa61707065616c20776f6e",
    ),
    "host-closed/1": (
        HostClosed("moved on"),
        "9201a86d6f766564206f6e",
    ),
    "session-begun/1": (
        SessionBegun("h1", "s1", "Cups"),
        "9401a26831a27331a443757073",
    ),
    "session-closed/1": (
        SessionClosed("sold out"),
        "9201a8736f6c64206f7574",
    ),
    "review-invited/1": (
        ReviewInvited("p:1", 1, "s1", "h1", "b1", ("again",)),
        "9701a3703a3101a27331a26831a2623191a5616761696e",
    ),
    "review-submitted/1": (
        ReviewSubmitted("p:1", 1, "s1", "h1", "b1", 2, 5, 4, 3, 1, "0a0b", ("out_of_order",)),
        "9d01a3703a3101a27331a26831a262310205040301a43061306291ac6f75745f6f665f6f72646572",
    ),
    "review-answered/1": (
        ReviewAnswered("host", "0a0b", ("again",)),
        "9401a4686f7374a43061306291a5616761696e",
    ),
    "worth-vote-cast/1": (
        WorthVoteCast("cup", "s1", "u1", False, ("already_voted",)),
        "9601a3637570a27331a27531c291ad616c72656164795f766f746564",
    ),
    "false-claim-reported/1": (
        FalseClaimReported(
            "l1", "h1", "silver", "u1", 1_622_505_600_000_000, 18_779, 20, 1, 0, "0a0b", ("again",)
        ),
        "9c01a26c31a26831a673696c766572a27531cf0005c3a905ef2000cd495b140100a43061306291a5616761696e",
    ),
    "false-claim-flagged/1": (
        FalseClaimFlagged(
            "l1", "h1", "silver", "ear-3", 9_500, 1_622_505_600_000_000, 5, 1, "0a0b", ("out_of_window",)
        ),
        (
            "9b01a26c31a26831a673696c766572a56561722d33cd251ccf0005c3a905ef20000501a43061306291ad6f75745f6f66"
            "5f77696e646f77"
        ),
    ),
    "report-decided/1": (
        ReportDecided("l1", "silver", "u1", False, 1, 0, "it is"),
        "9801a26c31a673696c766572a27531c20100a56974206973",
    ),
    "host-reminded/1": (
        HostReminded("l2", "silver", 10, 10, "pinocchio-1", "l1", "pinocchio-f9"),
        "9801a26c32a673696c7665720a0aab70696e6f636368696f2d31a26c31ac70696e6f636368696f2d6639",
    ),
    "complaint-recorded/1": (
        ComplaintRecorded("p:1", 1, "s1", "h1", "b1", "missing-gift", "0a0b", ("not_the_buyer",)),
        "9901a3703a3101a27331a26831a26231ac6d697373696e672d67696674a43061306291ad6e6f745f7468655f6275796572",
    ),
    "complaint-claimed/1": (
        ComplaintClaimed("c1", "fraud-law"),
        "9301a26331a966726175642d6c6177",
    ),
    "brand-registered/1": (
        BrandRegistered(("North",), ("sup-1",), ("NO-*",)),
        "940191a54e6f72746891a57375702d3191a44e4f2d2a",
    ),
    "counterfeit-notice-shared/1": (
        CounterfeitNoticeShared(
            "north", "south", ("NO-1",), ("i1",), ("c1",), ("north cap",), "0a0b", ("unknown_brand",)
        ),
        (
            "9901a56e6f727468a5736f75746891a44e4f2d3191a2693191a2633191a96e6f72746820636170a43061306291ad756e"
            "6b6e6f776e5f6272616e64"
        ),
    ),
    "counterfeit-notice-withdrawn/1": (
        CounterfeitNoticeWithdrawn("a mistake"),
        "9201a961206d697374616b65",
    ),
    "score-snapshot-taken/1": (
        ScoreSnapshotTaken(
            "s1",
            "tea",
            18_779,
            "1",
            "d1",
            2,
            561,
            "leading",
            40,
            3,
            "105/2",
            2,
            1,
            3,
            (ScoreComponent("repeat_rate", "0.25", 20, 50, 60, 300, 4, 1, 5),),
            ("content",),
            ("quality_refunds",),
        ),
        (
            "dc001201a27331a3746561cd495ba131a2643102cd0231a76c656164696e672803a53130352f320201039199"
            "ab7265706561745f72617465a4302e323514323ccd012c04010591a7636f6e74656e7491af7175616c697479"
            "5f726566756e6473"
        ),
    ),
    "provider-admitted/1": (
        ProviderAdmitted("Agency", "wind-maker"),
        "9301a64167656e6379aa77696e642d6d616b6572",
    ),
    "provider-exited/1": (
        ProviderExited("bankrupt"),
        "9201a862616e6b72757074",
    ),
    "badge-granted/1": (
        BadgeGranted("trust-purchase", "1", 18_800, 7, (Ground("index", "61.3", "at least 40.0", True),)),
        (
            "9601ae74727573742d7075726368617365a131cd4970079194a5696e646578a436312e33ad6174206c65617374203430"
            "2e30c3"
        ),
    ),
    "badge-revoked/1": (
        BadgeRevoked("trust-purchase", "1", 18_801, 9, (Ground("index", "34.9", "at least 35.0", False),)),
        (
            "9601ae74727573742d7075726368617365a131cd4971099194a5696e646578a433342e39ad6174206c65617374203335"
            "2e30c2"
        ),
    ),
    "campaign-entered/1": (
        CampaignEntered(
            "sale-11",
            "standard",
            "1",
            (Ground("status", "open", "one of open", True),),
            ("requirement_unmet",),
        ),
        (
            "9601a773616c652d3131a87374616e64617264a1319194a6737461747573a46f70656eab6f6e65206f66206f70656ec3"
            "91b1726571756972656d656e745f756e6d6574"
        ),
    ),
    "campaign-refused/1": (
        CampaignRefused(
            "sale-11", "standard", "1", (Ground("badges", "none", "all of trust-purchase", False),)
        ),
        (
            "9501a773616c652d3131a87374616e64617264a1319194a6626164676573a46e6f6e65b5616c6c206f66207472757374"
            "2d7075726368617365c2"
        ),
    ),
    "traffic-allocated/1": (
        TrafficAllocated("s1", 18_800, "key", "cold-start", 2_000, "1", 7, "new"),
        "9901a27331cd4970a36b6579aa636f6c642d7374617274cd07d0a13107a36e6577",
    ),
    "host-provider-changed/1": (
        HostProviderChanged("a2", ("provider_not_admitted",)),
        "9301a2613291b570726f76696465725f6e6f745f61646d6974746564",
    ),
    "shop-provider-changed/1": (
        ShopProviderChanged("a1"),
        "9301a2613190",
    ),
    "provider-tier-set/1": (
        ProviderTierSet(2021, "100 M", "1", "CNY", 10_000_000_001, 7),
        "9701cd07e5a5313030204da131a3434e59cf00000002540be40107",
    ),
    "shop-closed/1": (
        ShopClosed(),
        "9101",
    ),
    "adjustment-recorded/1": (
        AdjustmentRecorded("s1", "GBP", -1_100, "bad debt"),
        "9501a27331a3474250d1fbb4a86261642064656274",
    ),
    "platform-fund-movement-recorded/1": (
        PlatformFundMovementRecorded(
            "s1", "FUND_FREEZE", "CNY", -12_000, -30, "ks:1", "wallet5", "held for review"
        ),
        (
            "9901a27331ab46554e445f465245455a45a3434e59d1d120e2a46b733a31a777616c6c657435af68656c6420666f"
            "7220726576696577"
        ),
    ),
    "correction-recorded/1": (
        CorrectionRecorded(7, "deposit-paid", bytes.fromhex("9401a27331a3434e59ce000186a0"), "typed twice"),
        "950107ac6465706f7369742d70616964c40e9401a27331a3434e59ce000186a0ab7479706564207477696365",
    ),
    "fact-parked/1": (
        FactParked(
            "orders.pay", bytes.fromhex("83a26964a3703a31a26174c0a463617368cd1d4c"), "review", "wrong_state"
        ),
        (
            "9501aa6f72646572732e706179c41483a26964a3703a31a26174c0a463617368cd1d4ca6726576696577ab77726f"
            "6e675f7374617465"
        ),
    ),
    "pet-fund-contributed/1": (
        PetFundContributed("CNY", 100000, "opening"),
        "9401a3434e59ce000186a0a76f70656e696e67",
    ),
    "card-issued/1": (
        CardIssued("gold"),
        "9201a4676f6c64",
    ),
    "tier-changed/1": (
        TierChanged("silver", "asked"),
        "9301a673696c766572a561736b6564",
    ),
    "benefit-used/1": (
        BenefitUsed("returnless-refund", "2021-06", "claim-1", 3, 2),
        "9601b172657475726e6c6573732d726566756e64a7323032312d3036a7636c61696d2d310302",
    ),
    "coupon-granted/1": (
        CouponGranted("k1", "red packet", "CNY", 500, 1623283199999999, "welcome"),
        "9701a26b31aa726564207061636b6574a3434e59cd01f4cf0005c45e12817fffa777656c636f6d65",
    ),
    "coupon-redeemed/1": (
        CouponRedeemed("k1", "red packet", "CNY", 300, "p:1"),
        "9601a26b31aa726564207061636b6574a3434e59cd012ca3703a31",
    ),
    "coupon-expired/1": (
        CouponExpired("k1", "red packet", "CNY", 200),
        "9501a26b31aa726564207061636b6574a3434e59ccc8",
    ),
    "incident-declared/1": (
        IncidentDeclared("Sugar water sold as bird's nest", "birds-nest", "s1", "CNY", 52000, 2, "2021-06"),
        (
            "9801bf537567617220776174657220736f6c6420617320626972642773206e657374aa62697264732d6e657374"
            "a27331a3434e59cdcb2002a7323032312d3036"
        ),
    ),
    "batch-opened/1": (
        BatchOpened("first list"),
        "9201aa6669727374206c697374",
    ),
    "member-added/1": (
        MemberAdded("i1", "b1", "p:1"),
        "9401a26931a26231a3703a31",
    ),
    "member-excluded/1": (
        MemberExcluded("i1", "b1", "refunded before"),
        "9401a26931a26231af726566756e646564206265666f7265",
    ),
    "batch-approved/1": (
        BatchApproved("i1", "ann", 2, 2, 3, "CNY", 156000, 100000),
        "9901a26931a3616e6e020203a3434e59ce00026160ce000186a0",
    ),
    "batch-funded/1": (
        BatchFunded("i1", "CNY", 56000),
        "9401a26931a3434e59cddac0",
    ),
    "incident-compensation-granted/1": (
        IncidentCompensationGranted("i1", "b1", "CNY", 52000),
        "9501a26931a26231a3434e59cdcb20",
    ),
    "incident-compensation-paid/1": (
        IncidentCompensationPaid("i1", "b1", "CNY", 52000, "incident/i1/b1/1"),
        "9601a26931a26231a3434e59cdcb20b0696e636964656e742f69312f62312f31",
    ),
    "incident-compensation-failed/1": (
        IncidentCompensationFailed("i1", "b1", "CNY", 52000, "incident/i1/b1/1", "account closed"),
        ("9701a26931a26231a3434e59cdcb20b0696e636964656e742f69312f62312f31ae6163636f756e7420636c6f736564"),
    ),
    "batch-closed/1": (
        BatchClosed("i1", "CNY", 104000, 52000),
        "9501a26931a3434e59ce00019640cdcb20",
    ),
    "policy-published/1": (
        PolicyPublished(
            Terms(
                benefit="counterfeit",
                version="2021-11",
                effective_from=1_635_696_000_000_000,
                family="authenticity",
                formula="multiple",
                multiple=9,
                refund=True,
                evidence=("report",),
                quotas=(Quota(tier="gold", uses=4, limit=500),),
                payers=("deposit", "fund"),
                law=("fraud-law",),
                offset=("same_cause",),
            ),
            "law",
        ),
        (
            "9301de0023a666616d696c79ac61757468656e746963697479a57469746c65a0a56261736973a8636f6e74726163"
            "74a863757272656e6379a3434e59a774726967676572a0a7756e61736b6564c2a7666f726d756c61a86d756c7469"
            "706c65a86d756c7469706c6509ad6c6f73735f6d756c7469706c6500a7726174655f627000a6616d6f756e7400a6"
            "726566756e64c3af726566756e645f696e636c75646564c2a5666c6f6f7200a3636170c0a3706572a4756e6974ab"
            "77696e646f775f66726f6dc0ab77696e646f775f6461797300a863616c656e646172ad417369612f5368616e6768"
            "6169a865766964656e636591a67265706f7274a671756f7461739183a474696572a4676f6c64a47573657304a56c"
            "696d6974cd01f4ac71756f74615f706572696f64a479656172aa63617465676f7269657390a670617965727392a7"
            "6465706f736974a466756e64a36c617791a966726175642d6c6177a8737461636b696e67a66c6172676572a66f66"
            "6673657491aa73616d655f6361757365a9617070726f76616c7300a770656e616c7479c2a8726f756e64696e67a7"
            "68616c665f7570b06265747465725f666f725f6275796572c2a762656e65666974ab636f756e74657266656974a7"
            "76657273696f6ea7323032312d3131ae6566666563746976655f66726f6dcf0005cfa8270a6000ac656666656374"
            "6976655f746fc0a36c6177"
        ),
    ),
    "policy-retired/1": (
        PolicyRetired("2021-06", 1_635_696_000_000_000, "over", "law"),
        "9501a7323032312d3036cf0005cfa8270a6000a46f766572a36c6177",
    ),
    "coverage-attached/1": (
        CoverageAttached("p:1", 2, "counterfeit", "2021-11", "s1", "b1", "gold"),
        "9801a3703a3102ab636f756e74657266656974a7323032312d3131a27331a26231a4676f6c64",
    ),
    "period-closed/1": (
        PeriodClosed("2021-06", 1_625_068_800_000_000),
        "9301a7323032312d3036cf0005c5fdd08f4000",
    ),
    "fact-skipped/1": (
        FactSkipped("order_status", 7, "its lines are of no use"),
        "9401ac6f726465725f73746174757307b7697473206c696e657320617265206f66206e6f20757365",
    ),
    "penalty-proposed/1": (
        PenaltyProposed("shop", "s1", "s1", "CNY", 100_000, 3, (Measure("ban", 7),), "fake", "claim-c1"),
        "9a01a473686f70a27331a27331a3434e59ce000186a0039192a362616e07a466616b65a8636c61696d2d6331",
    ),
    "penalty-dropped/1": (
        PenaltyDropped("no proof"),
        "9201a86e6f2070726f6f66",
    ),
    "penalty-imposed/1": (
        PenaltyImposed("gang", "ring", "s1", "CNY", 100_000, 3, (Measure("ban"),), "fake", "", True, ("x",)),
        "9c01a467616e67a472696e67a27331a3434e59ce000186a0039192a362616e00a466616b65a0c391a178",
    ),
    "penalty-published/1": (
        PenaltyPublished(),
        "9101",
    ),
    "penalty-sent/1": (
        PenaltySent(),
        "9101",
    ),
    "penalty-served/1": (
        PenaltyServed(),
        "9101",
    ),
    "fee-added/1": (
        FeeAdded("CNY", 1_100, "sending"),
        "9401a3434e59cd044ca773656e64696e67",
    ),
    "penalty-increased/1": (
        PenaltyIncreased("CNY", 150_000, 3, ("superseded",)),
        "9501a3434e59ce000249f00391aa73757065727365646564",
    ),
    "sent-to-collection/1": (
        SentToCollection(),
        "9101",
    ),
    "fine-collected/1": (
        FineCollected("s1", "CNY", 100_000),
        "9401a27331a3434e59ce000186a0",
    ),
    "fine-paid/1": (
        FinePaid("CNY", 100_000, ("overpaid",)),
        "9401a3434e59ce000186a091a86f76657270616964",
    ),
    "penalty-appealed/1": (
        PenaltyAppealed("first", "not fake", ("out_of_order",)),
        "9401a56669727374a86e6f742066616b6591ac6f75745f6f665f6f72646572",
    ),
    "appeal-advanced/1": (
        AppealAdvanced("prefecture", "forwarded"),
        "9301aa70726566656374757265a9666f72776172646564",
    ),
    "appeal-denied/1": (
        AppealDenied("judge", "fake", 6, ("superseded",)),
        "9501a56a75646765a466616b650691aa73757065727365646564",
    ),
    "penalty-overturned/1": (
        PenaltyOverturned("first", "s1", "CNY", "real", GivenBack(10, 20, 30, 40, 50, 40), 100, 5, ("x",)),
        "9901a56669727374a27331a3434e59a47265616c960a141e283228640591a178",
    ),
    "penalty-varied/1": (
        PenaltyVaried(
            "first", "s1", "CNY", 40_000, "first time", GivenBack(10, 20, 30, 40, 50, 40), 100, 5, ("x",)
        ),
        "9a01a56669727374a27331a3434e59cd9c40aa66697273742074696d65960a141e283228640591a178",
    ),
    "penalty-final/1": (
        PenaltyFinal(),
        "9101",
    ),
    "fine-released/1": (
        FineReleased("CNY", 90_000, 10_000),
        "9401a3434e59ce00015f90cd2710",
    ),
    "fine-returned/1": (
        FineReturned("CNY", 60_000, 100_000),
        "9401a3434e59cdea60ce000186a0",
    ),
    "fine-overpayment-returned/1": (
        FineOverpaymentReturned("CNY", 500, 100_500),
        "9401a3434e59cd01f4ce00018894",
    ),
    "training-completed/1": (
        TrainingCompleted(),
        "9101",
    ),
    "account-removed/1": (
        AccountRemoved("a1", True),
        "9301a26131c3",
    ),
    "lead-referred/1": (
        LeadReferred("police", "7"),
        "9301a6706f6c696365a137",
    ),
    "case-linked/1": (
        CaseLinked("court", "c7"),
        "9301a5636f757274a26337",
    ),
    "fine-due-recorded/1": (
        FineDueRecorded("n1", "CNY", 400, True),
        "9501a26e31a3434e59cd0190c3",
    ),
    "fine-share-published/1": (
        FineSharePublished(9_000, 1_622_505_600_000_000, "rent"),
        "9401cd2328cf0005c3a905ef2000a472656e74",
    ),
    "brushing-intercepted/1": (
        BrushingIntercepted(1_200, "robots"),
        "9301cd04b0a6726f626f7473",
    ),
    "visits-recorded/1": (
        VisitsRecorded("s1", "2021-06-10", 1_200, "app", ("future_day",)),
        "9601a27331aa323032312d30362d3130cd04b0a361707091aa6675747572655f646179",
    ),
    "order-claimed/1": (
        OrderClaimed("c1", "counterfeit"),
        "9301a26331ab636f756e74657266656974",
    ),
    "claim-filed/1": (
        ClaimFiled(
            "p:1",
            "s1",
            "b1",
            "CNY",
            "counterfeit",
            "authenticity",
            "2021-11",
            (ClaimUnit(1, 2, 3_333, "cup"),),
            ("p:1/1/2/authenticity",),
            800,
            900,
            "w1",
            "i1",
            "lab1",
            "fake",
            ("out_of_window",),
        ),
        (
            "dc001101a3703a31a27331a26231a3434e59ab636f756e74657266656974ac61757468656e746963697479a73230"
            "32312d313191940102cd0d05a363757091b4703a312f312f322f61757468656e746963697479cd0320cd0384a277"
            "31a26931a46c616231a466616b6591ad6f75745f6f665f77696e646f77"
        ),
    ),
    "claim-contested/1": (
        ClaimContested("genuine"),
        "9201a767656e75696e65",
    ),
    "evidence-requested/1": (
        EvidenceRequested("shop", "invoice"),
        "9301a473686f70a7696e766f696365",
    ),
    "evidence-submitted/1": (
        EvidenceSubmitted("shop", "invoice", "00ff"),
        "9401a473686f70a7696e766f696365a430306666",
    ),
    "claim-upheld/1": (
        ClaimUpheld(
            "p:1",
            "s1",
            "b1",
            "CNY",
            3_333,
            29_997,
            29_997,
            "contract",
            "2021-11",
            ("fraud-law 2014-03",),
            (ClaimUnit(1, 2, 3_333, "cup"),),
            ("deposit", "fund"),
            "shop",
            ("refund_included",),
            (TraceStep("paid", "3333", 3_333),),
            ("p:1/1/2/authenticity",),
            ("p:1/1/2/authenticity",),
            (RefundLine(1, "cup", 1, 3_333, 0, 10_000, (2,)),),
            10_000,
            520,
            52_000,
            "i1",
            True,
            "proven",
        ),
        (
            "dc001901a3703a31a27331a26231a3434e59cd0d05cd752dcd752da8636f6e7472616374a7323032312d313191b1"
            "66726175642d6c617720323031342d303391940102cd0d05a363757092a76465706f736974a466756e64a473686f"
            "7091af726566756e645f696e636c756465649193a470616964a433333333cd0d0591b4703a312f312f322f617574"
            "68656e74696369747991b4703a312f312f322f61757468656e746963697479919801a363757001cd0d0500cd2710"
            "910200cd2710cd0208cdcb20a26931c3a670726f76656e"
        ),
    ),
    "claim-rejected/1": (
        ClaimRejected("s1", "genuine", ("p:1/1/2/authenticity",)),
        "9401a27331a767656e75696e6591b4703a312f312f322f61757468656e746963697479",
    ),
    "claim-withdrawn/1": (
        ClaimWithdrawn("s1", "found it", ("p:1/1/2/authenticity",)),
        "9401a27331a8666f756e6420697491b4703a312f312f322f61757468656e746963697479",
    ),
    "claim-appealed/1": (
        ClaimAppealed("s1", "buyer", "it is fake", ("p:1/1/2/authenticity",)),
        "9501a27331a56275796572aa69742069732066616b6591b4703a312f312f322f61757468656e746963697479",
    ),
    "claim-appeal-decided/1": (
        ClaimAppealDecided("s1", "denied", "genuine", ("p:1/1/2/authenticity",)),
        "9501a27331a664656e696564a767656e75696e6591b4703a312f312f322f61757468656e746963697479",
    ),
    "claim-funded/1": (
        ClaimFunded("c1", "p:1", "s1", "b1", "lab1", "CNY", Parts(1, 2, 3, 4, 5, 6, 7, 8), 40),
        "9901a26331a3703a31a27331a26231a46c616231a3434e5998010203040506070828",
    ),
    "funding-shortfall-recorded/1": (
        FundingShortfallRecorded(
            "c1", "s1", "CNY", "contract", 1_622_505_600_000_000, 29_100, ("deposit", "fund")
        ),
        "9801a26331a27331a3434e59a8636f6e7472616374cf0005c3a905ef2000cd71ac92a76465706f736974a466756e64",
    ),
    "compensation-paid/1": (
        CompensationPaid("c1", "b1", "CNY", 1_500, "t1", 1_500),
        "9701a26331a26231a3434e59cd05dca27431cd05dc",
    ),
    "compensation-confirmed/1": (
        CompensationConfirmed("t1"),
        "9201a27431",
    ),
    "compensation-result-unknown/1": (
        CompensationResultUnknown("t1", "no answer"),
        "9301a27431a96e6f20616e73776572",
    ),
    "compensation-failed/1": (
        CompensationFailed("c1", "b1", "CNY", 1_500, "t1", "closed account"),
        "9701a26331a26231a3434e59cd05dca27431ae636c6f736564206163636f756e74",
    ),
    "compensation-forfeited/1": (
        CompensationForfeited("c1", "b1", "CNY", 1_500, "no account"),
        "9601a26331a26231a3434e59cd05dcaa6e6f206163636f756e74",
    ),
    "compensation-cancelled/1": (
        CompensationCancelled(
            "c1",
            "p:1",
            "s1",
            "b1",
            "lab1",
            "CNY",
            Parts(1, 2, 3, 4, 5, 6, 7, 8),
            4,
            "void",
            ("p:1/1/2/authenticity",),
            (RefundLine(1, "cup", 1, 3_333, 0, 10_000, (2,)),),
            520,
            "i1",
        ),
        (
            "9e01a26331a3703a31a27331a26231a46c616231a3434e5998010203040506070804a4766f696491b4703a312f31"
            "2f322f61757468656e746963697479919801a363757001cd0d0500cd2710910200cd0208a26931"
        ),
    ),
    "compensation-recovery-opened/1": (
        CompensationRecoveryOpened("c1", "b1", "CNY", 1_500, "void"),
        "9601a26331a26231a3434e59cd05dca4766f6964",
    ),
    "compensation-recovered/1": (
        CompensationRecovered("c1", "p:1", "s1", "b1", "lab1", "CNY", Parts(1, 2, 3, 4, 5, 6, 7, 8)),
        "9801a26331a3703a31a27331a26231a46c616231a3434e59980102030405060708",
    ),
    "recourse-opened/1": (
        RecourseOpened("c1", "s1", "CNY", 1_291),
        "9501a26331a27331a3434e59cd050b",
    ),
    "recourse-recovered/1": (
        RecourseRecovered("c1", "s1", "CNY", 291, 1_000),
        "9601a26331a27331a3434e59cd0123cd03e8",
    ),
    "recourse-released/1": (
        RecourseReleased("c1", "s1", "CNY", 1_291, "cancelled"),
        "9601a26331a27331a3434e59cd050ba963616e63656c6c6564",
    ),
    "recourse-written-off/1": (
        RecourseWrittenOff("c1", "s1", "CNY", 1_291, "insolvent"),
        "9601a26331a27331a3434e59cd050ba9696e736f6c76656e74",
    ),
}

ENVELOPE = Envelope(
    recorded_at=1_623_340_799_000_001,
    effective_at=1_623_340_799_000_000,
    offset=480,
    occurred_at=1_623_340_000_000_000,
    actor="clerk",
    causation=3,
    correlation="order-p:1",
    key="key-1",
    source=Source("feed", "p:1", 2, b"\x01" * 32),
    reverses=5,
)
GOLDEN_ENVELOPE = (
    "9b01cf0005c46b7bac7dc1cf0005c46b7bac7dc0cd01e0cf0005c46b4c0cb800a5636c65726b03a96f726465722d703a31"
    "a56b65792d3194a466656564a3703a3102c420" + "01" * 32 + "05"
)
# The same with nothing but times.
GOLDEN_BARE = "9b010102cd01e0c0a000a0a0c000"


def golden_rows() -> Iterator[tuple[str, int, Fact, bytes]]:
    for name, (fact, body) in GOLDEN.items():
        topic, _, version = name.rpartition("/")
        yield topic, int(version), fact, bytes.fromhex(body)


ROWS = list(golden_rows())
NAMES = list(GOLDEN)


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.TOPIC)
def test_every_fact_is_at_home_in_every_room(fact):
    name = f"{fact.TOPIC}/{fact.__struct_config__.tag}"
    room = fact.__module__.rpartition(".")[2]
    missing = []
    if not (fact.__doc__ or "").strip() or fact.__doc__ == Fact.__doc__:
        missing.append(f"ledger/events/{room}.py: a docstring that says what happened, and the units")
    if fact not in POSTINGS:
        missing.append("ledger/postings.py: a row in POSTINGS (empty if it moves no money)")
    if fact not in FOLDS:
        missing.append(f"ledger/decisions/{room}.py: a fold (`unchanged` if the state does not care)")
    if name not in GOLDEN:
        missing.append(f"tests/ledger/test_codec.py: a row {name!r} in GOLDEN with its bytes")
    assert not missing, f"{fact.__name__} lacks:\n" + "\n".join(missing)


def test_the_tables_name_no_fact_that_is_gone():
    topics = {fact.TOPIC for fact in fact_types()}
    assert {topic for topic, *_ in ROWS} == topics
    assert set(POSTINGS) == set(FOLDS) == set(fact_types())


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.TOPIC)
def test_a_topic_is_its_first_name_for_ever(fact):
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in fact.__name__)
    assert words == f"-{fact.TOPIC}"


@pytest.mark.parametrize(("topic", "version", "fact", "body"), ROWS, ids=NAMES)
def test_golden_bytes(topic, version, fact, body):
    assert CODEC.decode_body(topic, body) == fact
    if version == fact.__struct_config__.tag:
        assert CODEC.encode_body(fact) == body, "a stored shape changed: give the fact its next version"
    else:
        assert (topic, version) in UPCASTS


@pytest.mark.parametrize(("topic", "version", "fact", "body"), ROWS, ids=NAMES)
def test_any_messagepack_library_reads_a_state(topic, version, fact, body):
    envelope, values = msgpack.unpackb(CODEC.encode(ENVELOPE, fact))
    assert envelope[0] == 1
    assert envelope[1:4] == [ENVELOPE.recorded_at, ENVELOPE.effective_at, 480]
    # Every field is there, whether it has its default or not: what defaults mean may change, bytes may not.
    assert values[0] == fact.__struct_config__.tag
    assert len(values) == 1 + len(fact.__struct_fields__)
    assert msgpack.packb(values) == CODEC.encode_body(fact)


@pytest.mark.parametrize(("envelope", "state"), [
    (ENVELOPE,              GOLDEN_ENVELOPE),
    (Envelope(1, 2, 480),   GOLDEN_BARE),
], ids=["full", "bare"])  # fmt: skip
def test_golden_envelopes(envelope, state):
    stored = bytes.fromhex("92" + state + "9101")
    assert CODEC.encode(envelope, OrderClosed()) == stored
    assert CODEC.decode("order-closed", stored) == (envelope, OrderClosed())


def test_golden_leaf():
    leaf = leaf_bytes(7, "order-p:1", 2, "order-closed", b"\x91\x01")
    assert leaf.hex() == "9407a96f726465722d703a3102ac6f726465722d636c6f7365649101"


def test_a_digest_tells_values_apart():
    same = digest("orders.pay", {"cash": 1}).hex()
    assert same == "af948db36dcdddc276cf3d158b1ef475622c6374e399a0c3e02d7bd96e4e4e61"
    assert len({digest(), digest(""), digest("a", "b"), digest("ab"), digest(("a", "b"))}) == 5


# Upcasts, with a register of their own: Mended was stored as version 1 (name), then 2 (name, amount).


class Mended(Fact, tag=3):
    """A thing was mended: version 2 learned the cost, version 3 put the currency first."""

    TOPIC = "mended"

    currency: str
    amount: int
    name: str


TOYS = Codec(
    [Mended],
    {
        ("mended", 1): lambda values: [*values, 0],
        ("mended", 2): lambda values: ["CNY", values[1], values[0]],
    },
)


@pytest.mark.parametrize("stored", [
    [1, "cup"],
    [2, "cup", 0],
    [3, "CNY", 0, "cup"],
], ids=["version 1", "version 2", "version 3"])  # fmt: skip
def test_older_versions_are_lifted_step_by_step(stored):
    cup = Mended("CNY", 0, "cup")
    envelope = msgpack.unpackb(bytes.fromhex(GOLDEN_BARE))
    assert TOYS.decode("mended", msgpack.packb([envelope, stored])) == (Envelope(1, 2, 480), cup)
    assert TOYS.decode_body("mended", msgpack.packb(stored)) == cup


def test_two_facts_cannot_share_a_topic():
    class Patched(Fact):
        TOPIC = "mended"

    with pytest.raises(ValueError, match="mended stands twice"):
        Codec([Mended, Patched], {})


def test_the_same_fact_may_be_named_twice():
    assert Codec([Mended, Mended], {}).types == {"mended": Mended}


BARE = bytes.fromhex(GOLDEN_BARE)
WRONG_BODIES = {
    "nothing":              b"",
    "cut":                  bytes.fromhex("9301a3"),
    "something behind":     bytes.fromhex("9301a26e6f90") + b"\x00",
    "a number":             b"\x01",
    "no text":              bytes.fromhex("9301a2ffff90"),
    "no version":           bytes.fromhex("90"),
    "a version to come":    bytes.fromhex("9302a26e6f90"),
    "a list for version":   bytes.fromhex("9390a26e6f90"),
    "another type":         bytes.fromhex("93010590"),
    "a field too many":     bytes.fromhex("9401a26e6f9001"),
    "a field too few":      bytes.fromhex("9101"),
    "a map":                bytes.fromhex("8101a26e6f"),
    "an endless array":     bytes.fromhex("ddffffffff01"),
    "a deep array":         b"\x91" * 5_000,
    "a reserved byte":      b"\xc1",
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_wrong_bytes_are_corrupt(body):
    with pytest.raises(Corrupt):
        CODEC.decode_body("refund-refused", body)
    with pytest.raises(Corrupt):
        CODEC.decode("refund-refused", b"\x92" + BARE + body)
    with pytest.raises(Corrupt):
        CODEC.decode("refund-refused", body)


@pytest.mark.parametrize("envelope", [b"\x90", b"\x91\x02", b"\x01", BARE[:-1], b"\x9b\x02" + BARE[2:]])
def test_a_wrong_envelope_is_corrupt(envelope):
    with pytest.raises(Corrupt):
        CODEC.decode("order-closed", b"\x92" + envelope + b"\x91\x01")


def test_a_topic_outside_the_register_is_corrupt():
    with pytest.raises(Corrupt, match="never-heard"):
        CODEC.decode("never-heard", b"\x92" + BARE + b"\x91\x01")
    with pytest.raises(Corrupt):
        CODEC.decode_body("never-heard", b"\x91\x01")


@pytest.mark.parametrize("stored", [[1], [1, 2, 3, 4], [2, "cup"], [0, "cup"], ["1", "cup"]], ids=str)
def test_wrong_bytes_of_an_older_version_are_corrupt_too(stored):
    with pytest.raises(Corrupt):
        TOYS.decode_body("mended", msgpack.packb(stored))


def test_what_people_and_json_see():
    fact = CorrectionRecorded(7, "deposit-paid", b"\x01\xff", "typed twice")
    seen = {"position": 7, "topic": "deposit-paid", "body": "01ff", "reason": "typed twice"}
    assert plain(fact) == seen
    dispatched = ParcelDispatched("w1", "", (Shipped(1, 2),))
    assert plain(dispatched)["items"] == [{"line": 1, "quantity": 2}]
    assert plain(ENVELOPE)["source"] == {
        "system": "feed",
        "id": "p:1",
        "version": 2,
        "digest": "01" * 32,
    }
    assert msgspec.json.encode(plain(ENVELOPE))
