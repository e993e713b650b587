"""What every fact shares: its envelope, its topic and its place in the log."""

from __future__ import annotations

from typing import ClassVar, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Fact(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False, tag=1):
    """Something that happened. Stored for ever as a positional array behind its schema version.

    The struct's `tag` is the schema version and comes first in the stored array. TOPIC is the stored
    name: it outlives the class and never changes.
    """

    TOPIC: ClassVar[str]


class Source(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an imported fact came from.

    `version` grows with each change at the source (0: the source has none); `digest` is the SHA-256 of
    what the source said.
    """

    system: str
    id: str
    version: int = 0
    digest: bytes = b""


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """What is known about a fact besides what it says.

    Times are UTC microseconds; `offset` is minutes east of UTC as the time came in. `effective_at` is when
    it counts, `occurred_at` when it happened if that differs (else None), `recorded_at` the ledger's clock.
    `causation` is the position of the fact that caused this one (0: none), `correlation` the stream the
    story belongs to, `reverses` the position a correction undoes (0: none).
    """

    recorded_at: int
    effective_at: int
    offset: int
    occurred_at: int | None = None
    actor: str = ""
    causation: int = 0
    correlation: str = ""
    key: str = ""
    source: Source | None = None
    reverses: int = 0


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A fact in its place: global position, stream and version in the stream (both from 1)."""

    position: int
    stream: str
    version: int
    envelope: Envelope
    fact: Fact
