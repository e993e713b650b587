"""The index reckoned by hand: shrinking, percentiles, what is missing, deductions, the mean and the label."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import formula, reputation
from ledger.reputation import Count, Observed, Rule, standings

RULE = formula.version("repeat-customer", "1").read(Rule)
WELFARE = formula.version("repeat-customer", "2").read(Rule)


def seen(orders: int = 0, points: int = 0, **counts: Any) -> Observed:
    return Observed({metric: Count(*count) for metric, count in counts.items()}, orders, points)


def test_weights_add_up_to_one():
    for rule in (RULE, WELFARE):
        assert sum(metric.weight for metric in rule.metrics) == 1
        assert rule.names <= reputation.SUGGESTIONS.keys()
        assert all(
            reason == reason.strip().casefold() for reason in (*rule.quality_reasons, *rule.quality_endings)
        )


def test_the_second_version_asks_for_welfare_instead_of_content():
    assert {metric.name for metric in RULE.metrics} - {metric.name for metric in WELFARE.metrics} == {
        "content"
    }
    assert {metric.name for metric in WELFARE.metrics} - {metric.name for metric in RULE.metrics} == {
        "welfare"
    }
    other = {"metrics": ()}
    assert msgspec.structs.replace(RULE, **other) == msgspec.structs.replace(WELFARE, **other)


def test_windows_end_before_the_day():
    assert RULE.window("repeat_rate").days(100) == (70, 99)
    assert RULE.window("praise_rate").days(100) == (70, 99)
    assert RULE.window("service").days(100) == (56, 85)


def test_a_shop_is_drawn_to_its_industry():
    # All: 30 of 200. (10 + 50 × 0.15) / (50 + 50) = 0.175.
    assert reputation.shrunk(Count(10, 50), Count(30, 200), 50) == Fraction(175, 1000)
    assert reputation.shrunk(Count(0, 0), Count(30, 200), 50) is None


@pytest.mark.parametrize(("lower", "equal", "among", "percentile"), [
    (0, 1, 1, 50), (0, 1, 4, "12.5"), (3, 1, 4, "87.5"), (1, 2, 4, 50), (4, 1, 5, 90), (0, 3, 3, 50),
])  # fmt: skip
def test_percentiles_are_mid_ranks(lower, equal, among, percentile):
    assert reputation.mid_rank(lower, equal, among) == Fraction(percentile)


@pytest.mark.parametrize(("value", "places", "text"), [
    (Fraction(5605, 100), 1, "56.1"), (Fraction(5604, 100), 1, "56.0"), (Fraction(1, 3), 4, "0.3333"),
    (Fraction(0), 1, "0.0"), (Fraction(999999, 10000), 1, "100.0"), (Fraction(1, 8), 2, "0.13"),
])  # fmt: skip
def test_rounding_is_half_up_at_the_end(value, places, text):
    assert reputation.decimal(value, places) == text


FOUR = {
    # repeat rate: all 60 of 200; shrunk (n·x + 15) / (n + 50): 0.25, 0.35, 0.35, 0.25
    # quality refunds of c and d alone, fewer are better: all 10 of 100; shrunk (x + 5) / 100: 0.14 and 0.06
    "a": seen(40, repeat_rate=(10, 50)),
    "b": seen(50, repeat_rate=(20, 50)),
    "c": seen(30, repeat_rate=(20, 50), quality_refunds=(9, 50)),
    "d": seen(29, repeat_rate=(10, 50), quality_refunds=(1, 50)),
}


def test_an_industry_of_four():
    found = standings(RULE, "tea", FOUR)
    rate = {name: standing.components[0] for name, standing in found.items()}
    assert {name: each.peers for name, each in rate.items()} == dict.fromkeys("abcd", Count(60, 200))
    assert [rate[name].shrunk(50) for name in "abcd"] == [Fraction(n, 100) for n in (25, 35, 35, 25)]
    # Two and two: mid-ranks of 25 and 75.
    assert [rate[name].percentile for name in "abcd"] == [25, 75, 75, 25]
    refunds = {name: standing.components[2] for name, standing in found.items()}
    assert [refunds[name].percentile for name in "abcd"] == [50, 50, 25, 75]
    # 50, but for 0.25 × 25 either way and 0.075 × 25 either way.
    assert [found[name].exact for name in "abcd"] == [
        Fraction("43.75"), Fraction("56.25"), Fraction("54.375"), Fraction("45.625"),
    ]  # fmt: skip
    assert [found[name].tenths for name in "abcd"] == [438, 563, 544, 456]


def test_what_is_missing_is_named_and_stands_in_the_middle():
    found = standings(RULE, "tea", FOUR)
    assert found["a"].missing == (
        "dissatisfaction",
        "quality_refunds",
        "handling_time",
        "service",
        "logistics",
        "content",
    )
    assert found["c"].missing == ("dissatisfaction", "handling_time", "service", "logistics", "content")
    assert all(each.percentile == 50 for each in found["a"].components[1:])


def test_what_costs_most_comes_first():
    found = standings(RULE, "tea", FOUR)
    assert [found[name].improve for name in "abcd"] == [
        ("repeat_rate",), (), ("quality_refunds",), ("repeat_rate",),
    ]  # fmt: skip
    both = standings(RULE, "tea", {**FOUR, "e": seen(9, repeat_rate=(0, 50), quality_refunds=(50, 50))})
    assert both["e"].improve == ("repeat_rate", "quality_refunds")


def test_labels_compare_those_with_enough_orders():
    found = standings(RULE, "tea", FOUR)
    # The mean of a, b and c: (43.75 + 56.25 + 54.375) / 3 = 51.458…; d has too few orders to count.
    assert {standing.rank.mean for standing in found.values()} == {Fraction("154.375") / 3}
    assert [found[name].label for name in "abcd"] == ["behind", "leading", "above_average", "insufficient"]
    assert found["b"].rank[1:] == (2, 1, 3)
    assert found["b"].rank.percentile == Fraction(250, 3)


@pytest.mark.parametrize(("index", "mean", "place", "label"), [
    ("52",       "50", (9, 1, 10), "on_par"),           # 2 points above are not more than 2
    ("52.0001",  "50", (9, 1, 10), "leading"),
    ("52.0001",  "50", (7, 1, 10), "above_average"),    # at 75
    ("52.0001",  "50", (7, 2, 10), "leading"),          # at 80
    ("48",       "50", (0, 1, 10), "on_par"),
    ("47.9999",  "50", (0, 1, 10), "behind"),
])  # fmt: skip
def test_the_limits_of_labels(index, mean, place, label):
    rank = reputation.Rank(Fraction(mean), *place)
    assert reputation.label(RULE, 30, Fraction(index), rank) == label
    assert reputation.label(RULE, 29, Fraction(index), rank) == "insufficient"


@pytest.mark.parametrize(("points", "index"), [(0, 50), (7, 43), (20, 30), (500, 30)])
def test_penalties_take_points_off_so_far(points, index):
    assert standings(RULE, "", {"a": seen(1, points)})["a"].exact == index


def test_an_index_is_never_below_zero():
    worst: dict[str, Any] = {
        metric.name: (0 if metric.name == "repeat_rate" else 500, 100) for metric in RULE.metrics
    }
    worst |= dict.fromkeys(("service", "logistics", "content"), (100, 100))
    best: dict[str, Any] = dict.fromkeys(worst, (0, 100)) | {"repeat_rate": (100, 100)}
    best |= dict.fromkeys(("service", "logistics", "content"), (500, 100))
    shops = {"worst": seen(99, 20, **worst), **{f"best{n}": seen(99, **best) for n in range(9)}}
    assert standings(RULE, "", shops)["worst"].exact == 0


def test_where_nobody_buys_twice_praise_counts():
    counts: dict[str, Any] = {"repeat_rate": (1, 50), "praise_rate": (45, 50)}
    found = standings(RULE, "jewellery", {"a": seen(40, **counts), "b": seen(40, praise_rate=(5, 50))})
    assert found["a"].components[0].metric == "praise_rate"
    assert [found[name].exact for name in "ab"] == [Fraction("56.25"), Fraction("43.75")]


def test_nobody_there():
    assert standings(RULE, "tea", {}) == {}
    alone = standings(RULE, "tea", {"a": Observed({})})["a"]
    assert (alone.tenths, alone.label, alone.rank) == (500, "insufficient", reputation.Rank(None, 0, 0, 0))
    assert alone.rank.percentile is None


observations = st.dictionaries(
    st.sampled_from(sorted(RULE.names)),
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(st.integers(0, 5 * n), st.just(n)).map(lambda c: Count(*c))
    ),
)
shops = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.builds(Observed, observations, st.integers(0, 60), st.integers(0, 3)),
    max_size=8,
)


@given(shops, st.sampled_from(["tea", "furniture"]))
def test_whatever_was_counted(observed, industry):
    found = standings(RULE, industry, observed)
    assert found.keys() == observed.keys()
    for standing in found.values():
        assert 0 <= standing.exact <= 100
        assert len(standing.components) == 7
    for number in range(7):
        percentiles = [
            standing.components[number].percentile
            for standing in found.values()
            if not standing.components[number].missing
        ]
        # Mid-ranks always have the middle as their mean: that is what a missing one takes.
        assert not percentiles or sum(percentiles) / len(percentiles) == 50
