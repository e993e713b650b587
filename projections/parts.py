"""Shares of a rebuild: some models, or some of a model's keys, folded from nothing by one worker.

Rows that have a live generation to be compared with go into a scratch database, which is a file without a
name and is gone with whoever opened it; all others go at once into the table beside the live one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing
from hashlib import sha256
from itertools import islice, pairwise
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, MetaData, Table, select

from ledger.codec import pack
from ledger.events.base import Recorded
from ledger.memory import little_collected
from ledger.store import schema
from ledger.store.database import Database, Insert, Lookup, some_rows
from ledger.store.log import COLUMNS, FactMapper
from projections import pages
from projections.base import Broken, Key, Projection, Row
from projections.check import Tally, difference, stored
from projections.folding import REJECTED
from projections.store import Checkpoint, Rows, left_out, look

T = TypeVar("T")

_ASKED = 5_000
"""Facts that one query finds: long enough to forget what asking costs, short for a log that is written to."""
_PAGE = 250
"""Facts that are folded at once, so few that the processor still has them at hand."""
_IN_MEMORY = 10_000
"""Rows of a share that wait to be written together."""
_MASK = (1 << 23) - 1
"""Of the hash of a key, what is remembered of those that were written: a mebibyte a share."""
_SCRATCH = "sqlite:///file:?uri=true"
_SAMPLE = 2_000
"""Facts that are asked whose they are, to cut the keys into ranges of about the same size."""
_MODULUS = 1 << 256


class Share(NamedTuple):
    """Which rows of a model somebody folds: all, or those of the streams from `low` to before `high`.

    Names of streams compare by their bytes, as on both databases.
    """

    projection: Projection
    low: str = ""
    high: str = ""


def deal(projections: Sequence[Projection], cuts: Mapping[str, Sequence[str]]) -> list[list[Share]]:
    """What each worker folds: a range of the keys of a model with streams of its own, all of another.

    `cuts` are the names of streams at which the ranges of each kind begin, but for the first.
    """
    workers = 1 + max(len(names) for names in cuts.values())
    found: list[list[Share]] = [[] for _ in range(workers)]
    whole = [projection for projection in projections if not projection.own]
    for projection in projections:
        if own := projection.own:
            bounds = [f"{own}-", *cuts[own], f"{own}."]  # A stop follows the hyphen.
            for shares, (low, high) in zip(found, pairwise(bounds), strict=True):
                shares.append(Share(projection, low, high))
    for number, projection in enumerate(whole):
        found[-1 - number % workers].append(Share(projection))
    return found


def cut(database: Database, kinds: Iterable[str], workers: int) -> dict[str, list[str]]:
    """Where to cut the streams of each kind so that workers have about as much to do: by a sample."""
    with database.read() as connection:
        head = connection.execute(select(schema.head.c.position)).scalar_one()
        every = max(1, head // _SAMPLE)
        sample = Lookup(database, "originator_id", "facts", "position")(
            connection, list(range(1, head + 1, every))
        )
    names = sorted(name for (name,) in sample)
    found = {}
    for kind in kinds:
        mine = [name for name in names if name.startswith(f"{kind}-")] or [f"{kind}-"]
        found[kind] = [mine[len(mine) * number // workers] for number in range(1, workers)]
    return found


class Comparison(NamedTuple):
    """Rows built anew beside the live ones at one position: their digests, and what differs.

    A digest is the sum of the SHA-256 of the rows modulo 2²⁵⁶, whatever their order; `first` is the first row
    that differs in the order of the keys, and why.
    """

    name: str
    position: int
    rows: int
    built: int
    live: int
    different: int = 0
    first: dict[str, object] | None = None

    def __add__(self, other: object) -> Comparison:
        """The comparison of two shares of the same model."""
        assert isinstance(other, Comparison)  # noqa: S101 - nothing else is added
        return Comparison(
            self.name,
            self.position,
            self.rows + other.rows,
            (self.built + other.built) % _MODULUS,
            (self.live + other.live) % _MODULUS,
            self.different + other.different,
            self.first or other.first,
        )


def digest(found: Iterable[Sequence[Any]]) -> tuple[int, int]:
    """How many rows these are, and their digest."""
    count = total = 0
    for row in found:
        total += int.from_bytes(sha256(pack(tuple(row))).digest())
        count += 1
    return count, total % _MODULUS


class Part:
    """What one worker builds. `pulse` is called again and again; what it raises ends the work."""

    def __init__(
        self,
        database: Database,
        shares: Sequence[Share],
        beside: Mapping[str, str],
        pulse: Callable[[], object],
    ) -> None:
        """Fold these shares; `beside` names the tables of models that are not to be compared."""
        self._database = database
        self._pulse = pulse
        self._mapper = FactMapper()
        self._scratch = Database(_SCRATCH)
        self._stack = ExitStack()
        self._stack.callback(self._scratch.close)
        self._live: Connection | None = None
        self._text, self._bounds = _reading(shares, is_sqlite=database.is_sqlite)
        dealt_out = _dealt_out(shares)
        self._buildings: dict[str, _Building] = {}
        for share in shares:
            name = share.projection.name
            target, table = (database, beside[name]) if name in beside else (self._scratch, name)
            self._buildings[name] = _Building(share, target, table, dealt_out=dealt_out)
            if target is self._scratch:
                with target.write() as connection:
                    self._buildings[name].table.create(connection)

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()

    def build(self, goals: Mapping[str, int]) -> dict[str, tuple[int, str]]:
        """Fold models up to a position each; answers at which fact and why those stopped that did."""
        with little_collected():
            return self._build(goals)

    def _build(self, goals: Mapping[str, int]) -> dict[str, tuple[int, str]]:
        mine = [(building, goals[name]) for name, building in self._buildings.items() if name in goals]
        with self._database.read() as connection:
            skipped = left_out(connection, self._buildings)
        while ready := [(each, goal) for each, goal in mine if each.position < goal and not each.broken]:
            after = min(each.position for each, _ in ready)
            # Where somebody ends, or where somebody joins in.
            until = min(mark for each, goal in ready for mark in (each.position, goal) if mark > after)
            group = [each for each, _ in ready if each.position == after]
            self._take(group, after, until, skipped)
            for each in group:
                each.make_room()
        for each, _ in mine:
            each.flush()
        return {each.name: (each.broken.position, each.broken.reason) for each, _ in mine if each.broken}

    def _take(
        self,
        group: Sequence[_Building],
        after: int,
        until: int,
        skipped: Mapping[str, AbstractSet[int]],
    ) -> None:
        """Fold the facts behind a position, up to another or as many as one query finds."""
        count = end = 0
        parameters = (after, until, *self._bounds, _ASKED)
        with (
            self._database.read() as connection,
            closing(some_rows(connection, self._text, parameters, _PAGE)) as some,
        ):
            for found in some:
                self._pulse()
                facts, broken = pages.read(self._mapper, found)
                count, end = count + len(found), found[-1][-1]
                for each in group:
                    if not each.broken:
                        each.take(facts, broken, skipped[each.name])
        for each in group:
            each.position = end if count == _ASKED else until

    def look(self) -> None:
        """From now on see the live rows as they are at this moment."""
        self._live = self._stack.enter_context(self._database.snapshot())
        self._seen = look(self._live)

    def compare(self, names: Sequence[str]) -> tuple[dict[str, tuple[int, str]], list[Comparison]]:
        """Fold each model to where its live rows stood when they were looked at, and compare.

        Answers as `build` does, too.
        """
        assert self._live is not None  # noqa: S101 - they were
        mine = [each for name, each in self._buildings.items() if name in names]
        stopped = self.build({each.name: self._seen[each.name].position for each in mine})
        whole = [each for each in mine if not each.broken]
        return stopped, [self._compared(each, self._seen[each.name], self._live) for each in whole]

    def _compared(self, building: _Building, at: Checkpoint, live: Connection) -> Comparison:
        self._pulse()
        projection = building.share.projection
        where = _mine(building.share)
        with self._scratch.read() as scratch:
            with closing(stored(building.table, scratch)) as mine:
                count, built = digest(self._paced(mine))
            with closing(stored(projection.table, live, where)) as theirs:
                _, there = digest(self._paced(theirs))
            found = Comparison(projection.name, at.position, count, built, there)
            if built == there:
                return found
            with (
                closing(stored(building.table, scratch, sort=True)) as wants,
                closing(stored(projection.table, live, where, sort=True)) as theirs,
            ):
                wrong = difference(projection.table, self._paced(wants), theirs, Tally())
                first = next(wrong, None)
                return found._replace(first=first, different=sum(1 for _ in wrong) + (first is not None))

    def _paced(self, found: Iterator[T]) -> Iterator[T]:
        """The same rows, and a pulse now and then."""
        for number, row in enumerate(found):
            if number % _PAGE == 0:
                self._pulse()
            yield row

    def copy(self, beside: Mapping[str, str]) -> None:
        """Put the rows of models into the tables beside the live ones after all."""
        for name, table_name in beside.items():
            if building := self._buildings.get(name):
                table = _copy(building.share.projection.table, table_name)
                insert = Insert(table, self._database)
                with self._scratch.read() as scratch, closing(stored(building.table, scratch)) as found:
                    while some := list(islice(found, _IN_MEMORY)):
                        self._pulse()
                        with self._database.write() as connection:
                            insert(connection, some)


class _Building:
    """The rows of one share: values that are folded, tuples that rest, and those in a table.

    A row of a stream of its own is laid to rest after each page, while the processor has it at hand, for its
    next fact is mostly far away: a sixth of the time. Others, such as those of accounts, remain values.
    """

    def __init__(self, share: Share, database: Database, table: str, *, dealt_out: bool) -> None:
        """Write into a table; `dealt_out` says that facts of others' streams do not even come here."""
        self.share = share
        self.name = share.projection.name
        self.table = _copy(share.projection.table, table)
        self.position = 0
        self.broken: Broken | None = None
        self._database = database
        self._stored = Rows(self.table, database)
        self._rows: dict[Key, Row | None] = {}
        self._resting: dict[Key, tuple[Any, ...] | None] = {}
        self._old: set[Key] = set()
        self._insert = Insert(self.table, database)
        self._named: set[Key] = set()
        self._written = _Perhaps()
        self._all_mine = dealt_out or not share.high
        self._prefix = share.projection.own and f"{share.projection.own}-"

    def take(
        self, facts: Sequence[Recorded], unreadable: Sequence[Broken], skipped: AbstractSet[int]
    ) -> None:
        """Fold a page, or stop at the first fact that is too much."""
        broken = next((each for each in unreadable if each.position not in skipped), None)
        if broken is not None:
            facts = [recorded for recorded in facts if recorded.position < broken.position]
        try:
            self._fold(self._pairs(facts, skipped))
        except Broken as error:
            broken = error
        self.broken = broken

    def make_room(self) -> None:
        """Write what is in memory if it is much."""
        if len(self._rows) + len(self._resting) > _IN_MEMORY:
            self.flush()

    def _pairs(self, facts: Sequence[Recorded], skipped: AbstractSet[int]) -> list[tuple[Key, Recorded]]:
        """Which of this share's rows each fact concerns; those that there are stand ready."""
        projection, low, high = self.share
        wanted, touches, prefix = projection.facts, projection.touches, self._prefix
        all_mine, width = self._all_mine, len(prefix)
        found: list[tuple[Key, Recorded]] = []
        fresh: set[Key] = set()
        known: set[Key] = set()
        named: set[Key] = set()
        for recorded in facts:
            if type(recorded.fact) not in wanted or (skipped and recorded.position in skipped):
                continue
            stream = recorded.stream
            if width and stream.startswith(prefix):
                if all_mine or low <= stream < high:
                    key = stream[width:]
                    found.append((key, recorded))
                    if recorded.version == 1:
                        fresh.add(key)
                    elif key not in fresh:
                        known.add(key)
                continue
            try:
                for key in touches(recorded):
                    if not high or low <= f"{prefix}{key}" < high:
                        found.append((key, recorded))
                        named.add(key)
            except Exception as error:
                raise Broken(recorded.position, error) from error
        if width:
            # Streams that begin here have rows only if others named them before.
            known |= (fresh & self._named).union(named, self._written.among(fresh))
            self._named |= named
        else:
            known = named
        self._wake(known)
        return found

    def _wake(self, keys: AbstractSet[Key]) -> None:
        """Make values of those rows that there are."""
        load, found, resting = self.share.projection.load, self._rows, self._resting
        for key in resting.keys() & keys:
            rested = resting.pop(key)
            found[key] = None if rested is None else load(rested)
        missing: Sequence[Key] = [key for key in keys if key not in found]
        if not self._prefix:
            missing = self._written.among(missing)
        if missing:
            with self._database.read() as connection:
                for key, there in self._stored.load(connection, missing).items():
                    found[key] = load(there)
                    self._old.add(key)

    def _fold(self, pairs: Sequence[tuple[Key, Recorded]]) -> None:
        fold, found = self.share.projection.fold, self._rows
        recorded: Recorded | None = None
        try:
            for key, recorded in pairs:
                found[key] = fold(found.get(key), recorded, key)
        except Exception as error:
            assert recorded is not None  # noqa: S101 - it was being folded
            raise Broken(recorded.position, error) from error
        if self._prefix:
            self._rest()

    def _rest(self) -> None:
        dump, resting = self.share.projection.dump, self._resting
        for key, row in self._rows.items():
            resting[key] = None if row is None else dump(key, row)
        self._rows.clear()

    def flush(self) -> None:
        """Write what is in memory, or stop if the database will not take it."""
        if self.broken:
            return
        self._rest()
        old, resting = self._old, self._resting
        if not resting:
            return
        new = [row for key, row in resting.items() if row is not None and key not in old]
        changed = {key: resting[key] for key in old}
        try:
            with self._database.write() as connection:
                self._insert(connection, new)
                self._stored.save(connection, changed)
        except REJECTED as error:
            self.broken = Broken(self.position, error)
        self._written.add(self._named if self._prefix else resting)
        self._named.clear()
        resting.clear()
        old.clear()


class _Perhaps:
    """Keys that were written, and by chance a few that were not: most need not be looked up in the table."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def among(self, keys: Iterable[Key]) -> list[Key]:
        """Those of some keys that perhaps were written."""
        if not (bits := self._bits):
            return []
        return [key for key in keys if bits[(place := hash(key) & _MASK) >> 3] >> (place & 7) & 1]

    def add(self, keys: Iterable[Key]) -> None:
        """Remember these."""
        bits = self._bits or bytearray((_MASK + 1) >> 3)
        for key in keys:
            place = hash(key) & _MASK
            bits[place >> 3] |= 1 << (place & 7)
        self._bits = bits


def _copy(table: Table, name: str) -> Table:
    """A table without indexes, by another name."""
    copy = table.to_metadata(MetaData(), name=name)
    copy.indexes.clear()
    return copy


def _topics(shares: Iterable[Share]) -> set[str]:
    return {fact.TOPIC for share in shares for fact in share.projection.facts}


def _by_kind(shares: Sequence[Share]) -> dict[str, list[Share]]:
    """The shares that are ranges, by the kind of the streams."""
    found: dict[str, list[Share]] = {}
    for share in shares:
        if share.high:
            found.setdefault(share.projection.own, []).append(share)
    return found


def _dealt_out(shares: Sequence[Share]) -> bool:
    """Whether no fact of a stream comes here that is another worker's."""
    kinds = _by_kind(shares)
    whole = _topics(share for share in shares if not share.high)
    return len(kinds) == 1 and all(not _topics(ranges) & whole for ranges in kinds.values())


def _reading(shares: Sequence[Share], *, is_sqlite: bool) -> tuple[str, list[str]]:
    """The query for a page of what some shares want: behind a position, up to one, the bounds, so many."""
    mark, name = ("?", "originator_id") if is_sqlite else ("%s", 'originator_id COLLATE "C"')
    between = f"{name} >= {mark} AND {name} < {mark}"
    whole = _topics(share for share in shares if not share.high)
    wanted = [f"topic IN ({_listed(whole)})"] if whole else []
    bounds = []
    for kind, ranges in _by_kind(shares).items():
        # First what passes most facts by.
        wanted.append(f"({between} OR NOT ({between})) AND topic IN ({_listed(_topics(ranges))})")
        bounds += [ranges[0].low, ranges[0].high, f"{kind}-", f"{kind}."]
    where = f"position > {mark} AND position <= {mark} AND ({' OR '.join(wanted) or 'FALSE'})"
    return f"SELECT {COLUMNS} FROM facts WHERE {where} ORDER BY position LIMIT {mark}", bounds  # noqa: S608 - names are ours


def _listed(topics: Iterable[str]) -> str:
    return ", ".join(f"'{topic}'" for topic in sorted(topics))


def _mine(share: Share) -> tuple[str, str] | None:
    """Between which keys the rows of a share stand; None for all rows."""
    if not share.high:
        return None
    prefix = f"{share.projection.own}-"
    high = "" if share.high == f"{share.projection.own}." else share.high.removeprefix(prefix)
    return share.low.removeprefix(prefix), high
