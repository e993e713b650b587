"""Payloads of other systems' interfaces: JSON documents, and each thing that they tell as a row of its own.

A payload may hold many items (orders), and an item may tell several things (that it was placed, paid, sent).
An item that cannot be read is refused whole; what it tells is recorded or refused one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from api.importers import readers, values
from api.importers.documents import Document, Skip
from ledger import codec
from ledger.decisions.base import Command, Request
from ledger.errors import LedgerError, Malformed
from ledger.events.base import Source

Id = int | str
"""How payloads write identifiers."""

_LONGEST_NAME = 128
_LONGEST_TEXT = 1_000
_UNNAMEABLE = re.compile(r"[\s\x00-\x1f\x7f]+")
Shape = TypeVar("Shape")


class Said(NamedTuple):
    """One thing that an item tells: what messages call it, and what becomes of it. See Document."""

    what: str
    outcome: Request | Skip
    kind: str = ""
    amount: int = 0


class Item(NamedTuple):
    """Something in a payload: what messages call it, and how to read it; reading may refuse it whole."""

    name: str
    read: Callable[[], Iterable[Said]]


class Feed(NamedTuple):
    """Who reports: the system, its platform (what order ids begin with) and the shop."""

    system: str
    platform: str
    shop: str

    def named(self, id_: object) -> str:
        """An identifier of the platform as the ledger has it: `shopify:450789469`."""
        return f"{self.platform}:{values.name(id_)}"

    def says(
        self,
        what: str,
        command: Command,
        *,
        part: str = "",
        version: int = 0,
        once: bool = False,
        kind: str = "",
        amount: int = 0,
    ) -> Said:
        """What an item tells as a request; raises Malformed if it does not fit the command's schema.

        `part` tells apart what the command says of one id (parcels of an order). With `once` the first word
        counts, and later ones on the same are skipped; else another word under the same version is refused.
        """
        checked = _checked(command)
        id_ = f"{command.id}/{part}" if part else command.id
        key = f"{self.system}/{command.NAME}/{id_}" + (f"@{version}" if version else "")
        digest = Request(command=checked).fingerprint()
        request = Request(
            command=checked,
            key=key,
            digest=codec.digest(key) if once else digest,
            source=Source(self.system, id_, version, digest),
        )
        return Said(what, request, kind, amount)


def documents(path: Path, items: Callable[[Any], Iterator[Item]]) -> Generator[Document]:
    """What the payloads of a file tell, each a row, counted from 1; `items` finds the items of a payload."""
    row = 0
    for payload in readers.payloads(path):
        for name, read in _items(payload, items):
            try:
                found = list(read())
            except LedgerError as refusal:
                row += 1
                yield Document((row,), refusal, name=name)
                continue
            for said in found:
                row += 1
                what = f"{name}, {said.what}" if said.what else name
                yield Document((row,), said.outcome, said.kind, said.amount, what)


def _items(payload: object, items: Callable[[Any], Iterator[Item]]) -> list[Item]:
    if isinstance(payload, LedgerError):
        return [refused(payload)]
    try:
        return list(items(payload))
    except RecursionError:
        return [refused(Malformed("It is nested too deeply."))]


def refused(refusal: LedgerError) -> Item:
    """What cannot be an item, as one that is refused."""

    def read() -> Iterable[Said]:
        raise refusal

    return Item("payload", read)


def misfit(raw: object) -> Item:
    """What stands where an object is expected, as an item that is refused."""
    return refused(Malformed(f"{values.shown(raw)} stands where an object is expected."))


def shape(raw: object, kind: type[Shape]) -> Shape:
    """A JSON object as a struct: other fields are ignored, null counts as missing; raises Malformed."""
    try:
        return msgspec.convert(_without_nulls(raw), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(f"{error}.") from None


def _without_nulls(raw: object) -> object:
    if isinstance(raw, dict):
        return {name: _without_nulls(value) for name, value in raw.items() if value is not None}
    if isinstance(raw, list):
        return [_without_nulls(value) for value in raw]
    return raw


def _checked(command: Command) -> Command:
    """The command, if it agrees with its schema."""
    try:
        return msgspec.convert(msgspec.to_builtins(command), type(command))
    except msgspec.ValidationError as error:
        raise Malformed(f"{command.NAME}: {error}.") from None


def token(text: object) -> str:
    """A text of people as a name: what cannot stand in one becomes `_`; empty if there is nothing to name."""
    return _UNNAMEABLE.sub("_", values.text(text).strip())[:_LONGEST_NAME]


def prose(text: object) -> str:
    """A text no longer than the ledger keeps."""
    return values.text(text)[:_LONGEST_TEXT]


def label(kind: str, number: object) -> str:
    """What messages call an item: `order 450789469`."""
    return f"{kind} {str(number)[:_LONGEST_NAME]}" if number is not None else kind


def listed(raw: object) -> list[Any]:
    """A list, or a single thing as one."""
    return raw if isinstance(raw, list) else [raw]
