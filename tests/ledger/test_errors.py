"""Every no has one stable code, a message, a remedy, a place in the tree, and a test that meets it."""

import re
from pathlib import Path

import pytest

from ledger import errors
from ledger.errors import LedgerError, WrongState, catalogue

OURS = [error for error in catalogue() if error.__module__ == errors.__name__]
PARENTS = [error for error in OURS if error.__subclasses__() and error is not LedgerError]
LEAVES = [error for error in OURS if error not in PARENTS and error is not LedgerError]
TESTS = Path(__file__).parents[1]

# Codes are for ever: clients and scripts decide by them.
CODES = """
    ledger_error
    malformed          invalid_amount invalid_currency invalid_identifier invalid_policy invalid_time
                       unknown_command
    not_found          unknown_account unknown_brand unknown_card unknown_chargeback unknown_claim
                       unknown_complaint unknown_formula unknown_host
                       unknown_incident unknown_item unknown_notice unknown_order unknown_penalty unknown_policy
                       unknown_position unknown_provider unknown_refund unknown_report
                       unknown_review unknown_session unknown_shop
    conflict           already_exists key_in_flight version_changed
    refused            account_gone already_compensated already_reported already_reversed already_voted
                       certificate_taken changed_without_version
                       coupon_unusable credit_limit_exceeded currency_mismatch deposit_held
                       document_split evidence_missing idempotency_key_reused incident_short
                       insufficient_funds needs_person not_appraised not_correctable not_covered
                       not_the_buyer notice_too_short policy_overlap projection_differs quota_exhausted refund_exceeds_paid same_approver
                       too_many_reports
                       window_over wrong_state
    unavailable        outcome_unknown projection_behind storage_unavailable
    corrupt
""".split()

# Where each is met: the file below tests/ that tells its story.
MET = {
    "ledger/test_catalogue.py":      "InvalidIdentifier UnknownCommand",
    "ledger/test_parking.py":        "Malformed",
    "ledger/test_money.py":          "InvalidAmount InvalidCurrency",
    "ledger/test_time.py":           "InvalidTime",
    "ledger/test_order.py":          "UnknownOrder AlreadyExists ChangedWithoutVersion CurrencyMismatch "
                                     "InsufficientFunds WrongState",
    "ledger/test_refund.py":         "UnknownRefund RefundExceedsPaid",
    "ledger/test_shop.py":           "UnknownShop",
    "ledger/test_claim.py":          "AlreadyCompensated NeedsPerson NotCovered UnknownClaim WindowOver",
    "ledger/test_standing.py":       "DepositHeld",
    "ledger/test_host.py":           "UnknownHost UnknownProvider UnknownSession",
    "ledger/test_appraisal.py":      "CertificateTaken NotAppraised UnknownItem",
    "ledger/test_chargeback.py":     "UnknownChargeback",
    "ledger/test_entitlement.py":    "CreditLimitExceeded EvidenceMissing",
    "ledger/test_policy.py":         "InvalidPolicy NoticeTooShort PolicyOverlap UnknownPolicy",
    "ledger/test_incident.py":       "IncidentShort SameApprover UnknownIncident",
    "ledger/test_card.py":           "CouponUnusable QuotaExhausted UnknownCard",
    "ledger/test_correction.py":     "AlreadyReversed NotCorrectable UnknownPosition VersionChanged",
    "ledger/test_codec.py":          "Corrupt",
    "ledger/store/test_writer.py":   "IdempotencyKeyReused",
    "ledger/store/test_faults.py":   "OutcomeUnknown StorageUnavailable",
    "projections/test_engine.py":    "Missing ProjectionBehind",
    "projections/test_rebuild.py":   "ProjectionDiffers",
    "api/http/test_commands.py":     "key_in_flight",
    "api/http/test_queries.py":      "unknown_account",
    "api/importers/test_documents.py": "DocumentSplit",
    "ledger/test_review.py":         "NotTheBuyer UnknownReview",
    "ledger/test_vote.py":           "AccountGone AlreadyVoted",
    "ledger/test_report.py":         "AlreadyReported TooManyReports UnknownReport",
    "ledger/test_complaint.py":      "UnknownComplaint",
    "ledger/test_notice.py":         "UnknownBrand UnknownNotice",
    "ledger/test_formula.py":       "UnknownFormula",
    "ledger/test_penalty.py":       "UnknownPenalty",
}  # fmt: skip


def test_codes_are_what_they_always_were():
    assert [error.code for error in OURS] == CODES
    assert len(set(CODES)) == len(CODES)


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.code)
def test_every_error_says_what_is_wrong_and_what_to_do(error):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert re.fullmatch(r"[A-Z].*\.", error.title())
    assert re.fullmatch(r"[A-Z`].*[.:]", error.remedy())
    assert "\n" not in error.title() + error.remedy()


def test_the_tree_is_drawn_as_it_is():
    def drawn(error: type[LedgerError], indent: str) -> list[str]:
        children = [child for child in error.__subclasses__() if child in OURS]
        lines = []
        for child in children:
            last = child is children[-1]
            lines.append(f"{indent}{'└' if last else '├'}── {child.__name__}")
            lines += drawn(child, indent + ("    " if last else "│   "))
        return lines

    picture = (errors.__doc__ or "").partition("LedgerError\n")[2].partition("\n\n")[0]
    seen = [re.sub(r"(── \w+).*", r"\1", line).strip() for line in picture.splitlines()]
    assert seen == [line.strip() for line in drawn(LedgerError, "")]


def test_an_error_keeps_its_detail_and_its_field():
    error = WrongState("The order is placed.", field="id")
    assert (error.detail, error.field) == ("The order is placed.", "id")
    assert str(error) == "The thing is not in a state that allows this. The order is placed."
    assert str(WrongState()) == WrongState.title()


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.code)
def test_every_error_is_met_somewhere(error):
    files = [file for file, names in MET.items() if {error.__name__, error.code} & set(names.split())]
    assert files, f"{error.__name__} is raised by no test that MET knows"
    for file in files:
        text = (TESTS / file).read_text(encoding="utf-8")
        assert error.__name__ in text or f'"{error.code}"' in text, f"{file} does not meet {error.__name__}"
