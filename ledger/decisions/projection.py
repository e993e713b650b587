"""What people decide about read models: which fact one of them leaves out, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ledger.decisions.base import INITIAL, Command, Item, Name, Past, decides, folds
from ledger.errors import UnknownPosition, WrongState
from ledger.events.base import Recorded
from ledger.events.projection import FactSkipped

INITIAL["projection"] = frozenset()  # The positions that are left out.


@folds(FactSkipped)
def _skipped(positions: frozenset[int], fact: FactSkipped, _recorded: Recorded) -> frozenset[int]:
    return positions | {fact.position}


class SkipFact(Command, kw_only=True):
    """Have a read model leave out a fact that its fold cannot take; `id` is the read model.

    Everything else goes on counting the fact. A read model that has already taken it is rebuilt.
    """

    NAME = "projections.skip"
    STREAM = "projection"

    id: Name
    position: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1, description="position of the fact")]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


@decides(SkipFact)
def skip(past: Past, command: SkipFact) -> Iterator[Item]:
    """A fact that exists is left out once, also one that cannot be read."""
    if command.position > past.position:  # There are no gaps before it.
        raise UnknownPosition(f"The log ends at {past.position}.", field="position")
    if command.position in past.state(command.stream):
        raise WrongState(f"The read model leaves out position {command.position} already.", field="position")
    yield FactSkipped(command.id, command.position, command.reason)
