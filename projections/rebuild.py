"""Rebuilding read models: folded anew beside the live ones, compared, and switched where that is due.

Rows of the same version that come out otherwise are never switched in by themselves: either the fold has
changed without a new version, or the live rows are wrong, and which of the two it is only a person knows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from ledger import time
from ledger.errors import ProjectionBehind, ProjectionDiffers
from ledger.store import schema
from projections import generations
from projections.base import Projection
from projections.crew import Crew, crew
from projections.folding import Folder, Place
from projections.parts import Comparison
from projections.store import BESIDE, Checkpoint, checkpoints, hold, leases, left_out, look, take_lease

LEASE_S = 10
"""How long the models of a rebuild that died are kept from others."""


class Rebuilt(NamedTuple):
    """What became of a model: `same` as it was, or `switched`; with its rows where they were compared."""

    name: str
    version: int
    outcome: str
    position: int
    rows: int | None
    digest: str


class Stopped(Exception):
    """Somebody asked the rebuild to end."""


class Rebuild:
    """One rebuild of some models."""

    def __init__(
        self,
        folder: Folder,
        holder: str,
        chosen: Sequence[Projection],
        catch_up: Callable[[int, Sequence[str]], None],
        stop: threading.Event | None = None,
    ) -> None:
        """Rebuild as `holder`; `catch_up` brings live models to a position, or raises ProjectionBehind."""
        self._database = folder.database
        self._folder = folder
        self._holder = holder
        self._chosen = list(chosen)
        self._catch_up = catch_up
        self._stop = stop
        self._besides = {projection.name: generations.beside(projection) for projection in chosen}
        self._renewed = 0
        self._standing = False  # Whether all writing waits, this process's too.
        self._behind: list[str] = []
        self._differ: list[str] = []

    def run(self, processes: int, *, accept: bool) -> list[Rebuilt]:
        """Build, compare, switch; answers what became of each model.

        Raises ProjectionBehind if a fact breaks a fold or another process is at the same model, and
        ProjectionDiffers if rows differ and `accept` does not say that the new ones are right. Then the
        others are done, and the live rows of this one are as they were.
        """
        with self._held():
            compared, due = self._folded(processes, accept=accept)
            switched = self._switched(due)
        if self._differ:
            raise ProjectionDiffers(" ".join((*self._differ, *self._behind)), field="projection")
        if self._behind:
            raise ProjectionBehind(" ".join(self._behind), field="projection")
        return [self._rebuilt(p, compared.get(p.name), switched.get(p.name)) for p in self._chosen]

    @staticmethod
    def _rebuilt(projection: Projection, compared: Comparison | None, switched: int | None) -> Rebuilt:
        outcome = "same" if switched is None else "switched"
        position = compared.position if compared and switched is None else switched or 0
        rows, digest = (compared.rows, f"{compared.built:064x}") if compared else (None, "")
        return Rebuilt(projection.name, projection.version, outcome, position, rows, digest)

    # Keeping others away.

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Take the models, and remove what a rebuild that died has left; leave nothing behind."""
        besides = list(self._besides.values())
        with self._database.write() as connection:
            for each in besides:
                now = time.now()
                if not take_lease(connection, each.name, self._holder, now, now + LEASE_S * 1_000_000):
                    raise ProjectionBehind(f"Another process is at {each.name}.", field="projection")
        self._renewed = time.now()
        try:
            for each in besides:
                generations.empty(self._database, each.table.name)
            with self._database.write() as connection:
                for each in besides:
                    generations.begin(connection, each)
            yield
        finally:
            with self._database.read() as connection:
                held = connection.execute(select(leases.c.name).where(leases.c.holder == self._holder))
                names = set(held.scalars())
            mine = [each for each in besides if each.name in names]
            for each in mine:
                generations.empty(self._database, each.table.name)
            with self._database.write() as connection:
                generations.end(connection, mine)

    def _pulse(self) -> None:
        """Renew the leases now and then; raises ProjectionBehind if somebody else has taken one."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        now = time.now()
        if self._standing or now < self._renewed + LEASE_S * 300_000:
            return
        self._renewed = now
        until = now + LEASE_S * 1_000_000
        with self._database.write() as connection:
            for each in self._besides.values():
                if not take_lease(connection, each.name, self._holder, now, until):
                    raise ProjectionBehind(
                        "The rebuild took too long over one step; another process is at it.",
                        field="projection",
                    )

    # Folding and comparing.

    def _folded(self, processes: int, *, accept: bool) -> tuple[dict[str, Comparison], dict[str, Projection]]:
        """The comparisons, and the models to be switched, whose rows stand beside."""
        with self._database.read() as connection:
            seen = look(connection)
        compared = [p for p in self._chosen if _comparable(p, seen[p.name])]
        due = {p.name: p for p in self._chosen if p not in compared}
        direct = {name: self._besides[name].table.name for name in due}
        with crew(self._database, self._chosen, direct, processes, self._pulse) as workers:
            position = self._built(workers)
            found = self._compared(workers, [p for p in compared if p.name not in self._broken], position)
            places = dict.fromkeys(due, position)
            for name, (at, why) in sorted(self._broken.items()):
                self._behind.append(f"{name}{BESIDE} stopped at position {at}: {why}.")
                due.pop(name, None)
            for each in found.values():
                if each.built != each.live and accept:
                    due[each.name] = next(p for p in compared if p.name == each.name)
                    places[each.name] = each.position
            wanted = {name: self._besides[name].table.name for name in due if name not in direct}
            if wanted:
                workers.ask("copy", wanted)
        for each in found.values():
            if each.built != each.live and not accept:
                self._differ.append(_told(each))
        self._place(due.values(), places)
        return found, due

    def _built(self, workers: Crew) -> int:
        """Fold all models up to about the head; answers how far."""
        position, near = 0, 0
        self._broken: dict[str, tuple[int, str]] = {}
        while (head := self._head()) > position + near:
            goals = {p.name: head for p in self._chosen if p.name not in self._broken}
            for stopped in workers.ask("build", goals):
                self._broken |= stopped
            position, near = head, self._folder.batch
        return position

    def _compared(self, workers: Crew, models: Sequence[Projection], position: int) -> dict[str, Comparison]:
        """Compare with the live rows, at the one position where these stand when all workers look at them."""
        ready = [projection.name for projection in models]
        if not ready:
            return {}
        try:
            self._catch_up(position, ready)
        except ProjectionBehind as error:
            self._behind.append(error.detail)
            with self._database.read() as connection:
                seen = look(connection)
            ready = [name for name in ready if seen[name].position >= position]
        if not ready:
            return {}
        self._standing = True
        with self._database.write() as connection:
            hold(connection, ready)
            workers.ask("look")
        self._standing = False
        found: dict[str, Comparison] = {}
        for stopped, comparisons in workers.ask("compare", ready):
            self._broken |= stopped
            for each in comparisons:
                found[each.name] = found[each.name] + each if each.name in found else each
        return {name: each for name, each in found.items() if name not in self._broken}

    def _head(self) -> int:
        with self._database.read() as connection:
            position: int = connection.execute(select(schema.head.c.position)).scalar_one()
            return position

    # Switching.

    def _place(self, due: Iterable[Projection], places: dict[str, int]) -> None:
        """Say how far the rows beside are folded."""
        with self._database.write() as connection:
            for projection in due:
                position = places[projection.name]
                leaf = select(schema.facts.c.leaf).where(schema.facts.c.position == position)
                at = {"position": position, "leaf": connection.execute(leaf).scalar() or b""}
                mine = checkpoints.c.name == self._besides[projection.name].name
                connection.execute(update(checkpoints).where(mine).values(at))

    def _switched(self, due: dict[str, Projection]) -> dict[str, int]:
        """Let the rows beside catch up, and switch them in; answers at which position."""
        waiting, found = dict(due), {}
        while waiting:
            self._pulse()
            with self._database.read() as connection:
                seen = look(connection)
            besides = [self._besides[name] for name in waiting]
            ready = [each for each in besides if not seen[each.name].reason]
            for each in besides:
                if each not in ready:
                    at = seen[each.name]
                    self._behind.append(f"{each.name} stopped at position {at.failed_position}: {at.reason}.")
                    del waiting[each.name.removesuffix(BESIDE)]
            if self._folder.step(ready, seen):
                continue
            for each in ready:
                name = each.name.removesuffix(BESIDE)
                if (position := self._switch(due[name], each)) is not None:
                    found[name] = position
                    del waiting[name]
        return found

    def _switch(self, live: Projection, beside: Projection) -> int | None:
        """Put the rows beside in the place of the live ones; None if they have not caught up with them."""
        generations.give_up(self._database, live)
        with self._database.write() as connection:
            seen = generations.locked(connection, live)
            if not self._last_facts(connection, live, beside, seen):
                return None
            position: int = connection.execute(
                select(checkpoints.c.position).where(checkpoints.c.name == beside.name)
            ).scalar_one()
            generations.switch(connection, live, seen)
            connection.execute(delete(leases).where(leases.c.name == beside.name))
        return position

    def _last_facts(
        self, connection: Connection, live: Projection, beside: Projection, seen: dict[str, Checkpoint]
    ) -> bool:
        """Fold what the live model has and the one beside has not, now that the live one stands still."""
        at, goal = seen[beside.name], seen[live.name]
        if goal.version != live.version or not goal.true or at.position >= goal.position:
            return True
        page = self._folder.read(at.position, goal.position)
        before = Place(at.position, at.leaf)
        skipped = left_out(connection, [live.name])[live.name]
        change = self._folder.changed(connection, beside, before, page, skipped)
        if change.place.position < goal.position:
            return False
        self._folder.save(connection, before, change)
        return True


def _comparable(projection: Projection, at: Checkpoint) -> bool:
    """Whether the live rows are those of the same version, of this log, and any at all."""
    return at.version == projection.version and at.true and at.position > 0


def _told(found: Comparison) -> str:
    """What differs, for people."""
    first = found.first or {}
    number = f"{found.different} row{'s'[: found.different != 1]} of {found.name} "
    return (
        f"{number}differ from what the facts make {'it' if found.different == 1 else 'them'} at position "
        f"{found.position}; the first: {first.get('row')}: {first.get('reason')}."
    )
