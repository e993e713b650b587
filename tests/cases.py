"""The thirty cases with the right answer, as stories: commands by their names, refusals, and what the books hold.

They are told to the writer and over HTTP. Sums are fen; a step without a time follows an hour after the one before.
Case 19, which is about the versions of a source, is told in `tests/ledger/test_cases.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ledger import policies


class Do(NamedTuple):
    """A command of the catalogue; `code` is that of the refusal it has to meet, `key` its idempotency key."""

    name: str
    id: str
    fields: Mapping[str, Any] = {}
    at: str = ""
    code: str = ""
    key: str = ""


class Holds(NamedTuple):
    """Balances that have to be so now; an account that nothing was ever moved on holds 0."""

    balances: Mapping[str, int]


Step = Do | Holds
JUNE, NOVEMBER = "2021-06-10T12:00:00+08:00", "2021-11-05T12:00:00+08:00"
PRICE = 19_900


def terms(name: str, **rule: Any) -> Do:
    """Publish the shipped terms of a file, with other rules where they are named."""
    command = msgspec.to_builtins(policies.shipped()[name])
    fields = {key: value for key, value in command.items() if key not in {"id", "at"}}
    fields |= {"force": True, "reason": "the first terms", "rule": command["rule"] | rule}
    return Do("policies.publish", command["id"], fields, "2021-05-01T00:00:00+08:00")


def shop(*benefits: str, deposit: int = 0, id_: str = "s", **fields: Any) -> tuple[Do, ...]:
    """A shop that has opened benefits before its first order."""
    at = "2021-05-02T00:00:00+08:00"
    return (
        Do("shops.open", id_, fields, at),
        *(Do("shops.open-benefit", id_, {"benefit": benefit}, at) for benefit in benefits),
        *((Do("shops.pay-deposit", id_, {"amount": deposit}, at),) if deposit else ()),
    )


def bought(
    price: int = PRICE, quantity: int = 1, at: str = NOVEMBER, order: str = "p:1", **fields: Any
) -> tuple[Do, ...]:
    """One line of so many units, paid at once."""
    line = {"sku": "cup", "quantity": quantity, "amount": price}
    placed = {"shop": "s", "buyer": "b", "currency": "CNY", "lines": [line]} | fields
    return Do("orders.place", order, placed, at), Do("orders.pay", order, {"cash": price}, at)


def refunded(cash: int | None = None, id_: str = "r", order: str = "p:1") -> tuple[Do, ...]:
    """So much of the first line is given back, or all that is left."""
    fields = {"order": order} | ({} if cash is None else {"items": [{"line": 1, "cash": cash}]})
    return (
        Do("refunds.request", id_, fields),
        Do("refunds.approve", id_),
        Do("refunds.complete", id_),
    )


def fund(amount: int) -> Do:
    """Money in the pet fund from the start."""
    return Do("fund.contribute", "pet", {"amount": amount}, "2021-05-03T00:00:00+08:00")


def claim(id_: str = "c", benefit: str = "counterfeit", *units: int, order: str = "p:1", **fields: Any) -> Do:
    """A claim for units of the first line, or all of them."""
    items = {"items": [{"line": 1, "units": list(units)}]} if units else {}
    return Do("claims.file", id_, {"order": order, "benefit": benefit} | items | fields)


def uphold(id_: str = "c", **fields: Any) -> Do:
    """Decide it for the buyer."""
    return Do("claims.uphold", id_, fields)


def fined(amount: int, id_: str = "n", at: str = "") -> Do:
    """A fine on shop s."""
    fields = {"party": "shop", "party_id": "s", "shop": "s", "fine": amount, "reason": "fakes"}
    return Do("penalties.impose", id_, fields, at)


def but(step: Do, **changes: Any) -> Do:
    """The same step with another time, code, key or id."""
    return step._replace(**changes)


TENFOLD, NINEFOLD = terms("counterfeit-2021-06"), terms("counterfeit-2021-11")
FAKES = (TENFOLD, NINEFOLD)
RICH = 1_000_000
FAKE: tuple[Do, ...] = (*FAKES, *shop("counterfeit", deposit=50_000), *bought(), *refunded())
"""As case 9 begins: bought for 199.00 and refunded, 500.00 in the deposit."""

EDGE = terms("seven-day-return-2021-06")
RECEIVED = (
    Do("orders.dispatch", "p:1", {"waybill": "w"}, "2021-06-02T09:00:00+08:00"),
    Do("orders.deliver", "p:1", {"waybill": "w"}, "2021-06-03T15:00:00+08:00"),
)


def late(price: int) -> tuple[Do | Holds, ...]:
    """An order of so much that leaves too late."""
    return (
        terms("late-dispatch-2021-06"),
        *shop("late-dispatch", deposit=10_000),
        *bought(price, at=JUNE, dispatch_by="2021-06-12T12:00:00+08:00"),
        Do("orders.mark-overdue", "p:1", {}, "2021-06-12T12:00:01+08:00"),
    )


def returned(order: str, refund: str, waybill: str) -> tuple[Do, ...]:
    """An order whose goods came back under a waybill, and its money went back."""
    return (
        Do("orders.dispatch", order, {"waybill": f"out-{order}"}, "2021-06-11T12:00:00+08:00"),
        Do("orders.deliver", order, {"waybill": f"out-{order}"}, "2021-06-12T12:00:00+08:00"),
        Do("refunds.request", refund, {"order": order, "returns": True}, "2021-06-13T12:00:00+08:00"),
        Do("refunds.approve", refund, {}, "2021-06-13T13:00:00+08:00"),
        Do("refunds.ship-return", refund, {"waybill": waybill}, "2021-06-13T14:00:00+08:00"),
        Do("refunds.receive-return", refund, {}, "2021-06-15T14:00:00+08:00"),
        Do("refunds.complete", refund, {}, "2021-06-15T15:00:00+08:00"),
    )


def appraised(serial: str) -> tuple[Do, ...]:
    """A piece that passed its four checks."""
    checks = ("material", "weight", "item", "narration")
    return (
        Do("items.receive", serial, {"order": "p:1", "lab": "l"}),
        *(Do("items.check", serial, {"check": check, "passed": True}) for check in checks),
        Do("items.pass", serial),
    )


INCIDENT = (
    terms("incident-2021-06"),
    fund(RICH),
    Do("incidents.declare", "i", {"title": "fakes on air", "cause": "i"}, "2021-11-06T00:00:00+08:00"),
    Do("incidents.open-batch", "i"),
    Do("incidents.add-members", "i", {"members": [{"buyer": "b"}, {"buyer": "b"}]}),
    Do("incidents.approve", "i", {"by": "anna"}),
    Do("incidents.approve", "i", {"by": "anna"}, code="same_approver"),
    Do("incidents.approve", "i", {"by": "bert"}),
    Do("incidents.grant", "i", {"buyers": ["b"]}),
)

CASES: dict[str, Sequence[Step]] = {
    "1 ninefold beside the refund": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(), *refunded(5_000), claim(), uphold(),
        Holds({"buyer_payable:b": 179_100, "shop_deposit:s": RICH - 179_100, "order_escrow:p:1": 0, "bank": RICH}),
    ),
    "2 tenfold with the refund included": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(at=JUNE), *refunded(5_000), claim(), uphold(),
        Holds({"buyer_payable:b": 194_000, "shop_deposit:s": RICH - 194_000}),
    ),
    "3 the same key": (
        *shop(),
        Do("shops.pay-deposit", "s", {"amount": 100}, NOVEMBER, key="k"),
        Do("shops.pay-deposit", "s", {"amount": 100}, NOVEMBER, key="k"),
        Do("shops.pay-deposit", "s", {"amount": 101}, NOVEMBER, key="k", code="idempotency_key_reused"),
        Holds({"shop_deposit:s": 100}),
    ),
    "4 a unit is paid for once": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(), claim(), uphold(),
        but(claim("c2"), code="already_compensated"),
        Holds({"buyer_payable:b": 179_100}),
    ),
    "5 the law gives more": (
        terms("fraud-law-2014-03"), *FAKES, *shop("counterfeit", deposit=RICH), *bought(4_000), claim(), uphold(),
        Holds({"buyer_payable:b": 50_000, "order_escrow:p:1": 0, "bank": RICH}),
    ),
    "6 an incident of the same cause": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(), *INCIDENT,
        Holds({"buyer_payable:b": 52_000}),
        claim(cause="i"), uphold(),
        Holds({"buyer_payable:b": 179_100, "shop_deposit:s": RICH - 127_100}),
    ),
    "7 an appeal is won after the fine was released": (
        terms("counterfeit-2021-06"), *shop("counterfeit", id_="t"), *shop(deposit=10_000_000),
        fined(10_000_000, at="2021-06-02T00:00:00+08:00"), Do("penalties.collect", "n"), Do("penalties.finalize", "n"),
        Do("penalties.release", "n"), *bought(700_000, at=JUNE, shop="t"), claim(), uphold(),
        Holds({"pet_fund": 3_000_000, "buyer_payable:b": 7_000_000}),
        Do("penalties.appeal", "n"), Do("penalties.overturn", "n", {"reason": "no fakes"}),
        Holds({"pet_fund": 0, "platform_backstop": 7_000_000, "shop_deposit:s": 10_000_000, "buyer_payable:b": 7_000_000}),
    ),
    "8 a fine is lowered": (
        *shop(deposit=10_000_000), fined(10_000_000), Do("penalties.collect", "n"), Do("penalties.appeal", "n"),
        Do("penalties.vary", "n", {"total": 4_000_000, "reason": "too much"}),
        Holds({"penalty_held:n": 4_000_000, "shop_deposit:s": 6_000_000}),
    ),
    "9 the fund pays what the deposit lacks": (
        *FAKE, fund(RICH), claim(), uphold(),
        Holds({"shop_deposit:s": 0, "pet_fund": RICH - 129_100, "recourse_receivable:s": 129_100, "buyer_payable:b": 179_100}),
    ),
    "10 what nobody can pay stays due": (
        *FAKE, fund(100_000), claim(), uphold(),
        Holds({"shop_deposit:s": 0, "pet_fund": 0, "recourse_receivable:s": 100_000, "buyer_payable:b": 150_000}),
        but(fund(29_100), at="2021-12-01T00:00:00+08:00"),
        Holds({"pet_fund": 0, "recourse_receivable:s": 129_100, "buyer_payable:b": 179_100}),
    ),
    "11 a deposit makes good to the fund": (
        *FAKE, fund(RICH), claim(), uphold(), Do("shops.pay-deposit", "s", {"amount": 200_000}),
        Holds({"recourse_receivable:s": 0, "fund_recourse_claim:s": 0, "shop_deposit:s": 70_900, "pet_fund": RICH}),
    ),
    "12 a fine waits for the claims": (
        terms("fraud-law-2014-03", floor=60_000), *FAKES, *shop("counterfeit", deposit=100_000), *bought(4_000), *refunded(),
        fined(80_000), claim(), uphold(), Do("penalties.collect", "n"),
        Holds({"buyer_payable:b": 60_000, "penalty_held:n": 40_000, "shop_deposit:s": 0}),
    ),
    "13 coupons": (
        *FAKES, *shop("counterfeit", deposit=RICH),
        Do("orders.place", "p:1", {"shop": "s", "buyer": "b", "currency": "CNY", "lines": [
            {"sku": "cup", "amount": 10_000, "shop_coupon": 1_000, "platform_coupon": 2_000}]}, NOVEMBER),
        Do("orders.pay", "p:1", {"cash": 7_000}, NOVEMBER), *refunded(),
        Holds({"platform_coupon": 0, "bank": RICH, "order_escrow:p:1": 0}),
        claim(), uphold(),
        Holds({"buyer_payable:b": 63_000}),
    ),
    "14 three units for 100.00": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(10_000, 3), claim("c1", "counterfeit", 1), uphold("c1"),
        Holds({"buyer_payable:b": 30_006, "order_escrow:p:1": 6_666}),
        claim("c2", "counterfeit", 2), uphold("c2"),
        Holds({"buyer_payable:b": 30_006 + 29_997, "order_escrow:p:1": 3_333}),
    ),
    "15 one unit of three is late": (
        terms("late-dispatch-2021-06"), *shop("late-dispatch", deposit=10_000),
        *bought(30_000, 3, at=JUNE, dispatch_by="2021-06-12T12:00:00+08:00"),
        Do("orders.dispatch", "p:1", {"waybill": "w1", "items": [{"line": 1, "quantity": 2}]}, "2021-06-11T12:00:00+08:00"),
        Do("orders.dispatch", "p:1", {"waybill": "w2"}, "2021-06-13T12:00:00+08:00"),
        Do("orders.mark-overdue", "p:1", {}, "2021-06-13T13:00:00+08:00"),
        Holds({"buyer_payable:b": 1_000}),
    ),
    "16 9.90 is late":     (*late(990),     Holds({"buyer_payable:b": 500})),
    "16 50.00 is late":    (*late(5_000),   Holds({"buyer_payable:b": 500})),
    "16 123.45 is late":   (*late(12_345),  Holds({"buyer_payable:b": 1_235})),
    "16 300.00 is late":   (*late(30_000),  Holds({"buyer_payable:b": 3_000})),
    "16 1 000.00 is late": (*late(100_000), Holds({"buyer_payable:b": 3_000})),
    "17 the clock stands still": (
        terms("late-dispatch-2021-06"), *shop("late-dispatch", deposit=10_000),
        *bought(30_000, at=JUNE, dispatch_by="2021-06-12T12:00:00+08:00"),
        Do("orders.place-risk-hold", "p:1", {"reason": "stolen card?"}, "2021-06-12T06:00:00+08:00"),
        Do("orders.lift-risk-hold", "p:1", {}, "2021-06-12T18:00:00+08:00"),
        Do("orders.mark-overdue", "p:1", {}, "2021-06-13T00:00:00+08:00"),
        Holds({"buyer_payable:b": 0}),
        Do("orders.mark-overdue", "p:1", {}, "2021-06-13T00:00:01+08:00"),
        Holds({"buyer_payable:b": 3_000}),
    ),
    "18 a refund before its payment": (
        Do("orders.place", "p:1", {"shop": "s", "buyer": "b", "currency": "CNY", "lines": [{"sku": "cup", "amount": PRICE}]}),
        Do("refunds.record", "r", {"order": "p:1", "shop": "s", "currency": "CNY", "lines": [{"line": 1, "cash": 5_000}]}),
        Holds({"bank": 0}),
        Do("orders.pay", "p:1", {"cash": PRICE}),
        Holds({"bank": PRICE - 5_000, "order_escrow:p:1": PRICE - 5_000}),
    ),
    "20 into a closed month": (
        *shop(), Do("shops.pay-deposit", "s", {"amount": 100}, "2021-05-20T00:00:00+08:00"),
        Do("periods.close", "2021-05", {}, "2021-06-01T09:00:00+08:00"),
        Do("shops.pay-deposit", "s", {"amount": 23}, "2021-05-21T00:00:00+08:00"),
        Holds({"shop_deposit:s": 123}),
    ),
    "21 the terms of the payment": (
        *FAKES, *shop("counterfeit", deposit=RICH), *bought(at=JUNE),
        but(claim(), at="2021-12-01T12:00:00+08:00"), uphold(),
        Holds({"buyer_payable:b": 199_000}),
    ),
    "22 the last moment of the window": (
        EDGE, *shop("seven-day-return"), *bought(at="2021-06-01T12:00:00+08:00"), *RECEIVED,
        but(claim("c1", "seven-day-return"), at="2021-06-11T00:00:00+08:00", code="window_over"),
        but(claim("c2", "seven-day-return"), at="2021-06-10T23:59:59+08:00"),
    ),
    "23 two orders in one parcel": (
        terms("return-freight-2021-06"), *shop("return-freight", deposit=10_000),
        *bought(30_000, at=JUNE, order="p:1"), *bought(10_000, at=JUNE, order="p:2"),
        *returned("p:1", "r1", "w9"), *returned("p:2", "r2", "w9"),
        Do("returns.claim-freight", "w9", {"cost": 1_001, "refunds": ["r1", "r2"]}, "2021-06-16T12:00:00+08:00"),
        Holds({"buyer_payable:b": 1_001, "shop_deposit:s": 10_000 - 1_001}),
        Do("returns.claim-freight", "w9", {"cost": 1_001, "refunds": ["r1"]}, "2021-06-16T13:00:00+08:00", code="already_compensated"),
    ),
    "24 brushing is found after the payout": (
        *FAKE, fund(100_000), claim(), uphold(), Do("claims.pay", "c", {"transfer": "t1"}),
        Do("orders.void", "p:1", {"reason": "brushing"}),
        Holds({"buyer_receivable:b": 150_000, "pet_fund": 0, "recourse_receivable:s": 100_000}),
        Do("claims.recover", "c"),
        Holds({"buyer_receivable:b": 0, "pet_fund": 100_000, "shop_deposit:s": 50_000, "recourse_receivable:s": 0}),
    ),
    "25 a banned shop asks for its deposit": (
        *FAKES, *shop("counterfeit", deposit=300_000), *bought(),
        Do("orders.dispatch", "p:1", {"waybill": "w"}), Do("orders.deliver", "p:1", {"waybill": "w"}, "2021-11-20T00:00:00+08:00"),
        Do("shops.ban", "s", {"cause": "n1"}, "2021-11-21T00:00:00+08:00"),
        Do("shops.refund-deposit", "s", {}, "2021-12-01T00:00:00+08:00", code="deposit_held"),
        but(claim(), at="2022-11-01T00:00:00+08:00"),
        Do("shops.refund-deposit", "s", {}, "2023-01-01T00:00:00+08:00", code="deposit_held"),
        uphold(), Do("shops.refund-deposit", "s", {}, "2023-01-02T00:00:00+08:00"),
        Holds({"shop_deposit:s": 0, "buyer_payable:b": 179_100, "bank": 179_100}),
    ),
    "26 a certificate number of another piece": (
        *shop(), *bought(80_000, 2), *appraised("i1"), *appraised("i2"), Do("items.certify", "i1", {"certificate": "GIA-1", "fee": 500}),
        Do("items.certify", "i2", {"certificate": "GIA-1", "fee": 500}, code="certificate_taken"),
        Do("orders.dispatch", "p:1", {"waybill": "w"}, code="not_appraised"),
        Do("items.certify", "i2", {"certificate": "GIA-2", "fee": 500}), Do("orders.dispatch", "p:1", {"waybill": "w"}),
        Holds({"lab_payable:l": 1_000}),
    ),
    "27 a payout fails": (
        *FAKE, fund(RICH), claim(), uphold(), Do("claims.pay", "c", {"transfer": "t1"}),
        Holds({"buyer_payable:b": 0}),
        Do("claims.fail-payment", "c", {"transfer": "t1"}),
        Holds({"buyer_payable:b": 179_100}),
        Do("claims.pay", "c", {"transfer": "t1"}, code="already_exists"), Do("claims.pay", "c", {"transfer": "t2"}),
        Holds({"buyer_payable:b": 0}),
    ),
    "27 an unknown result is asked for first": (
        *FAKE, fund(RICH), claim(), uphold(), Do("claims.pay", "c", {"transfer": "t1"}), Do("claims.mark-unknown", "c", {"transfer": "t1"}),
        Do("claims.pay", "c", {"transfer": "t2"}, code="wrong_state"), Do("claims.fail-payment", "c", {"transfer": "t1"}),
        Do("claims.pay", "c", {"transfer": "t2"}),
        Holds({"buyer_payable:b": 0}),
    ),
    "28 two claims for the last of a deposit": (
        *FAKES, *shop("counterfeit", deposit=50_000), *bought(39_800, 2), *refunded(), fund(RICH),
        claim("c1", "counterfeit", 1), claim("c2", "counterfeit", 2), uphold("c2"),
        Holds({"shop_deposit:s": 0, "pet_fund": RICH - 129_100}),
        uphold("c1"),
        Holds({"shop_deposit:s": 0, "pet_fund": RICH - 129_100 - 179_100, "buyer_payable:b": 2 * 179_100}),
    ),
    "29 a chargeback after a refund": (
        *bought(), *refunded(), Do("chargebacks.receive", "k", {"order": "p:1", "amount": PRICE}),
        Holds({"buyer_receivable:b": PRICE, "bank": -PRICE, "order_escrow:p:1": 0}),
        Do("chargebacks.reverse", "k"),
        Holds({"buyer_receivable:b": 0, "bank": 0}),
    ),
    "30 a free gift": (
        *FAKES, *shop("counterfeit", deposit=RICH),
        Do("orders.place", "p:1", {"shop": "s", "buyer": "b", "currency": "CNY", "lines": [{"sku": "gift", "amount": 0}, {"sku": "cup", "amount": PRICE}]}, NOVEMBER),
        Do("orders.pay", "p:1", {"cash": PRICE}, NOVEMBER), claim("c", "counterfeit", 1), but(uphold(), code="needs_person"),
        Holds({"buyer_payable:b": 0}),
    ),
}  # fmt: skip
