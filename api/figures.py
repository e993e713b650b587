"""What an explanation is made of: the figure, its parts, what decided them, and the facts behind it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ledger import codec, time
from ledger.books import Clocks
from ledger.events.base import Recorded
from ledger.store.database import Database


class FigurePart(msgspec.Struct):
    """A part of a figure in minor units, below zero where it is taken off; `figure` explains it further."""

    name: str
    amount: int
    figure: str = ""


class Reckoning(msgspec.Struct):
    """One line of a reckoning that a person can check by hand, minor units."""

    name: str
    expression: str
    value: int


class FigureCause(msgspec.Struct):
    """A claim or an incident behind a figure, sums in minor units.

    `version` is that of the terms of `benefit`, `law` are the benefits whose terms were the floor, `payers`
    who bore what was funded, `facts` the positions of the facts that decided and funded it.
    """

    name: str
    benefit: str
    version: str
    basis: str
    law: list[str]
    trace: list[Reckoning]
    decided: int
    funded: int
    paid: int
    payers: dict[str, int]
    facts: list[int]


class FigureFact(msgspec.Struct):
    """A fact behind a figure and what it adds to it, minor units; `effective_at` is RFC 3339."""

    position: int
    stream: str
    type: str
    effective_at: str
    amount: int
    data: dict[str, Any]


class FigurePeers(msgspec.Struct):
    """How the values of all peers lie, as decimals: the smallest, the quartiles, the largest; how many."""

    least: str
    lower: str
    middle: str
    upper: str
    most: str
    among: int


class FigureComponent(msgspec.Struct, kw_only=True):
    """What a figure that is no money is made of: `inputs` in words, `value` and `points` as decimals.

    `points` are what it brings to the figure, `weight` times `percentile`. What is `missing` stands in the
    middle of the peers. Behind it are `count` facts, of which the first `positions` are named.
    """

    name: str
    inputs: str
    value: str = ""
    weight: str = ""
    percentile: str = ""
    points: str = ""
    missing: bool = False
    peers: FigurePeers | None = None
    count: int = 0
    positions: list[int] = []


class Explanation(msgspec.Struct, kw_only=True):
    """A figure with all that is behind it; `amount` in minor units is the sum of `parts`, if it has any.

    A figure that is no money has no currency: it is `value`, made of `components`. `means` says in words what
    it is. `more` is true where there are more facts than those listed.
    """

    figure: str
    currency: str = ""
    amount: int = 0
    value: str = ""
    means: str
    parts: list[FigurePart] = []
    components: list[FigureComponent] = []
    causes: list[FigureCause] = []
    facts: list[FigureFact] = []
    more: bool = False


class Question(NamedTuple):
    """What is asked: `moment` (UTC microseconds) is now, `limit` the most facts that are listed.

    `day` is the local day (days since 1970) of figures that are reckoned for a day.
    """

    database: Database
    currency: str
    clocks: Clocks
    moment: int
    limit: int
    day: int


def behind(recorded: Recorded, amount: int = 0) -> FigureFact:
    """A fact behind a figure, and what it adds to it in minor units."""
    at = time.rfc3339(recorded.envelope.effective_at, recorded.envelope.offset)
    said = codec.plain(recorded.fact)
    return FigureFact(recorded.position, recorded.stream, recorded.fact.TOPIC, at, amount, said)
