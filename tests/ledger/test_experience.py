"""The experience score: drawn to the industry, weights shared by what was rated, always from 1 to 5."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ledger import experience
from ledger.reputation import Count

_, RULE = experience.in_force(18_800)
NAMES = [metric.name for metric in RULE.metrics]


def counts(ratings: dict[str, list[int]]) -> dict[str, Count]:
    return {name: Count(sum(given), len(given)) for name, given in ratings.items() if given}


RATINGS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.integers(1, 5), max_size=80))
INDUSTRY = st.lists(RATINGS.map(counts), min_size=1, max_size=6)


def test_the_shipped_rule():
    assert sum(Fraction(metric.weight) for metric in RULE.metrics) == 1
    assert NAMES == ["quality", "service", "logistics"]
    assert (RULE.window.days(100), RULE.shrink) == ((70, 99), 50)


def test_many_ratings_speak_for_themselves_and_few_hardly():
    peers = {"quality": Count(300_000, 100_000)}
    many, few = (experience.score(RULE, {"quality": Count(5 * n, n)}, peers) for n in (10_000, 2))
    assert (many.tenths, few.tenths) == (50, 31)
    assert few.ratings[0].value == (10 + 50 * Fraction(3)) / 52


def test_half_up():
    assert experience.score(RULE, {}, {"quality": Count(385, 100)}).tenths == 39
    assert experience.score(RULE, {}, {"quality": Count(384, 100)}).tenths == 38


def test_nobody_was_rated():
    nothing = experience.score(RULE, {}, {})
    assert (nothing.exact, nothing.tenths, nothing.ratings) == (None, None, ())


@given(INDUSTRY)
def test_scores_stay_between_one_and_five(shops):
    peers = experience.pooled({str(number): each for number, each in enumerate(shops)})
    for own in (*shops, {}):
        score = experience.score(RULE, own, peers)
        assert (score.exact is None) == (not peers)
        if score.exact is not None:
            assert 1 <= score.exact <= 5
            assert sum(rating.weight for rating in score.ratings) == 1
            assert {rating.metric for rating in score.ratings if rating.missing} == set(peers) - set(own)


@given(INDUSTRY, st.sampled_from(NAMES))
def test_a_better_rating_never_lowers_a_score(shops, name):
    """Of a shop whose industry stays as it is."""
    peers = experience.pooled({str(number): each for number, each in enumerate(shops)})
    own = shops[0]
    if name in own:
        better = {**own, name: own[name]._replace(numerator=own[name].numerator + 1)}
        before, after = (experience.score(RULE, each, peers).exact for each in (own, better))
        assert before is not None
        assert after is not None
        assert after > before
