"""API keys: 256 random bits that are shown once and kept only as an HMAC under the server's secret.

A key reads `ak_<random>_<checksum>`: one that was mistyped or cut is recognised without asking anybody. The
table holds no truth; without it new keys are made and nothing of the ledger is lost.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from time import monotonic
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text, insert, select, update

from ledger import time
from ledger.errors import Missing
from ledger.store.database import Database, storage_errors

PREFIX = "ak_"
REMEMBERED_S = 10
"""How long a key that was found is believed; one revoked by another process is accepted as long."""

_FORM = re.compile(r"(ak_[a-z2-7]{52})_([0-9a-f]{8})")

_metadata = MetaData()

api_keys = Table(
    "api_keys",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hmac", LargeBinary, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""Times in UTC microseconds. An id is random, so that it never names two keys, not even in a new table."""

_found: WeakKeyDictionary[Database, dict[tuple[str, str], tuple[str, float]]] = WeakKeyDictionary()
"""What was found under a secret and a key, in memory alone: an HMAC for each request would cost too much."""


class UnknownKey(Missing):
    """There is no such API key.

    `assurance keys list` shows those there are.
    """

    code = "unknown_key"


class ApiKey(NamedTuple):
    """A key as it is listed; times in UTC microseconds, `revoked_at` None while it is good."""

    id: str
    name: str
    created_at: int
    revoked_at: int | None


def create_table(database: Database) -> None:
    """Make the table if it is missing."""
    with storage_errors(), database.write() as connection:
        _metadata.create_all(connection, checkfirst=True)


def create(database: Database, secret: str, name: str) -> str:
    """Make a key and answer it: the only time that anybody sees it."""
    create_table(database)
    body = PREFIX + _text(secrets.token_bytes(32))
    key = f"{body}_{_checksum(body)}"
    row = {
        "id": _text(secrets.token_bytes(10)),
        "name": name,
        "hmac": _hmac(secret, key),
        "created_at": time.now(),
    }
    with storage_errors(), database.write() as connection:
        connection.execute(insert(api_keys).values(row))
    return key


def remembered(database: Database, secret: str, key: str) -> str | None:
    """The id of a key that was found a moment ago: what `find` answers without asking the database."""
    id_, until = _found.get(database, {}).get((secret, key), (None, 0.0))
    return id_ if monotonic() < until else None


def find(database: Database, secret: str, key: str) -> str | None:
    """The id of a good key, None of any other. Needs the table.

    The database compares HMACs, whose bytes nobody without the secret can steer, so how long that takes
    tells nothing about keys.
    """
    well_formed = _FORM.fullmatch(key)
    if well_formed is None or well_formed[2] != _checksum(well_formed[1]):
        return None
    if (id_ := remembered(database, secret, key)) is not None:
        return id_
    digest = _hmac(secret, key)
    query = select(api_keys.c.id, api_keys.c.hmac).where(
        api_keys.c.hmac == digest, api_keys.c.revoked_at.is_(None)
    )
    with storage_errors(), database.read() as connection:
        row = connection.execute(query).first()
    if row is None or not hmac.compare_digest(row.hmac, digest):
        return None
    _found.setdefault(database, {})[secret, key] = (row.id, monotonic() + REMEMBERED_S)
    return str(row.id)


def revoke(database: Database, id_: str) -> None:
    """Let a key open nothing any more; raises UnknownKey. One that is revoked already stays so."""
    create_table(database)
    with storage_errors(), database.write() as connection:
        known = connection.execute(select(api_keys.c.revoked_at).where(api_keys.c.id == id_)).first()
        if known is None:
            raise UnknownKey(f"Got {id_!r}.", field="id")
        if known.revoked_at is None:
            connection.execute(update(api_keys).where(api_keys.c.id == id_).values(revoked_at=time.now()))
    _found.pop(database, None)


def list_keys(database: Database) -> list[ApiKey]:
    """All keys, revoked ones too, the oldest first."""
    create_table(database)
    query = select(api_keys.c.id, api_keys.c.name, api_keys.c.created_at, api_keys.c.revoked_at).order_by(
        api_keys.c.created_at, api_keys.c.id
    )
    with storage_errors(), database.read() as connection:
        return [ApiKey(*row) for row in connection.execute(query)]


def _text(random: bytes) -> str:
    """Letters and digits that survive a double click, a URL and a voice: base 32."""
    return base64.b32encode(random).decode().rstrip("=").lower()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _hmac(secret: str, key: str) -> bytes:
    return hmac.digest(secret.encode(), key.encode(), hashlib.sha256)
