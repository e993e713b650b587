"""Commands over HTTP: the whole catalogue, answered once however often they are sent."""

import asyncio
import socket
import threading
from typing import Any

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from api import keys
from api.http.commands import KINDS, MAX_BODY
from ledger import policies
from ledger.decisions.base import COMMANDS
from ledger.store import schema
from ledger.writer import Writer
from tests.api.http.conftest import SECRET, Served

A = [{"sku": "A", "amount": 100}]
AB = [{"sku": "A", "quantity": 2, "amount": 10_000, "platform_coupon": 1_000}, {"sku": "B", "amount": 5_000}]
ORDER = {"shop": "S0", "buyer": "B1", "host": "H1", "currency": "CNY", "lines": AB}
RETURNED = {"order": "web:1", "returns": True, "items": [{"line": 2, "cash": 1_000}]}
INSTANT = {"order": "web:1", "items": [{"line": 1, "cash": 900}]}
RECORDED = {"shop": "S3", "currency": "GBP", "settled": True, "lines": A}
GIVEN_BACK = {"order": "uci:3", "shop": "S3", "currency": "GBP", "lines": [{"line": 1, "cash": 50}]}
HALF, REST = ([{"line": line, "quantity": quantity}] for line, quantity in ((1, 2), (2, 1)))
SETTLED = "order-settled refund-advance-recovered"
IMPORTED = "order-placed order-paid order-settled"

# An order that leaves late and comes back, of a shop with benefits.
LATE = {"shop": "S5", "buyer": "B5", "currency": "CNY", "lines": [{"sku": "A", "amount": 9_000}]}
FIRST = {"version": "1", "effective_from": "2021-06-01T00:00:00+08:00", "force": True, "reason": "the first"}
FREIGHT, SEVEN = (
    FIRST | {"rule": msgspec.to_builtins(policies.shipped()[f"{name}-2021-06"].rule)}
    for name in ("return-freight", "seven-day-return")
)
BACK = {"order": "web:5", "returns": True}
PROMISED = {"by": "2021-06-03T00:00:00+08:00"}
FREIGHT_PAID = "freight-split claim-filed order-claimed claim-upheld benefit-used claim-funded"
#   command                   id       body, and the facts that follow
ASSURED: list[tuple[str, str, dict[str, Any], str]] = [
    ("policies.publish",       "return-freight",   FREIGHT,                      "policy-published"),
    ("policies.publish",       "seven-day-return", SEVEN,                        "policy-published"),
    ("shops.open",             "S5",    {},                                      "shop-opened"),
    ("shops.pay-deposit",      "S5",    {"amount": 5_000},                       "deposit-paid"),
    ("shops.open-benefit",     "S5",    {"benefit": "return-freight"},           "benefit-opened"),
    ("shops.open-benefit",     "S5",    {"benefit": "seven-day-return"},         "benefit-opened"),
    ("orders.place",           "web:5", LATE,                                    "order-placed"),
    ("orders.pay",             "web:5", {"cash": 9_000},                         "order-paid coverage-attached coverage-attached"),
    ("orders.promise-dispatch", "web:5", PROMISED,                               "dispatch-promised"),
    ("orders.change-address",  "web:5", {"at": "2021-06-02T00:00:00+08:00"},     "address-changed"),
    ("orders.place-risk-hold", "web:5", {"reason": "stolen card?"},              "risk-hold-placed"),
    ("orders.lift-risk-hold",  "web:5", {},                                      "risk-hold-lifted"),
    ("orders.mark-overdue",    "web:5", {},                                      "dispatch-overdue"),
    ("orders.dispatch",        "web:5", {"waybill": "W5"},                       "parcel-dispatched"),
    ("orders.find-fake-dispatch", "web:5", {"waybill": "W5", "reason": "no scan"}, "fake-dispatch-found penalty-proposed"),
    ("orders.dispatch",        "web:5", {"waybill": "W6"},                       "parcel-dispatched"),
    ("orders.deliver",         "web:5", {"waybill": "W6"},                       "parcel-delivered"),
    ("refunds.request",        "R5",    BACK,                                    "refund-requested dispatch-paused"),
    ("refunds.use-benefit",    "R5",    {"benefit": "seven-day-return"},         "refund-entitled refund-approved"),
    ("refunds.ship-return",    "R5",    {"waybill": "W7"},                       "return-shipped"),
    ("refunds.receive-return", "R5",    {},                                      "return-received"),
    ("refunds.complete",       "R5",    {},                                      "refund-completed dispatch-resumed"),
    ("returns.claim-freight",  "W7",    {"cost": 800, "refunds": ["R5"]},        FREIGHT_PAID),
    ("chargebacks.receive",    "K5",    {"order": "web:5", "amount": 9_000},     "chargeback-received order-charged-back"),
    ("chargebacks.repay",      "K5",    {"amount": 1_000},                       "chargeback-repaid"),
    ("chargebacks.reverse",    "K5",    {},                                      "chargeback-reversed order-charged-back"),
    ("standing.publish-rule",  "rule",  {"version": "2", "few_orders": 5, "few_rate_bp": 0, "rejected_rate_bp": 0}, "credit-rule-published"),
    ("credit.assess",          "B5",    {"position": 5, "paid_orders": 1},       "standing-assessed"),
    ("credit.appeal",          "B5",    {"reason": "I am new"},                  "standing-appealed"),
    ("credit.decide-appeal",   "B5",    {"limit": 5_000, "reason": "so you are"}, "standing-appeal-decided"),
]  # fmt: skip

# A penalty through all its steps, one that was dropped, and one on a gang.
FINE = {
    "party": "shop",
    "party_id": "S6",
    "fine": 1_000,
    "reason": "fakes",
    "measures": [{"name": "training"}],
}
GANG = {"party": "gang", "party_id": "ring", "reason": "brushing"}
#   command                         id       body, and the facts that follow
FINED: list[tuple[str, str, dict[str, Any], str]] = [
    ("shops.open",                    "S6",    {},                                           "shop-opened"),
    ("shops.pay-deposit",             "S6",    {"amount": 900},                              "deposit-paid"),
    ("orders.place",                  "web:6", ORDER | {"shop": "S6"},                       "order-placed"),
    ("penalties.propose",             "N1",    FINE,                                         "penalty-proposed"),
    ("penalties.drop",                "N1",    {"reason": "no proof"},                       "penalty-dropped"),
    ("penalties.propose",             "N2",    FINE,                                         "penalty-proposed"),
    ("penalties.impose",              "N2",    {},                                           "penalty-imposed fine-due-recorded"),
    ("penalties.publish",             "N2",    {},                                           "penalty-published"),
    ("penalties.send",                "N2",    {"fee": 100},                                 "penalty-sent fee-added fine-due-recorded"),
    ("penalties.serve",               "N2",    {},                                           "penalty-served"),
    ("penalties.add-fee",             "N2",    {"amount": 50, "reason": "search"},           "fee-added fine-due-recorded"),
    ("penalties.increase",            "N2",    {"total": 2_000},                             "penalty-increased fine-due-recorded"),
    ("penalties.send-to-collection",  "N2",    {},                                           "sent-to-collection"),
    ("penalties.collect",             "N2",    {},                                           "fine-collected fine-due-recorded"),
    ("penalties.pay",                 "N2",    {"amount": 1_500},                            "fine-paid fine-due-recorded"),
    ("penalties.return-overpayment",  "N2",    {"amount": 200},                              "fine-overpayment-returned"),
    ("penalties.complete-training",   "N2",    {},                                           "training-completed"),
    ("penalties.refer-lead",          "N2",    {"authority": "police", "reference": "7"},    "lead-referred"),
    ("penalties.link-case",           "N2",    {"authority": "court", "case": "c7"},         "case-linked"),
    ("penalties.finalize",            "N2",    {},                                           "penalty-final"),
    ("penalties.appeal",              "N2",    {"reason": "real"},                           "penalty-appealed"),
    ("penalties.forward-appeal",      "N2",    {},                                           "appeal-advanced"),
    ("penalties.deny-appeal",         "N2",    {},                                           "appeal-denied"),
    ("penalties.appeal",              "N2",    {"instance": "second"},                       "penalty-appealed"),
    ("penalties.vary",                "N2",    {"total": 1_000},                             "penalty-varied"),
    ("penalties.return",              "N2",    {"amount": 10},                               "fine-returned"),
    ("penalties.finalize",            "N2",    {},                                           "penalty-final"),
    ("penalties.release",             "N2",    {},                                           "fine-released"),
    ("penalties.appeal",              "N2",    {"instance": "judge"},                        "penalty-appealed"),
    ("penalties.overturn",            "N2",    {"reason": "real"},                           "penalty-overturned"),
    ("penalties.record-appeal",       "N2",    {"instance": "judge", "step": "notified"},    "appeal-advanced"),
    ("penalties.impose",              "N3",    GANG,                                         "penalty-imposed"),
    ("penalties.remove-accounts",     "N3",    {"accounts": ["a1", "a2"]},                   "account-removed account-removed"),
    ("penalties.void-orders",         "N3",    {"order_ids": ["web:6"]},                     "order-voided"),
    ("visits.record",                 "S6",    {"day": "2021-06-10", "visits": 900},       "visits-recorded"),
    ("brushing.record",               "2021-06-10",{"count": 1_200},                             "brushing-intercepted"),
    ("fines.publish-share",           "share", {"rate_bp": 9_000},                           "fine-share-published"),
]  # fmt: skip

# A shop that sold fakes, its buyer's card, an incident, the warehouse, a host.
NINEFOLD, FIVE_TWENTY, AUTHENTIC = (
    FIRST | {"rule": msgspec.to_builtins(policies.shipped()[name].rule)}
    for name in ("counterfeit-2021-11", "incident-2021-06", "official-authenticity-2021-11")
)
BOUGHT = {"shop": "S7", "buyer": "B6", "currency": "CNY", "lines": [{"sku": "A", "amount": 10_000}]}
OFFER = {"lab": "L1"}
#   command                   id       body, and the facts that follow
FAKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("policies.publish",           "counterfeit", NINEFOLD,                                            "policy-published"),
    ("policies.publish",           "incident", FIVE_TWENTY,                                         "policy-published"),
    ("policies.publish",           "official-authenticity", AUTHENTIC,                                           "policy-published"),
    ("shops.open",                 "S7",      {},                                                  "shop-opened"),
    ("shops.open-benefit",         "S7",      {"benefit": "official-authenticity"},                "benefit-opened"),
    ("shops.open-benefit",         "S7",      {"benefit": "counterfeit"},                          "benefit-opened"),
    ("shops.open-benefit",         "S7",      {"benefit": "seven-day-return"},                     "benefit-opened"),
    ("shops.close-benefit",        "S7",      {"benefit": "seven-day-return"},                     "benefit-closed"),
    ("shops.pay-deposit",          "S7",      {"amount": 5000},                                    "deposit-paid"),
    ("shops.restrict",             "S7",      {"cause": "audit"},                                  "shop-restricted"),
    ("shops.reinstate",            "S7",      {"cause": "audit"},                                  "shop-reinstated"),
    ("shops.suspend",              "S7",      {"cause": "audit"},                                  "shop-suspended"),
    ("shops.reinstate",            "S7",      {"cause": "audit"},                                  "shop-reinstated"),
    ("shops.grant-subsidy",        "S7",      {"amount": 900},                                     "subsidy-granted"),
    ("shops.charge-freight",       "S7",      {"amount": 300},                                     "freight-service-charged"),
    ("shops.charge-warranty",      "S7",      {"amount": 200},                                     "warranty-service-charged"),
    ("fund.contribute",            "pet",     {"amount": 1000000},                                 "pet-fund-contributed"),
    ("cards.issue",                "B6",      {"tier": "silver"},                                  "card-issued"),
    ("cards.change-tier",          "B6",      {"tier": "gold"},                                    "tier-changed"),
    ("cards.grant-coupon",         "B6",      {"coupon": "C1", "amount": 500},                     "coupon-granted"),
    ("cards.grant-coupon",         "B6",      {"coupon": "C2", "amount": 500, "expires_at": "2098-01-01T00:00:00+08:00"}, "coupon-granted"),
    ("orders.place",               "web:16",  BOUGHT,                                              "order-placed"),
    ("orders.pay",                 "web:16",  {"cash": 10000},                                     "order-paid coverage-attached"),
    ("orders.place",               "web:17",  BOUGHT,                                              "order-placed"),
    ("orders.pay",                 "web:17",  {"cash": 10000},                                     "order-paid coverage-attached"),
    ("orders.place",               "web:18",  BOUGHT,                                              "order-placed"),
    ("orders.pay",                 "web:18",  {"cash": 10000},                                     "order-paid coverage-attached"),
    ("cards.redeem-coupon",        "B6",      {"coupon": "C1", "order": "web:16"},                 "coupon-redeemed"),
    ("cards.expire-coupons",       "B6",      {"at": "2099-01-01T00:00:00+08:00"},                 "coupon-expired"),
    ("cards.use-benefit",          "B6",      {"benefit": "seven-day-return", "reference": "R6"},  "benefit-used"),
    ("claims.file",                "K6",      {"order": "web:16", "benefit": "counterfeit"},       "claim-filed order-claimed"),
    ("claims.contest",             "K6",      {"reason": "genuine"},                               "claim-contested"),
    ("claims.request-evidence",    "K6",      {"of": "buyer", "what": "a photo"},                  "evidence-requested"),
    ("claims.submit-evidence",     "K6",      {"by": "buyer", "digest": "0000000000000000000000000000000000000000000000000000000000000000"}, "evidence-submitted"),
    ("claims.reject",              "K6",      {"reason": "genuine"},                               "claim-rejected"),
    ("claims.appeal",              "K6",      {"by": "buyer", "reason": "look again"},             "claim-appealed"),
    ("claims.decide-appeal",       "K6",      {"outcome": "raised", "reason": "fake after all"},   "claim-appeal-decided claim-upheld benefit-used refund-requested refund-approved refund-completed claim-funded recourse-opened shop-restricted"),
    ("claims.pay",                 "K6",      {"transfer": "T6"},                                  "compensation-paid"),
    ("claims.mark-unknown",        "K6",      {"transfer": "T6"},                                  "compensation-result-unknown"),
    ("claims.confirm-payment",     "K6",      {"transfer": "T6"},                                  "compensation-confirmed"),
    ("claims.open-recovery",       "K6",      {"reason": "the buyer swapped it"},                  "compensation-recovery-opened"),
    ("claims.recover",             "K6",      {"amount": 1000},                                    "compensation-recovered recourse-released"),
    ("claims.file",                "K7",      {"order": "web:17", "benefit": "counterfeit"},       "claim-filed order-claimed"),
    ("claims.withdraw",            "K7",      {},                                                  "claim-withdrawn"),
    ("claims.file",                "K8",      {"order": "web:17", "benefit": "counterfeit"},       "claim-filed order-claimed"),
    ("claims.uphold",              "K8",      {},                                                  "claim-upheld benefit-used refund-requested refund-approved refund-completed claim-funded recourse-opened"),
    ("claims.cancel",              "K8",      {"reason": "a mistake"},                             "compensation-cancelled recourse-released"),
    ("claims.file",                "K9",      {"order": "web:18", "benefit": "counterfeit"},       "claim-filed order-claimed"),
    ("claims.uphold",              "K9",      {},                                                  "claim-upheld benefit-used refund-requested refund-approved refund-completed claim-funded recourse-opened"),
    ("claims.pay",                 "K9",      {"transfer": "T9"},                                  "compensation-paid"),
    ("claims.fail-payment",        "K9",      {"transfer": "T9"},                                  "compensation-failed"),
    ("claims.forfeit",             "K9",      {"reason": "no account"},                            "compensation-forfeited"),
    ("shops.write-off-recourse",   "S7",      {"claim": "K9", "reason": "the shop is gone"},       "recourse-written-off"),
    ("incidents.declare",          "I6",      {"title": "fakes", "cause": "I6"},                   "incident-declared"),
    ("incidents.open-batch",       "I6",      {},                                                  "batch-opened"),
    ("incidents.add-members",      "I6",      {"members": [{"buyer": "B6"}, {"buyer": "B7"}]},     "member-added member-added"),
    ("incidents.exclude-member",   "I6",      {"buyer": "B7", "reason": "never bought"},           "member-excluded"),
    ("incidents.approve",          "I6",      {"by": "anna"},                                      "batch-approved"),
    ("incidents.approve",          "I6",      {"by": "bert"},                                      "batch-approved"),
    ("incidents.grant",            "I6",      {"buyers": ["B6"]},                                  "incident-compensation-granted"),
    ("incidents.pay",              "I6",      {"buyers": ["B6"]},                                  "incident-compensation-paid"),
    ("incidents.report-failure",   "I6",      {"buyer": "B6", "transfer": "incident/I6/B6/1"},     "incident-compensation-failed"),
    ("incidents.close",            "I6",      {},                                                  "batch-closed"),
    ("offers.mark",                "S7:A",    OFFER,                                               "offer-marked"),
    ("offers.unmark",              "S7:A",    {},                                                  "offer-unmarked"),
    ("items.receive",              "SN1",     {"order": "web:18", "lab": "L1"},                    "item-received item-at-warehouse"),
    ("items.check",                "SN1",     {"check": "material", "passed": False},              "check-recorded"),
    ("items.fail",                 "SN1",     {"reason": "glass"},                                 "appraisal-failed item-appraised"),
    ("orders.place",               "web:19",  BOUGHT,                                              "order-placed"),
    ("orders.pay",                 "web:19",  {"cash": 10000},                                     "order-paid coverage-attached"),
    ("items.receive",              "SN2",     {"order": "web:19", "lab": "L1"},                    "item-received item-at-warehouse"),
    ("items.check",                "SN2",     {"check": "material", "passed": True},               "check-recorded"),
    ("items.check",                "SN2",     {"check": "weight", "passed": True},                 "check-recorded"),
    ("items.check",                "SN2",     {"check": "item", "passed": True},                   "check-recorded"),
    ("items.check",                "SN2",     {"check": "narration", "passed": True},              "check-recorded"),
    ("items.pass",                 "SN2",     {},                                                  "appraisal-passed"),
    ("items.certify",              "SN2",     {"certificate": "Z-1", "fee": 300},                  "certificate-issued item-appraised"),
    ("items.inspect",              "SN2",     {"report": "0000000000000000000000000000000000000000000000000000000000000000"}, "device-inspected"),
    ("labs.pay",                   "L1",      {},                                                  "lab-paid"),
    ("hosts.open",                 "H6",      {},                                                  "host-opened"),
    ("sessions.begin",             "LS6",     {"host": "H6"},                                      "session-begun"),
    ("sessions.close",             "LS6",     {},                                                  "session-closed"),
    ("hosts.suspend",              "H6",      {"cause": "n6"},                                     "host-suspended"),
    ("hosts.reinstate",            "H6",      {"cause": "n6"},                                     "host-reinstated"),
    ("hosts.ban",                  "H6",      {"cause": "n7"},                                     "host-banned"),
    ("hosts.close",                "H6",      {},                                                  "host-closed"),
    ("shops.ban",                  "S7",      {"cause": "n6"},                                     "shop-banned"),
    ("providers.admit",            "V6",      {},                                                  "provider-admitted"),
    ("providers.exit",             "V6",      {},                                                  "provider-exited"),
    ("policies.retire",            "seven-day-return", {"version": "1", "effective_to": "2031-01-01T00:00:00+08:00", "reason": "replaced"}, "policy-retired"),
    ("periods.close",              "2021-05", {},                                                  "period-closed"),
    ("projections.skip",           "refunds", {"position": 1, "reason": "of no use"},              "fact-skipped"),
]  # fmt: skip

# What buyers, users and brands say of a shop and a host.
SAID_OF = {"shop": "S8", "host": "H8", "buyer": "B8", "currency": "CNY", "lines": A, "settled": True}
WORDS = "0a" * 32
SILVER = {"session": "LS8", "statement": "silver"}
#   command                   id       body, and the facts that follow
SAID: list[tuple[str, str, dict[str, Any], str]] = [
    ("orders.record",          "web:80", SAID_OF,                                "order-placed order-paid order-settled"),
    ("reviews.invite",         "V8",    {"order": "web:80"},                     "review-invited"),
    ("reviews.submit",         "V8",    {"order": "web:80", "quality": 2},       "review-submitted"),
    ("reviews.answer",         "V8",    {"by": "host", "digest": WORDS},         "review-answered"),
    ("complaints.record",      "Q8",    {"order": "web:17", "reason": "spoilt"}, "complaint-recorded"),
    ("complaints.link-claim",  "Q8",    {"claim": "K8"},                         "complaint-claimed"),
    ("votes.cast",             "E8",    {"item": "A", "shop": "S8", "user": "U8", "worth": False}, "worth-vote-cast"),
    ("hosts.open",             "H8",    {},                                      "host-opened"),
    ("sessions.begin",         "LS8",   {"host": "H8"},                          "session-begun"),
    ("reports.file",           "F8",    SILVER | {"user": "U8"},                 "false-claim-reported"),
    ("reports.decide",         "F8",    {"upheld": True},                        "report-decided"),
    ("reports.flag",           "F9",    SILVER | {"model": "ear", "score_bp": 9_900, "digest": WORDS}, "false-claim-flagged"),
    ("brands.register",        "north", {"names": ["North"]},                    "brand-registered"),
    ("notices.share",          "T8",    {"brand": "north", "source": "north", "skus": ["A"], "evidence": WORDS}, "counterfeit-notice-shared"),
    ("notices.withdraw",       "T8",    {"reason": "a mistake"},                 "counterfeit-notice-withdrawn"),
]  # fmt: skip

_NONE = {"numerator": 0, "n": 0, "peers_numerator": 0, "peers_n": 0, "lower": 0, "equal": 0, "among": 0}
_METRICS = "repeat_rate dissatisfaction quality_refunds handling_time service logistics content".split()
SCORE = {
    "day": "2021-06-01",
    "position": 1,
    "purchases": 0,
    "components": [{"metric": name, **_NONE} for name in _METRICS],
}

# What a shop, a host and an agency earn by rule.
BADGE = {"badge": "trust-purchase", "day": "2021-06-10", "position": 1, "points": 0}
#   command                   id       body, and the facts that follow
EARNED: list[tuple[str, str, dict[str, Any], str]] = [
    ("shops.open",             "S9",    {},                                      "shop-opened"),
    ("shops.open-benefit",     "S9",    {"benefit": "counterfeit"},              "benefit-opened"),
    ("shops.open-benefit",     "S9",    {"benefit": "seven-day-return"},         "benefit-opened"),
    ("shops.assess-badge",     "S9",    BADGE,                                   "badge-granted"),
    ("shops.enter-campaign",   "S9",    {"campaign": "sale"},                    "campaign-entered"),
    ("shops.enter-campaign",   "S9",    {"campaign": "gala", "kind": "flagship"}, "campaign-refused"),
    ("scores.take",            "S9",    SCORE,                                   "score-snapshot-taken"),
    ("traffic.allocate",       "S9",    {"day": "2021-06-10", "position": 1},    "traffic-allocated traffic-allocated"),
    ("providers.admit",        "V9",    {},                                      "provider-admitted"),
    ("shops.change-provider",  "S9",    {"provider": "V9"},                      "shop-provider-changed"),
    ("hosts.open",             "H9",    {},                                      "host-opened"),
    ("hosts.change-provider",  "H9",    {"provider": "V9"},                      "host-provider-changed"),
    ("providers.assess-tier",  "V9",    {"year": 2021, "sales": 10_000_000_001, "position": 1}, "provider-tier-set"),
    ("shops.close-benefit",    "S9",    {"benefit": "counterfeit"},              "benefit-closed badge-revoked"),
]  # fmt: skip

# A story in which every command has its turn.
#   command                   id       body, and the facts that follow
STORY: list[tuple[str, str, dict[str, Any], str]] = [
    ("shops.open",             "S0",    {"name": "Silk", "currency": "CNY"},     "shop-opened"),
    ("shops.pay-deposit",      "S0",    {"amount": 50_000},                      "deposit-paid"),
    ("orders.place",           "web:1", ORDER,                                   "order-placed"),
    ("orders.pay",             "web:1", {"cash": 14_000},                        "order-paid"),
    ("orders.dispatch",        "web:1", {"waybill": "W1", "items": HALF},        "parcel-dispatched"),
    ("orders.dispatch",        "web:1", {"waybill": "W2", "items": REST},        "parcel-dispatched"),
    ("orders.deliver",         "web:1", {"waybill": "W1"},                       "parcel-delivered"),
    ("orders.confirm",         "web:1", {},                                      "receipt-confirmed"),
    ("refunds.request",        "R1",    RETURNED,                                "refund-requested"),
    ("refunds.refuse",         "R1",    {"reason": "worn"},                      "refund-refused"),
    ("refunds.escalate",       "R1",    {},                                      "refund-escalated"),
    ("refunds.approve",        "R1",    {},                                      "refund-approved"),
    ("refunds.ship-return",    "R1",    {"waybill": "W3"},                       "return-shipped"),
    ("refunds.receive-return", "R1",    {},                                      "return-received"),
    ("refunds.complete",       "R1",    {},                                      "refund-completed"),
    ("refunds.close",          "R1",    {},                                      "refund-closed"),
    ("refunds.request",        "R2",    INSTANT,                                 "refund-requested"),
    ("refunds.advance",        "R2",    {},                                      "instant-refund-advanced"),
    ("orders.settle",          "web:1", {"commission": 700, "host_share": 300},  SETTLED),
    ("orders.close",           "web:1", {},                                      "order-closed"),
    ("hosts.pay-out",          "H1",    {},                                      "host-paid-out"),
    ("shops.pay-out",          "S0",    {"amount": 1_000},                       "shop-paid-out"),
    ("shops.request-closing",  "S0",    {"reason": "enough"},                    "shop-closing-requested"),
    ("shops.refund-deposit",   "S0",    {},                                      "deposit-refunded"),
    ("orders.place",           "web:2", ORDER | {"lines": A, "shop": "S2"},                    "order-placed"),
    ("orders.cancel",          "web:2", {"reason": "second thoughts"},           "order-cancelled"),
    ("orders.void",            "web:2", {"reason": "brushing"},                  "order-voided"),
    ("orders.record",          "uci:3", RECORDED,                                IMPORTED),
    ("refunds.record",         "C3",    GIVEN_BACK,                              "refund-completed"),
    ("adjustments.record",     "A1",    {"currency": "GBP", "amount": -5},       "adjustment-recorded"),
    ("statements.record",      "ks:f1", {"movement": "FUND_FREEZE", "currency": "CNY", "amount": -5}, "platform-fund-movement-recorded"),
    ("shops.open",             "S4",    {},                                      "shop-opened"),
    ("shops.request-closing",  "S4",    {},                                      "shop-closing-requested"),
    ("shops.close",            "S4",    {},                                      "shop-closed"),
    *ASSURED,
    *FINED,
    *FAKED,
    *SAID,
    *EARNED,
]  # fmt: skip


def address(command: str, id_: str) -> str:
    collection, _, action = command.partition(".")
    return f"/v1/{collection}/{id_}/{action}"


def test_every_command_of_the_catalogue_can_be_posted(server: Served):
    assert set(KINDS) == set(COMMANDS)
    told = {command for command, *_ in STORY}
    assert told | {"corrections.record"} == set(COMMANDS), "the story below leaves one out"
    for command, id_, body, facts in STORY:
        answer = server.post(address(command, id_), body)
        assert answer.status_code == 200, (command, answer.text)
        found = answer.json()["facts"]
        assert " ".join(fact["type"] for fact in found) == facts, command
        own = [fact for fact in found if fact["stream"] == f"{COMMANDS[command].STREAM}-{id_}"]
        # Orders that a penalty voids have the facts; the penalty stays as it was.
        assert not own or answer.headers["ETag"] == f'"{own[-1]["version"]}"'
        assert int(answer.headers["Ledger-Position"]) == answer.json()["position"] == found[-1]["position"]
    adjusted = next(
        fact
        for fact in server.get("/v1/events", limit=1000).json()["events"]
        if fact["stream"] == "adjustment-A1"
    )
    answer = server.post(address("corrections.record", adjusted["position"]), {"reason": "typed wrong"})
    assert answer.json()["facts"][0]["reverses"] == adjusted["position"]
    assert "ETag" not in answer.headers  # a correction stands in the stream of what it corrects


def test_a_fact_comes_with_its_envelope(server: Served):
    body = {
        "shop": "S9",
        "currency": "CNY",
        "lines": [{"sku": "A", "amount": 1}],
        "at": "2021-06-10T23:59:59+08:00",
    }
    fact = server.post("/v1/orders/web:envelope/place", body, key="an-envelope").json()["facts"][0]
    caller, _, key = fact.pop("key").partition("/")
    assert (key, fact["actor"]) == ("an-envelope", caller)
    assert fact["effective_at"] == "2021-06-10T23:59:59+08:00"
    assert fact["recorded_at"].endswith("+00:00")
    assert fact["data"]["lines"][0]["sku"] == "A"
    assert (fact["stream"], fact["version"], fact["type"]) == ("order-web:envelope", 1, "order-placed")


def test_an_identifier_may_hold_anything_printable(server: Served):
    for id_, sent in (
        ("gid:order/Order/1", "gid:order/Order/1"),
        ("抖音:订单#7?x=1&y", "%E6%8A%96%E9%9F%B3:%E8%AE%A2%E5%8D%95%237%3Fx=1%26y"),
        ("web:50%", "web:50%25"),
        ("web:a/timeline", "web:a%2Ftimeline"),
    ):
        server.placed(sent)
        position = server.post(f"/v1/orders/{sent}/pay", {"cash": 1000}).json()["position"]
        found = server.get(f"/v1/orders/{sent}/timeline", after_position=position).json()
        assert (found["id"], found["steps"][-1]["status"]) == (id_, "paid")


# Idempotency.


def test_the_same_again_is_answered_the_same(server: Served):
    server.placed("web:again")
    first = server.post("/v1/orders/web:again/pay", {"cash": 1000}, key="again")
    server.post("/v1/orders/web:again/dispatch", {"waybill": "W"})
    second = server.post("/v1/orders/web:again/pay", {"cash": 1000}, key="again")
    assert "Idempotency-Hit" not in first.headers
    assert second.headers["Idempotency-Hit"] == "true"
    assert second.content == first.content
    assert second.headers["ETag"] == first.headers["ETag"]
    # White space and the order of fields are no difference.
    spaced = b'{ "at" : null, "cash": 1000}', b'{"cash":1000,"at":null}'
    keys = {"Idempotency-Key": "spaced", "Content-Type": "application/json"}
    server.placed("web:spaced")
    answers = [server.client.post("/v1/orders/web:spaced/pay", content=raw, headers=keys) for raw in spaced]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotency-Hit"] == "true"


def test_nothing_to_do_is_an_answer_too(server: Served):
    server.placed("web:nothing")
    first = server.post("/v1/orders/web:nothing/cancel", {})
    again = [server.post("/v1/orders/web:nothing/cancel", {}, key="nothing") for _ in range(2)]
    assert [answer.json() for answer in again] == [{"position": first.json()["position"], "facts": []}] * 2
    assert again[1].headers["Idempotency-Hit"] == "true"


@pytest.mark.parametrize(
    "other",
    [("web:reuse", "pay", {"cash": 999}), ("web:reuse2", "pay", {"cash": 1000}), ("web:reuse", "cancel", {})],
    ids=["another body", "another order", "another command"],
)
def test_another_request_under_a_key_is_refused(server: Served, other: tuple[str, str, Any]):
    order, action, body = other
    server.placed("web:reuse")
    server.post("/v1/orders/web:reuse/pay", {"cash": 1000}, key="reuse")
    answer = server.post(f"/v1/orders/{order}/{action}", body, key="reuse")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refused_request_leaves_its_key_free(server: Served):
    server.placed("web:retry")
    refused = server.post("/v1/orders/web:retry/pay", {"cash": 1}, key="retry")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_amount")
    assert server.post("/v1/orders/web:retry/pay", {"cash": 1000}, key="retry").status_code == 200


def test_keys_of_two_clients_never_meet(server: Served):
    other = {"Authorization": f"Bearer {keys.create(server.database, SECRET, 'another client')}"}
    server.placed("web:two", key="same-key")
    answer = server.post("/v1/shops/S-two/open", {}, key="same-key", **other)
    assert answer.status_code == 200
    assert "Idempotency-Hit" not in answer.headers


def test_a_key_in_flight_is_a_conflict(server: Served, monkeypatch: pytest.MonkeyPatch):
    server.placed("web:flight")
    began, go_on = asyncio.Event(), threading.Event()
    submit = Writer.submit

    async def slow(writer: Writer, request: Any) -> Any:
        began.set()
        await asyncio.to_thread(go_on.wait, 10)
        return await submit(writer, request)

    monkeypatch.setattr(Writer, "submit", slow)
    answers: list[httpx2.Response] = []

    def pay() -> None:
        answers.append(server.post("/v1/orders/web:flight/pay", {"cash": 1000}, key="flight"))

    thread = threading.Thread(target=pay)
    thread.start()
    while not began.is_set():
        pass
    conflict = server.post("/v1/orders/web:flight/pay", {"cash": 1000}, key="flight")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "key_in_flight")
    assert conflict.headers["Retry-After"] == "1"
    item = {"command": "orders.pay", "id": "web:flight", "data": {"cash": 1000}, "idempotency_key": "flight"}
    batched = server.post("/v1/batch", {"commands": [item]}).json()["answers"]
    assert batched[0]["problem"]["code"] == "key_in_flight"
    go_on.set()
    thread.join()
    assert answers[0].status_code == 200
    assert (
        server.post("/v1/orders/web:flight/pay", {"cash": 1000}, key="flight").content == answers[0].content
    )


def test_a_command_needs_a_key(server: Served):
    answer = server.client.post("/v1/orders/web:nokey/cancel", json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert answer.json()["field"] == "Idempotency-Key"
    for bad in (b"a b", b"x" * 201, "ü".encode("latin-1")):
        answer = server.client.post("/v1/orders/web:nokey/cancel", json={}, headers={b"Idempotency-Key": bad})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_identifier")


# Lost updates, rehearsals.


def test_if_match_guards_against_lost_updates(server: Served):
    tag = server.placed("web:match").headers["ETag"]
    assert server.post("/v1/orders/web:match/pay", {"cash": 1000}, If_Match=tag).status_code == 200
    late = server.post("/v1/orders/web:match/dispatch", {"waybill": "W"}, If_Match=tag)
    assert (late.status_code, late.json()["code"], late.json()["field"]) == (
        412,
        "version_changed",
        "If-Match",
    )
    position = int(late.headers["Ledger-Position"])
    now = server.get("/v1/orders/web:match", after_position=position).headers["ETag"]
    assert server.post("/v1/orders/web:match/dispatch", {"waybill": "W"}, If_Match=now).status_code == 200
    for bad in ("2", 'W/"2"', "*", '"-1"', '"two"'):
        answer = server.post("/v1/orders/web:match/confirm", {}, If_Match=bad)
        assert (answer.status_code, answer.json()["field"]) == (400, "If-Match")


def test_a_rehearsal_answers_and_keeps_nothing(server: Served):
    server.placed("web:dry")
    before = server.get("/v1/trial-balance").content
    path = "/v1/orders/web:dry/pay?dry_run=true"
    dry = server.post(path, {"cash": 1000}, key="dry").json()
    assert [fact["type"] for fact in dry["facts"]] == ["order-paid"]
    assert server.post(path, {"cash": 1}).json()["code"] == "invalid_amount"
    assert server.post(path, {"cash": 1000}, If_Match='"9"').status_code == 412
    assert server.get("/v1/trial-balance").content == before
    real = server.post("/v1/orders/web:dry/pay", {"cash": 1000}, key="dry")
    assert "Idempotency-Hit" not in real.headers
    assert real.json()["facts"][0]["data"] == dry["facts"][0]["data"]
    again = server.post(path, {"cash": 1000}, key="dry")
    assert (again.headers["Idempotency-Hit"], again.content) == ("true", real.content)
    assert server.post(path, {"cash": 1}, key="dry").json()["code"] == "idempotency_key_reused"
    unclear = server.post("/v1/orders/web:dry/close?dry_run=maybe")
    assert (unclear.status_code, unclear.json()["field"]) == (400, "dry_run")


# Batches.


def item(command: str, id_: str, /, **data: Any) -> dict[str, Any]:
    return {"command": command, "id": id_, "data": data}


LINES = [{"sku": "A", "amount": 10}]


def test_a_batch_answers_each_for_itself(server: Served):
    place = item("orders.place", "web:b1", shop="S1", currency="CNY", lines=LINES)
    commands = [
        place | {"idempotency_key": "b-place"},
        item("orders.pay", "web:b1", cash=11),
        item("orders.pay", "web:b1", cash=10) | {"expected": 1},
        item("orders.pay", "web:b1", cash="ten"),
        item("orders.fly", "web:b1"),
        item("orders.confirm", "web b1"),
        place | {"idempotency_key": "b-place"},
        item("orders.confirm", "web:b1") | {"expected": 1},
    ]
    answer = server.post("/v1/batch", {"commands": commands}, key="batch")
    assert answer.status_code == 200
    found = answer.json()["answers"]
    assert [one["status"] for one in found] == [200, 400, 200, 400, 404, 400, 200, 412]
    codes = [one["problem"]["code"] for one in found if "problem" in one]
    assert codes == [
        "invalid_amount",
        "malformed",
        "unknown_command",
        "invalid_identifier",
        "version_changed",
    ]
    assert [one.get("hit", False) for one in found] == [False] * 6 + [True, False]
    assert found[0]["answer"] == found[6]["answer"]
    assert (
        answer.json()["position"] == int(answer.headers["Ledger-Position"]) == found[2]["answer"]["position"]
    )
    # What was sent in a batch is known alone, and the other way round.
    alone = server.post("/v1/orders/web:b1/place", place["data"], key="b-place")
    assert (alone.headers["Idempotency-Hit"], alone.json()) == ("true", found[0]["answer"])
    paid = server.post("/v1/orders/web:b1/pay", {"cash": 10}, key="batch/2")
    assert (paid.headers["Idempotency-Hit"], paid.json()) == ("true", found[2]["answer"])
    again = server.post("/v1/batch", {"commands": commands[:3]}, key="batch").json()["answers"]
    assert [one.get("hit", False) for one in again] == [True, False, True]


def test_a_batch_is_one_commit(server: Served):
    commands = [item("shops.open", f"S-b{number}") for number in range(1000)]
    before = commits(server)
    answer = server.post("/v1/batch", {"commands": commands}, key="shops").json()
    assert {one["status"] for one in answer["answers"]} == {200}
    assert commits(server) == before + 1
    positions = [one["answer"]["position"] for one in answer["answers"]]
    assert positions == list(range(positions[0], positions[0] + 1000))


def test_a_batch_can_be_rehearsed(server: Served):
    before = server.get("/v1/trial-balance").json()["position"]
    commands = [
        item("orders.place", "web:bd", shop="S1", currency="CNY", lines=LINES) | {"idempotency_key": "bd"},
        item("orders.pay", "web:bd", cash=10),
        item("orders.place", "web:bd", shop="S1", currency="CNY", lines=LINES) | {"idempotency_key": "bd"},
        item("orders.place", "web:bd", shop="S2", currency="CNY", lines=LINES) | {"idempotency_key": "bd"},
        item("orders.pay", "web:bd", cash=11),
    ]
    found = server.post("/v1/batch?dry_run=true", {"commands": commands}, key="rehearsed").json()["answers"]
    assert [one["status"] for one in found] == [200, 200, 200, 422, 422]
    assert found[2] == found[0] | {"hit": True}
    assert server.get("/v1/trial-balance").json()["position"] == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"commands": []}, "commands"),
        ({"commands": [item("shops.open", "S")] * 1001}, "commands"),
        ({"commands": [{"id": "S"}]}, "commands[0].command"),
        ({"commands": [item("shops.open", "S") | {"expected": -1}]}, "commands[0].expected"),
        ({"commands": [item("shops.open", "S")], "atomic": True}, "atomic"),
        ([], ""),
    ],
    ids=["empty", "too many", "no command", "negative version", "unknown field", "no object"],
)
def test_a_batch_that_is_none(server: Served, body: Any, field: str):
    answer = server.post("/v1/batch", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json().get("field", "") == field


def test_items_without_any_key_are_refused_alone(server: Served):
    commands = [item("shops.open", "S-k1"), item("shops.open", "S-k2") | {"idempotency_key": "k2"}]
    found = server.client.post("/v1/batch", json={"commands": commands}).json()["answers"]
    assert [one["status"] for one in found] == [400, 200]
    assert found[0]["problem"]["code"] == "idempotency_key_missing"


# Many at once.


def commits(server: Served) -> int:
    with server.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(schema.commits)).scalar_one()


def test_clients_at_once_share_commits(server: Served):
    callers = 64
    for number in range(callers):
        server.placed(f"web:at-once-{number}")
    before = commits(server)

    async def pay_all() -> list[httpx2.Response]:
        headers = {"Authorization": f"Bearer {server.key}"}
        limits = httpx2.Limits(max_connections=callers)
        async with httpx2.AsyncClient(base_url=server.url, headers=headers, limits=limits) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        f"/v1/orders/web:at-once-{number}/pay",
                        json={"cash": 1000},
                        headers={"Idempotency-Key": f"at-once-{number}"},
                    )
                    for number in range(callers)
                )
            )

    answers = asyncio.run(pay_all())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["position"] for answer in answers}) == callers
    assert commits(server) - before < callers


def test_one_of_many_that_race_for_an_order_wins(server: Served):
    server.placed("web:race")

    async def pay_all() -> list[httpx2.Response]:
        headers = {"Authorization": f"Bearer {server.key}", "If-Match": '"1"'}
        async with httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        "/v1/orders/web:race/pay",
                        json={"cash": 1000},
                        headers={"Idempotency-Key": f"race-{number}"},
                    )
                    for number in range(16)
                )
            )

    assert sorted(answer.status_code for answer in asyncio.run(pay_all())) == [200] + [412] * 15


def test_one_that_cannot_be_kept_fails_alone(server: Served):
    """A sum beyond every column is nobody else's trouble, though they share a commit."""

    async def send_all() -> list[httpx2.Response]:
        headers = {"Authorization": f"Bearer {server.key}"}
        huge = {"shop": "S1", "currency": "CNY", "lines": [{"sku": "A", "amount": 2**53 - 1}] * 1100}
        good = {"shop": "S1", "currency": "CNY", "lines": LINES}
        async with httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        f"/v1/orders/web:alone-{number}/record",
                        json=good if number % 8 else huge,
                        headers={"Idempotency-Key": f"alone-{number}"},
                    )
                    for number in range(32)
                )
            )

    answers = asyncio.run(send_all())
    assert [answer.status_code == 200 for answer in answers] == [number % 8 > 0 for number in range(32)]
    assert all("Overflow" not in answer.text and "bigint" not in answer.text for answer in answers)


# Hostile bodies.

PLACE = b'{"shop":"S1","currency":"CNY","lines":[{"sku":"A","amount":%s}]}'


@pytest.mark.parametrize(
    ("raw", "status", "field"),
    [
        (b"\x00\xff\xfegarbage", 400, "body"),
        (b'{"shop":', 400, "body"),
        (b'{"shop":"\xff"}', 400, "body"),
        (b'{"shop":"\\ud800","currency":"CNY","lines":[]}', 400, "body"),
        (b"[" * 100_000, 400, ""),
        (b'{"lines":' + b'[{"sku":' * 50_000, 400, "lines[0].sku"),
        (b'{"x":' + b"[" * 100_000, 400, "x"),
        (b'"orders"', 400, ""),
        (b"null", 400, ""),
        (PLACE % b"1.5", 400, "lines[0].amount"),
        (PLACE % b'"1"', 400, "lines[0].amount"),
        (PLACE % b"true", 400, "lines[0].amount"),
        (PLACE % b"NaN", 400, "body"),
        (PLACE % b"1e999", 400, "lines[0].amount"),
        (PLACE % (b"9" * 400), 400, "lines[0].amount"),
        (PLACE % b"9007199254740992", 400, "lines[0].amount"),
        (b'{"shop":"S1","currency":"CNY","lines":[],"id":"web:other"}', 400, "id"),
        (b'{"shop":"S1","currency":"CNY","lines":[]}', 400, "lines"),
        (b'{"currency":"CNY","lines":[]}', 400, "shop"),
        (b'{"shop":"S1","currency":"cny","lines":[]}', 400, "currency"),
        (b'{"shop":"S 1","currency":"CNY","lines":[]}', 400, "shop"),
        (b'{"shop":"S1","currency":"CNY","lines":[],"at":"2021-06-10T00:00:00"}', 400, "at"),
        (b'{"shop":"S1","currency":"CNY","lines":[],"at":"yesterday"}', 400, "at"),
        (b" " * (MAX_BODY + 1), 413, "body"),
    ],
)
def test_bodies_that_are_not_what_they_should_be(server: Served, raw: bytes, status: int, field: str):
    headers = {"Idempotency-Key": "hostile", "Content-Type": "application/json"}
    answer = server.client.post("/v1/orders/web:hostile/place", content=raw, headers=headers)
    assert (answer.status_code, answer.json().get("field", "")) == (status, field), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "changes",
    [
        {"shop": "S\x00"},
        {"shop": "S\n"},
        {"buyer": "B\x00"},
        {"host": "H\x7f"},
        {"lines": [{"sku": "A\x00", "amount": 1}]},
        {"lines": [{"sku": "A", "amount": 1, "quantity": 10**30}]},
        {"lines": [{"sku": "A", "amount": 1, "quantity": 2**63}]},
        {"at": "9999-12-31T23:59:59-23:59"},
        {"at": "0001-01-01T00:00:00+23:59"},
    ],
    ids=str,
)
def test_values_that_nobody_could_keep_are_malformed(server: Served, changes: dict[str, Any]):
    body = {"shop": "S1", "currency": "CNY", "lines": [{"sku": "A", "amount": 1}]} | changes
    answer = server.post("/v1/orders/web:kept/place", body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "id_", ["web", "web:", ":1", "web:%00", "web:a%20b", "web:%FF%01", "web:" + "x" * 200]
)
def test_identifiers_that_cannot_be_kept(server: Served, id_: str):
    answer = server.post(f"/v1/orders/{id_}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_identifier")


def test_a_body_comes_as_json_or_not_at_all(server: Served):
    headers = {"Idempotency-Key": "typed"}
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/json5", ""):
        typed = headers | ({"Content-Type": media_type} if media_type else {})
        answer = server.client.post("/v1/orders/web:typed/cancel", content=b"{}", headers=typed)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    server.placed("web:typed")
    assert server.client.post("/v1/orders/web:typed/cancel", headers=headers).status_code == 200
    with_charset = {"Idempotency-Key": "charset", "Content-Type": "Application/JSON; charset=utf-8"}
    assert server.client.post("/v1/shops/S-c/open", content=b"{}", headers=with_charset).status_code == 200


def test_whoever_leaves_in_the_middle_is_not_answered(server: Served, caplog: pytest.LogCaptureFixture):
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        "POST /v1/orders/web:left/cancel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.key}\r\nIdempotency-Key: left\r\nContent-Length: 100\r\n\r\n{{"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
    server.placed("web:left")
    assert server.post("/v1/orders/web:left/cancel", key="left").status_code == 200
    assert not caplog.records
