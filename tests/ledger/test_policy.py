"""Terms: what they pay to the cent, which version counts, how long, and how they are published."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import policies, policy, time
from ledger.decisions.base import replay
from ledger.decisions.policy import PublishPolicy, RetirePolicy, law, terms
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.errors import (
    AlreadyExists,
    InvalidCurrency,
    InvalidPolicy,
    InvalidTime,
    NoticeTooShort,
    PolicyOverlap,
    UnknownPolicy,
    WrongState,
)
from ledger.events.policy import PolicyPublished, PolicyRetired
from ledger.money import round_ratio
from ledger.policy import NEVER, Inputs, Quota, Rule, Terms, quote
from tests.ledger.stories import PAY, PLACE, Ledger, but, has, stories, tell

SHIPPED = {name: command.terms() for name, command in policies.shipped().items()}
TENFOLD, NINEFOLD = SHIPPED["counterfeit-2021-06"], SHIPPED["counterfeit-2021-11"]
FRAUD, FOOD = SHIPPED["fraud-law-2014-03"], SHIPPED["food-law-2015-10"]
LATE, FREIGHT = SHIPPED["late-dispatch-2021-06"], SHIPPED["return-freight-2021-06"]
RETURNLESS, WARRANTY = SHIPPED["returnless-refund-2021-06"], SHIPPED["device-warranty-2021-06"]
INCIDENT = SHIPPED["incident-2021-06"]


def claims(*units: int, **others: int) -> Inputs:
    return Inputs(units=units, **others)


#      terms     law            what is claimed                        refund  compensation
OWED = [
    (NINEFOLD,   (),            claims(199_00, refunded=50_00),        149_00, 1_791_00),
    (TENFOLD,    (),            claims(199_00, refunded=50_00),        0,      1_940_00),
    (NINEFOLD,   (FRAUD,),      claims(199_00, refunded=50_00),        149_00, 1_791_00),
    (TENFOLD,    (FRAUD,),      claims(199_00, refunded=50_00),        0,      1_940_00),
    (NINEFOLD,   (FRAUD,),      claims(40_00),                         40_00,  500_00),
    (TENFOLD,    (FRAUD,),      claims(40_00),                         40_00,  500_00),
    (NINEFOLD,   (FRAUD,),      claims(199_00, offset=520_00),         199_00, 1_271_00),
    (NINEFOLD,   (FRAUD,),      claims(40_00, offset=520_00),          40_00,  0),
    (NINEFOLD,   (),            claims(70_00),                         70_00,  630_00),
    (NINEFOLD,   (),            claims(33_34),                         33_34,  300_06),
    (NINEFOLD,   (),            claims(33_33),                         33_33,  299_97),
    (NINEFOLD,   (),            claims(33_34, 33_33, 33_33),           100_00, 900_00),
    (NINEFOLD,   (),            claims(40_00, refunded=41_00),         0,      360_00),
    (NINEFOLD,   (FRAUD, FOOD), claims(40_00),                         40_00,  1_000_00),
    (NINEFOLD,   (FRAUD, FOOD), claims(400_00),                        400_00, 4_000_00),
    (NINEFOLD,   (FRAUD, FOOD), claims(40_00, loss=2_000_00),          40_00,  6_000_00),
    (FRAUD,      (),            claims(1_000_00),                      1_000_00, 3_000_00),
    (NINEFOLD,   (),            claims(0),                             0,      0),
    (NINEFOLD,   (FRAUD,),      claims(0),                             0,      500_00),
    (LATE,       (),            claims(9_90),                          0,      5_00),
    (LATE,       (),            claims(50_00),                         0,      5_00),
    (LATE,       (),            claims(123_45),                        0,      12_35),
    (LATE,       (),            claims(300_00),                        0,      30_00),
    (LATE,       (),            claims(1_000_00),                      0,      30_00),
    (LATE,       (),            claims(3_00, 3_00, 3_00),              0,      5_00),
    (LATE,       (),            claims(4),                             0,      5_00),
    (FREIGHT,    (),            claims(cost=8_50),                     0,      8_50),
    (FREIGHT,    (),            claims(cost=30_00),                    0,      12_00),
    (RETURNLESS, (),            claims(60_00, refunded=20_00),         40_00,  0),
    (WARRANTY,   (),            claims(2_000_00, cost=350_00),         0,      350_00),
    (WARRANTY,   (),            claims(2_000_00, cost=2_350_00),       0,      2_000_00),
    (WARRANTY,   (),            claims(2_000_00, refunded=500_00),     0,      1_500_00),
    (INCIDENT,   (),            claims(),                              0,      520_00),
]  # fmt: skip


@pytest.mark.parametrize(("terms_", "floor", "inputs", "refund", "compensation"), OWED)
def test_what_terms_pay(terms_, floor, inputs, refund, compensation):
    found = quote(terms_, floor, inputs)
    assert (found.refund, found.compensation, found.total) == (refund, compensation, refund + compensation)


@pytest.mark.parametrize(
    ("terms_", "floor", "inputs", "basis", "flags"),
    [
        (NINEFOLD, (FRAUD,), claims(199_00), "contract", ()),
        (TENFOLD, (FRAUD,), claims(199_00), "contract", ("refund_included",)),
        (TENFOLD, (FRAUD,), claims(40_00), "law", ()),
        (FRAUD, (), claims(40_00), "law", ()),
        (NINEFOLD, (), claims(0), "contract", ("needs_person",)),
        (NINEFOLD, (FRAUD,), claims(0), "law", ("needs_person",)),
        (WARRANTY, (), claims(40_00), "contract", ("refund_included",)),
        (WARRANTY, (), claims(40_00, cost=1), "contract", ()),
        (INCIDENT, (), claims(), "contract", ()),
    ],
)
def test_on_which_basis_and_with_which_flags(terms_, floor, inputs, basis, flags):
    found = quote(terms_, floor, inputs)
    assert (found.basis, found.flags) == (basis, flags)


def test_the_trace_can_be_checked_by_hand():
    trace = quote(TENFOLD, (FRAUD,), claims(100_00, 99_00, refunded=50_00, offset=520_00)).trace
    assert [(step.name, step.expression, step.value) for step in trace] == [
        ("paid", "10000 + 9900", 19_900),
        ("left of the refund", "max(19900 - 5000, 0)", 14_900),
        ("counterfeit 2021-06", "10 × 10000 + 10 × 9900", 199_000),
        ("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
        ("above the refund: counterfeit 2021-06", "max(179100, 59700)", 179_100),
        ("less what was refunded", "max(199000 - 5000, 0)", 194_000),
        ("less what the same cause has paid", "max(194000 - 52000, 0)", 142_000),
    ]
    (paid, late) = quote(LATE, (), claims(123_45)).trace
    assert (paid.expression, late.expression) == ("12345", "min(max(round(12345 × 1000 / 10000), 500), 3000)")


SUMS = st.integers(0, 10_000_000)


@given(
    st.sampled_from(sorted(SHIPPED)),
    st.lists(st.sampled_from((FRAUD, FOOD)), max_size=2),
    st.lists(SUMS, max_size=4),
    *[SUMS] * 4,
)
def test_every_trace_says_what_it_reckons(name, floor, units, refunded, cost, loss, offset):
    inputs = Inputs(units=tuple(units), refunded=refunded, cost=cost, loss=loss, offset=offset)
    found = quote(SHIPPED[name], floor, inputs)
    for step in found.trace:
        assert _reckoned(step.expression) == step.value, step
    assert found.refund >= 0
    assert found.compensation >= 0
    # The law is a floor: without an offset nobody is given less beside the refund than it says.
    above = quote(SHIPPED[name], floor, msgspec.structs.replace(inputs, offset=0, refunded=0))
    for each in floor:
        alone = quote(each, (), msgspec.structs.replace(inputs, offset=0, refunded=0))
        assert above.total + sum(units) * (not SHIPPED[name].refund) >= alone.compensation


def _reckoned(expression: str) -> int:
    def rounded(value: float) -> int:
        return round_ratio(int(value * 10_000), 10_000)

    names = {"max": max, "min": min, "round": rounded, "__builtins__": {}}
    found: int = eval(expression.replace("×", "*"), names)  # noqa: S307 - our own arithmetic
    return found


# Windows.


@pytest.mark.parametrize(
    ("start", "last"),
    [
        ("2021-06-03T15:00:00+08:00", "2021-06-10T23:59:59.999999+08:00"),
        ("2021-06-03T00:00:00+08:00", "2021-06-10T23:59:59.999999+08:00"),
        ("2021-06-03T16:00:00+00:00", "2021-06-11T23:59:59.999999+08:00"),
        ("2021-12-30T23:59:59+08:00", "2022-01-06T23:59:59.999999+08:00"),
    ],
)
def test_day_1_is_the_day_after(start, last):
    found = policy.window_last(RETURNLESS, at(start))
    assert time.rfc3339(found, time.HOME_OFFSET) == last


def at(text: str) -> int:
    return time.micros(time.parse(text))


def test_day_180_is_in_and_day_181_out():
    last = policy.window_last(WARRANTY, at("2021-06-03T15:00:00+08:00"))
    assert at("2021-11-30T23:59:59+08:00") <= last < at("2021-12-01T00:00:00+08:00")


def test_a_window_without_days_never_ends():
    assert policy.window_last(LATE, at("2021-06-03")) == NEVER
    assert time.rfc3339(NEVER).startswith("9999")


# Quotas and categories.


def test_a_quota_is_that_of_the_tier_or_of_all_others():
    assert policy.quota(NINEFOLD, "gold") is None
    assert policy.quota(RETURNLESS, "gold") == Quota(tier="gold", uses=4)
    assert policy.quota(RETURNLESS, "none such") == policy.quota(RETURNLESS, "") == Quota(uses=1)
    closed = msgspec.structs.replace(RETURNLESS, quotas=(Quota(tier="gold", uses=4),))
    assert policy.quota(closed, "silver") == Quota(tier="silver", uses=0)


def test_food_is_food():
    assert policy.applies(FOOD, "food")
    assert not policy.applies(FOOD, "shoes")
    assert policy.applies(FRAUD, "shoes")


# Versions.

JUNE, NOVEMBER = TENFOLD.effective_from, NINEFOLD.effective_from
VERSIONS = (msgspec.structs.replace(TENFOLD, effective_to=NOVEMBER), NINEFOLD)
BETTER = (VERSIONS[0], msgspec.structs.replace(NINEFOLD, better_for_buyer=True))
GAP = (msgspec.structs.replace(TENFOLD, effective_to=NOVEMBER - 10), NINEFOLD)


@pytest.mark.parametrize(
    ("versions", "paid_at", "claimed_at", "version"),
    [
        (VERSIONS, JUNE - 1, NOVEMBER, None),
        (VERSIONS, JUNE, NOVEMBER, "2021-06"),
        (VERSIONS, at("2021-06-10"), at("2021-12-01"), "2021-06"),
        (VERSIONS, NOVEMBER - 1, NOVEMBER, "2021-06"),
        (VERSIONS, NOVEMBER, NOVEMBER, "2021-11"),
        (BETTER, JUNE, NOVEMBER - 1, "2021-06"),
        (BETTER, JUNE, NOVEMBER, "2021-11"),
        (BETTER, JUNE, None, "2021-11"),
        (BETTER, JUNE - 1, NOVEMBER, None),
        (GAP, NOVEMBER - 11, NOVEMBER, "2021-06"),
        (GAP, NOVEMBER - 10, NOVEMBER, None),
        ((), JUNE, JUNE, None),
    ],
)
def test_which_version_counts(versions, paid_at, claimed_at, version):
    found = policy.in_force(versions, paid_at, claimed_at)
    assert (found.version if found else None) == version


# The stories; the world begins on 2021-06-01 in UTC and moves on an hour with each step.

SHANGHAI = timezone(timedelta(hours=8))


def on(month: int, day: int) -> datetime:
    return datetime(2021, month, day, tzinfo=SHANGHAI)


RULE = Rule(family="authenticity", formula="multiple", multiple=9, refund=True, payers=("deposit", "fund"))
FIRST = PublishPolicy(id="counterfeit", version="1", effective_from=on(6, 9), rule=RULE)
SECOND = but(FIRST, version="2", effective_from=on(7, 1), rule=but(RULE, multiple=10))
RETIRE = RetirePolicy(id="counterfeit", version="1", effective_to=on(7, 1), reason="over")
BOUNDED = but(FIRST, effective_to=on(6, 20))


@stories({
    "a version":                  ([], FIRST, [PolicyPublished(FIRST.terms())]),
    "the same again":             ([FIRST], FIRST, []),
    "the same after its end":     ([FIRST, SECOND], FIRST, []),
    "another under its name":     ([FIRST], but(FIRST, rule=but(RULE, multiple=8)), AlreadyExists),
    "too soon":                   ([], but(FIRST, effective_from=on(6, 8)), NoticeTooShort),
    "forced without a reason":    ([], but(FIRST, effective_from=on(6, 8), force=True), NoticeTooShort),
    "forced":                     ([], but(FIRST, effective_from=on(6, 8), force=True, reason="law"),
                                   [has(PolicyPublished, forced="law")]),
    "forced without need":        ([], but(FIRST, force=True, reason="law"), [has(PolicyPublished, forced="")]),
    "announced in time, later":   ([], but(FIRST, effective_from=on(6, 8), at=on(6, 1)), [has(PolicyPublished)]),
    "the next":                   ([FIRST], SECOND, [has(PolicyPublished)]),
    "one before, with an end":    ([SECOND], but(FIRST, effective_to=on(7, 1)), [has(PolicyPublished)]),
    "one before, without":        ([SECOND], FIRST, PolicyOverlap),
    "one before, too long":       ([SECOND], but(FIRST, effective_to=on(7, 2)), PolicyOverlap),
    "at the same moment":         ([FIRST], but(SECOND, effective_from=on(6, 9)), PolicyOverlap),
    "inside another":             ([BOUNDED], but(SECOND, effective_from=on(6, 19)), PolicyOverlap),
    "right behind another":       ([BOUNDED], but(SECOND, effective_from=on(6, 20)), [has(PolicyPublished)]),
    "of another family":          ([FIRST], but(SECOND, rule=but(RULE, family="refund")), InvalidPolicy),
    "that ends at its beginning": ([], but(FIRST, effective_to=on(6, 9)), InvalidPolicy),
    "in no currency":             ([], but(FIRST, rule=but(RULE, currency="yuan")), InvalidCurrency),
    "without an offset":          ([], but(FIRST, effective_from=datetime(2021, 7, 1)), InvalidTime),  # noqa: DTZ001
    "retired":                    ([FIRST], RETIRE, [PolicyRetired("1", time.micros(on(7, 1)), "over")]),
    "retired again":              ([FIRST, RETIRE], RETIRE, []),
    "retired earlier":            ([FIRST, RETIRE], but(RETIRE, effective_to=on(6, 20)), [has(PolicyRetired)]),
    "retired later":              ([FIRST, RETIRE], but(RETIRE, effective_to=on(8, 1)), WrongState),
    "retired before it began":    ([FIRST], but(RETIRE, effective_to=on(6, 8)), WrongState),
    "retired too soon":           ([FIRST], but(RETIRE, effective_to=on(6, 9), at=on(6, 3)), NoticeTooShort),
    "retired at once, forced":    ([FIRST], but(RETIRE, effective_to=on(6, 9), at=on(6, 3), force=True),
                                   [has(PolicyRetired, forced="over")]),
    "retired, never heard of":    ([], RETIRE, UnknownPolicy),
})  # fmt: skip
def test_publishing(given, when, then):
    tell(given, when, then)


def test_a_new_version_ends_the_one_before():
    ledger = Ledger([FIRST, SECOND])
    first, second = ledger.state("policy-counterfeit")
    assert (first.version, first.effective_to) == ("1", second.effective_from)
    assert second.effective_to is None


def test_better_terms_count_once_they_have_begun():
    better = but(SECOND, rule=but(SECOND.rule, better_for_buyer=True))
    opened = (OpenShop(id="s1", at=on(6, 9)), OpenBenefit(id="s1", benefit="counterfeit", at=on(6, 9)))
    ledger = Ledger([FIRST, better, *opened, but(PLACE, at=on(6, 20)), but(PAY, at=on(6, 20))])
    assert ledger.state("coverage-p:1:1:counterfeit").version == "1"
    past = ledger.past()
    paid = time.micros(on(6, 20))
    found = terms(past, "counterfeit", paid)  # It is the beginning of June.
    assert found
    assert found.version == "1"


def test_what_is_retired_still_counts_for_orders_paid_before():
    ledger = Ledger([FIRST, RETIRE])
    past = ledger.past()
    before = terms(past, "counterfeit", time.micros(on(6, 30)))
    assert before
    assert before.version == "1"
    assert terms(past, "counterfeit", time.micros(on(7, 1))) is None
    assert terms(past, "never heard of", time.micros(on(6, 30))) is None


def test_the_law_is_the_floor_of_goods_it_speaks_of():
    past = Ledger([but(command, force=True, reason="law") for command in policies.shipped().values()]).past()
    found = terms(past, "counterfeit", at("2021-06-10"))
    assert found
    assert found.version == "2021-06"
    assert [floor.benefit for floor in law(past, found, at("2021-06-10"), "food")] == [
        "fraud-law",
        "food-law",
    ]
    assert [floor.benefit for floor in law(past, found, at("2021-06-10"), "shoes")] == ["fraud-law"]
    assert law(past, found, at("2010-01-01"), "shoes") == ()
    pounds = msgspec.structs.replace(found, currency="GBP")
    assert law(past, pounds, at("2021-06-10"), "shoes") == ()


def test_an_empty_past_has_no_terms():
    assert replay("policy-counterfeit", []) == ()


# Files.

FILE = """
benefit = "late-dispatch"
version = "9"
effective_from = 2021-07-01
family = "dispatch"
formula = "rate"
rate_bp = 500
payers = ["payable"]
"""


def test_a_file_is_the_command_that_publishes_it():
    command = policies.read(FILE)
    assert command.terms() == Terms(
        benefit="late-dispatch",
        version="9",
        effective_from=time.micros(on(7, 1)),
        family="dispatch",
        formula="rate",
        rate_bp=500,
        payers=("payable",),
    )
    assert policies.read("effective_to = 2021-08-01T00:00:00Z\n" + FILE).effective_to == datetime(
        2021, 8, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('benefit = "late-dispatch"', "", "benefit"),
        ('version = "9"', "version = 9", "version"),
        ("2021-07-01", '"tomorrow"', "effective_from"),
        ("2021-07-01", "2021-07-01T00:00:00", "offset"),
        ('"dispatch"', '"dispatches"', "family"),
        ("rate_bp = 500", "rate_bp = 0.5", "rate_bp"),
        ("rate_bp = 500", "rate_bp = -5", "rate_bp"),
        ("rate_bp = 500", "", "needs rate_bp"),
        ("rate_bp = 500", "rate_bp = 500\nmultiple = 3", "knows no multiple"),
        ("rate_bp = 500", "rate_bp = 500\ncap = 3\nfloor = 4", "below the floor"),
        ("rate_bp = 500", "rate_bp = 500\nrefund_included = true", "cannot hold the refund"),
        ("rate_bp = 500", "rate_bp = 500\nwindow_days = 7", "window"),
        ("rate_bp = 500", 'rate_bp = 500\nwindow_from = "received"', "window"),
        ("rate_bp = 500", "rate_bp = 500\nquotas = [{ uses = 1 }, { uses = 2 }]", "one quota"),
        ("rate_bp = 500", 'rate_bp = 500\nbasis = "law"\ncap = 3', "no cap"),
        ('"rate"\nrate_bp = 500', '"refund"', "refund = true"),
        (
            '"rate"\nrate_bp = 500',
            '"multiple"\nmultiple = 2\nrefund = true\nrefund_included = true',
            "or in it",
        ),
        ('["payable"]', "[]", "Somebody pays"),
        ('["payable"]', '["payable", "payable"]', "twice"),
        ('["payable"]', '["bank"]', "payers"),
        ('["payable"]', '["payable"]\ncolour = "red"', "colour"),
        ('["payable"]', '["payable"', "TOML"),
    ],
)
def test_what_a_file_may_not_say(old, new, says):
    assert old in FILE
    with pytest.raises(InvalidPolicy, match=says):
        policies.read(FILE.replace(old, new))


def test_the_shipped_terms_are_one_version_each_and_never_overlap():
    ledger = Ledger()
    for name, command in policies.shipped().items():
        assert name == f"{command.id}-{command.version}"
        ledger.do(but(command, force=True, reason="they ship with the ledger"))
    assert {terms_.benefit for terms_ in SHIPPED.values()} == set(
        "counterfeit late-dispatch fake-dispatch return-freight returnless-refund seven-day-return instant-refund "
        "official-authenticity device-warranty incident fraud-law food-law".split()
    )


FIRST_ENDS = but(FIRST, effective_to=on(7, 1))
EVEN = but(RULE, floor=500, cap=500)


@stories({
    "the same with its end": ([FIRST_ENDS], FIRST_ENDS, []),
    "the same with another end": ([FIRST_ENDS], but(FIRST_ENDS, effective_to=on(8, 1)), []),
    "the same without its end": ([FIRST_ENDS], FIRST, []),
    "a cap that is the floor": ([], but(FIRST, rule=EVEN), [
        PolicyPublished(Terms(family="authenticity", formula="multiple", multiple=9, refund=True, floor=500,
            cap=500, payers=("deposit", "fund"), benefit="counterfeit", version="1",
            effective_from=1_623_168_000_000_000)),
    ]),
    "retired when it ends anyway": ([FIRST_ENDS], RETIRE, []),
    "retired at its beginning": ([FIRST], but(RETIRE, effective_to=on(6, 9)), [
        PolicyRetired("1", 1_623_168_000_000_000, "over"),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        [FIRST, SECOND, but(FIRST, version="3", effective_from=on(8, 1))], "policy-counterfeit",
        (Terms(family="authenticity", formula="multiple", multiple=9, refund=True, payers=("deposit", "fund"),
            benefit="counterfeit", version="1", effective_from=1_623_168_000_000_000,
            effective_to=1_625_068_800_000_000), Terms(family="authenticity", formula="multiple", multiple=10,
            refund=True, payers=("deposit", "fund"), benefit="counterfeit", version="2",
            effective_from=1_625_068_800_000_000, effective_to=1_627_747_200_000_000),
            Terms(family="authenticity", formula="multiple", multiple=9, refund=True, payers=("deposit",
            "fund"), benefit="counterfeit", version="3", effective_from=1_627_747_200_000_000)),
        id="two versions and a third"),
    pytest.param(
        [SECOND, FIRST_ENDS], "policy-counterfeit",
        (Terms(family="authenticity", formula="multiple", multiple=9, refund=True, payers=("deposit", "fund"),
            benefit="counterfeit", version="1", effective_from=1_623_168_000_000_000,
            effective_to=1_625_068_800_000_000), Terms(family="authenticity", formula="multiple", multiple=10,
            refund=True, payers=("deposit", "fund"), benefit="counterfeit", version="2",
            effective_from=1_625_068_800_000_000)),
        id="one before"),
    pytest.param(
        [FIRST, SECOND, but(RETIRE, version="2", effective_to=on(8, 1))], "policy-counterfeit",
        (Terms(family="authenticity", formula="multiple", multiple=9, refund=True, payers=("deposit", "fund"),
            benefit="counterfeit", version="1", effective_from=1_623_168_000_000_000,
            effective_to=1_625_068_800_000_000), Terms(family="authenticity", formula="multiple", multiple=10,
            refund=True, payers=("deposit", "fund"), benefit="counterfeit", version="2",
            effective_from=1_625_068_800_000_000, effective_to=1_627_747_200_000_000)),
        id="one of two is retired"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known


@pytest.mark.parametrize(("terms_", "inputs", "steps"), [
    (NINEFOLD,   claims(33_34),                     "paid: 3334 = 3334; left of the refund: max(3334 - 0, 0) = 3334; counterfeit 2021-11: 9 × 3334 = 30006"),
    (NINEFOLD,   claims(),                          "left of the refund: max(0 - 0, 0) = 0; counterfeit 2021-11: 9 × 0 = 0"),
    (NINEFOLD,   claims(10, offset=50),             "paid: 10 = 10; left of the refund: max(10 - 0, 0) = 10; counterfeit 2021-11: 9 × 10 = 90; less what the same cause has paid: max(90 - 50, 0) = 40"),
    (LATE,       claims(10, offset=50),             "paid: 10 = 10; late-dispatch 2021-06: min(max(round(10 × 1000 / 10000), 500), 3000) = 500"),
    (WARRANTY,   claims(2_000, refunded=500),       "paid: 2000 = 2000; left of the refund: max(2000 - 500, 0) = 1500; device-warranty 2021-06: 1500 = 1500"),
    (WARRANTY,   claims(2_000, cost=350),           "paid: 2000 = 2000; left of the refund: max(2000 - 0, 0) = 2000; device-warranty 2021-06: min(350, 2000) = 350"),
    (RETURNLESS, claims(2_000),                     "paid: 2000 = 2000; left of the refund: max(2000 - 0, 0) = 2000; returnless-refund 2021-06: 0 = 0"),
    (FREIGHT,    claims(cost=3_000),                "return-freight 2021-06: min(3000, 1200) = 1200"),
    (FOOD,       claims(400, loss=900),             "paid: 400 = 400; left of the refund: max(400 - 0, 0) = 400; food-law 2015-10: max(max(10 × 400, 3 × 900), 100000) = 100000"),
    (INCIDENT,   claims(),                          "incident 2021-06: 52000 = 52000"),
])  # fmt: skip
def test_every_step_is_named(terms_, inputs, steps):
    found = quote(terms_, (), inputs).trace
    assert "; ".join(f"{step.name}: {step.expression} = {step.value}" for step in found) == steps
