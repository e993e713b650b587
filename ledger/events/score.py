"""Facts of a shop's reputation (`score-{shop}`): the index as it was reckoned on a day."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class ScoreComponent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One metric of the index: what was counted of the shop and of all its peers, and its place among them.

    `weight` is a decimal. Of the shops with observations, `among`, `lower` have a lower value after shrinking
    and `equal` the same, itself included. Without `n` the metric is missing.
    """

    metric: str
    weight: str
    numerator: int
    n: int
    peers_numerator: int
    peers_n: int
    lower: int
    equal: int
    among: int


class ScoreSnapshotTaken(Fact):
    """The shop's index on a local day (days since 1970-01-01), with all that it was reckoned from.

    `index` in tenths; `formula` is the version of the formula, `digest` the SHA-256 of its file; `position`
    is that of the log which the counts had seen. `orders` were paid in the window that labels ask for,
    `deduction` is what penalties took off, in points. `mean` is the exact mean of the industry's shops with
    enough orders, a fraction ("" without any); of them, `ranked`, `lower` and `equal` stand below and at this
    index.
    `improve` names the metrics that cost most, the dearest first.
    """

    TOPIC = "score-snapshot-taken"

    shop: str
    industry: str
    day: int
    formula: str
    digest: str
    position: int
    index: int
    label: str
    orders: int
    deduction: int
    mean: str
    lower: int
    equal: int
    ranked: int
    components: tuple[ScoreComponent, ...]
    missing: tuple[str, ...]
    improve: tuple[str, ...]
