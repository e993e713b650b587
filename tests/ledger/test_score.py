"""Stories of the daily snapshot of a shop's index: what it is reckoned from, kept once, refused when it is not whole."""

from datetime import date, timedelta

import msgspec
import pytest

from ledger import formula
from ledger.decisions.score import Counted, TakeScore
from ledger.errors import AlreadyExists, InvalidTime, Malformed, UnknownFormula, UnknownPosition
from ledger.events.score import ScoreComponent, ScoreSnapshotTaken
from tests.ledger.stories import PAID, START, Ledger, Row, but, stories, tell

NOTHING = ()
DAY = date(2021, 6, 1)
NUMBER = (DAY - date(1970, 1, 1)).days
DIGEST = formula.version("repeat-customer", "1").digest
WEIGHTS = {
    "repeat_rate": "0.25", "dissatisfaction": "0.175", "quality_refunds": "0.075", "handling_time": "0.075",
    "service": "0.0875", "logistics": "0.0875", "content": "0.25",
}  # fmt: skip


def counted(metric: str, *sums: int) -> Counted:
    """A metric with its numerator, n, those of the peers, and its place; missing if nothing is said."""
    names = ("numerator", "n", "peers_numerator", "peers_n", "lower", "equal", "among")
    return Counted(metric=metric, **dict(zip(names, sums or (0,) * 7, strict=True)))


# Best of five in returning buyers, third of four in refunds (which is worse than two of them), else unknown.
ALL = (counted("repeat_rate", 20, 50, 60, 300, 4, 1, 5), counted("quality_refunds", 3, 100, 9, 400, 2, 1, 4))
REST = tuple(counted(metric) for metric in WEIGHTS if metric not in {"repeat_rate", "quality_refunds"})
TAKE = TakeScore(
    id="s1", day=DAY, position=2, industry="tea", purchases=40, points=3, mean="105/2", lower=2, equal=1, ranked=3,
    components=(*REST, *ALL),
)  # fmt: skip

# 0.25 × 90 + 0.075 × (100 - 62.5) + 0.675 × 50 - 3 = 56.0625; the mean is 52.5, the rank 100 × 2.5 / 3 = 83.3.
TAKEN = ScoreSnapshotTaken(
    "s1", "tea", NUMBER, "1", DIGEST, 2, 561, "leading", 40, 3, "105/2", 2, 1, 3,
    tuple(
        {
            "repeat_rate": ScoreComponent("repeat_rate", "0.25", 20, 50, 60, 300, 4, 1, 5),
            "quality_refunds": ScoreComponent("quality_refunds", "0.075", 3, 100, 9, 400, 2, 1, 4),
        }.get(metric) or ScoreComponent(metric, weight, 0, 0, 0, 0, 0, 0, 0)
        for metric, weight in WEIGHTS.items()
    ),
    ("dissatisfaction", "handling_time", "service", "logistics", "content"),
    ("quality_refunds",),
)  # fmt: skip

GIVEN = (*PAID, TAKE)
LATER = START + timedelta(days=400)
ODD = counted("repeat_rate", 1, 2, 1, 2, 4, 1, 4)

TAKES: dict[str, Row] = {
    "an index is kept":                     (PAID, TAKE,                                        [TAKEN]),
    "the same again":                       (GIVEN, TAKE,                                       NOTHING),
    "another of the same day":              (GIVEN, but(TAKE, points=0),                        AlreadyExists),
    "of an earlier day":                    (GIVEN, but(TAKE, day=date(2021, 5, 1)),            [msgspec.structs.replace(TAKEN, day=NUMBER - 31)]),
    "of that day again":                    ((*GIVEN, but(TAKE, day=date(2021, 5, 1))), but(TAKE, day=date(2021, 5, 1), points=0), AlreadyExists),
    "of tomorrow":                          (PAID, but(TAKE, day=date(2021, 6, 2)),             InvalidTime),
    "before there was a formula":           (PAID, but(TAKE, day=date(1969, 12, 31)),           UnknownFormula),
    "from facts that are still to come":    (PAID, but(TAKE, position=3),                       UnknownPosition),
    "a metric is left out":                 (PAID, but(TAKE, components=ALL),                   Malformed),
    "a metric stands twice":                (PAID, but(TAKE, components=(*ALL, *ALL, *REST)),   Malformed),
    "a metric of another version":          (PAID, but(TAKE, day=date(2022, 4, 8), at=LATER),   Malformed),
    "a metric of other industries":         (PAID, but(TAKE, industry="jewellery"),             Malformed),
    "a place outside its peers":            (PAID, but(TAKE, components=(ODD, *TAKE.components[:-2], TAKE.components[-1])), Malformed),
    "a rank among more than there are":     (PAID, but(TAKE, lower=3),                          Malformed),
    "a rank without a mean":                (PAID, but(TAKE, mean=""),                          Malformed),
}  # fmt: skip


@stories(TAKES)
def test_taking_a_snapshot(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("fields", "label", "index"), [
    ({},                                            "leading",          561),
    ({"equal": 0, "lower": 2},                      "above_average",    561),
    ({"mean": "541/10"},                            "on_par",           561),
    ({"mean": "59"},                                "behind",           561),
    ({"purchases": 29},                             "insufficient",     561),
    ({"mean": "", "ranked": 0, "lower": 0, "equal": 0}, "insufficient", 561),
    ({"points": 0},                                 "leading",          591),
    ({"points": 999},                               "behind",           391),
], ids=str)  # fmt: skip
def test_the_label_follows_from_what_was_counted(fields, label, index):
    fact = Ledger(PAID).do(but(TAKE, **fields))[0].fact
    assert isinstance(fact, ScoreSnapshotTaken)
    assert (fact.label, fact.index) == (label, index)


def test_the_latest_day_is_the_state():
    ledger = Ledger((*GIVEN, but(TAKE, day=date(2021, 5, 1))))
    assert ledger.state("score-s1").last == TAKEN
