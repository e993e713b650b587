"""The workers of a rebuild: processes of their own, or this one where one is enough."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection as pipes
from multiprocessing import get_context, parent_process
from typing import Any, NamedTuple, Protocol

from ledger.errors import StorageUnavailable
from ledger.store.database import Database
from projections.base import Projection, reason
from projections.parts import Part, Share, cut, deal

_PULSE_S = 1.0
_END_S = 5.0


class Crew(Protocol):
    """Whoever folds the shares."""

    def ask(self, method: str, *args: Any) -> list[Any]:
        """What every part answers to a method of Part."""


class _Alone(NamedTuple):
    """All shares are folded here."""

    part: Part

    def ask(self, method: str, *args: Any) -> list[Any]:
        """See Crew."""
        return [getattr(self.part, method)(*args)]


class _Together(NamedTuple):
    """One process a part; `pulse` is called while they work."""

    pipes: Sequence[pipes.Connection]
    pulse: Callable[[], object]

    def ask(self, method: str, *args: Any) -> list[Any]:
        """See Crew; raises StorageUnavailable if one of them fails or ends."""
        try:
            for pipe in self.pipes:
                pipe.send((method, args))
            waiting: list[Any] = list(self.pipes)
            answers: dict[Any, tuple[bool, Any]] = {}
            while waiting:
                ready: list[Any] = pipes.wait(waiting, _PULSE_S)
                for pipe in ready:
                    answers[pipe] = pipe.recv()
                    waiting.remove(pipe)
                self.pulse()
        except (EOFError, ConnectionError):
            message = "A process of the rebuild has ended; the live rows are as they were."
            raise StorageUnavailable(message) from None
        if failed := [answer for good, answer in answers.values() if not good]:
            raise StorageUnavailable(failed[0])
        return [answers[pipe][1] for pipe in self.pipes]


@contextmanager
def crew(
    database: Database,
    projections: Sequence[Projection],
    beside: Mapping[str, str],
    processes: int,
    pulse: Callable[[], object],
) -> Iterator[Crew]:
    """Begin so many processes, or none for one; they are gone when the block ends.

    Processes find the models by their names in the catalogue. `beside` is as Part has it.
    """
    if processes == 1:
        part = Part(database, [Share(projection) for projection in projections], beside, pulse)
        try:
            yield _Alone(part)
        finally:
            part.close()
        return
    context = get_context("spawn")
    ends, workers = [], []
    url = database.url.render_as_string(hide_password=False)
    kinds = {projection.own for projection in projections} - {""} or {""}
    for shares in deal(projections, cut(database, kinds, processes)):
        here, there = context.Pipe()
        dealt = [(share.projection.name, *share[1:]) for share in shares]
        worker = context.Process(target=_work, args=(there, url, dealt, dict(beside)), daemon=True)
        worker.start()
        there.close()
        ends.append(here)
        workers.append(worker)
    try:
        yield _Together(ends, pulse)
    finally:
        for end in ends:
            end.close()
        for worker in workers:
            worker.join(_END_S)
            worker.kill()
            worker.join()


class _Orphaned(Exception):
    """Whoever began this process is gone."""


def _pulse() -> None:
    parent = parent_process()
    if parent is None or not parent.is_alive():
        raise _Orphaned


def _work(
    pipe: pipes.Connection, url: str, dealt: Sequence[tuple[str, str, str]], beside: Mapping[str, str]
) -> None:
    """What a process does: answer until nobody asks any more."""
    from projections.catalogue import PROJECTIONS  # noqa: PLC0415 - whoever began us may have its own

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The one who asks hears it, and lets go of the pipe.
    known = {projection.name: projection for projection in PROJECTIONS}
    database = Database(url)
    part = Part(database, [Share(known[name], *rest) for name, *rest in dealt], beside, _pulse)
    with suppress(EOFError, ConnectionError, _Orphaned):
        while True:
            method, args = pipe.recv()
            try:
                answer = True, getattr(part, method)(*args)
            except _Orphaned:
                raise
            except Exception as error:  # noqa: BLE001 - told to the one who asked
                answer = False, reason(error)
            pipe.send(answer)
    part.close()
    database.close()
