"""API keys: shown once, recognised when mistyped, good until revoked."""

from collections.abc import Iterator
from time import monotonic

import pytest
import sqlalchemy as sa
import time_machine

from api import keys
from ledger.store.database import Database

SECRET = "of the tests"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.close()


def test_a_key_is_found_by_its_id(database: Database):
    first, second = (keys.create(database, SECRET, name) for name in ("till", "warehouse"))
    listed = {one.name: one for one in keys.list_keys(database)}
    assert keys.find(database, SECRET, first) == listed["till"].id
    assert keys.find(database, SECRET, second) == listed["warehouse"].id
    assert listed["till"].id != listed["warehouse"].id
    assert listed["till"].revoked_at is None
    assert first.startswith("ak_")
    assert len(first) == 64


def test_nothing_of_a_key_is_kept(database: Database):
    key = keys.create(database, SECRET, "till")
    with database.read() as connection:
        (row,) = connection.execute(sa.select(keys.api_keys)).all()
    assert key.encode() not in row.hmac
    assert key[3:20] not in f"{row}"


def test_another_secret_knows_no_keys(database: Database):
    key = keys.create(database, SECRET, "till")
    assert keys.find(database, "another", key) is None
    assert keys.find(database, "", key) is None


def test_a_mistyped_key_is_recognised_without_the_database(database: Database):
    key = keys.create(database, SECRET, "till")
    database.close()
    broken = Database("sqlite:////nowhere/at/all.db")
    swapped = key[:5] + key[6] + key[5] + key[7:] if key[5] != key[6] else key[:5] + "7" + key[6:]
    for wrong in (
        "",
        "ak_",
        key[:-1],
        key + "0",
        key.upper(),
        key.replace("ak_", "sk_"),
        f" {key}",
        swapped,
        "é",
    ):
        assert keys.find(broken, SECRET, wrong) is None
    broken.close()


def test_an_unknown_key_of_good_form(database: Database):
    keys.create(database, SECRET, "till")
    body = "ak_" + "a" * 52
    assert keys.find(database, SECRET, f"{body}_{keys._checksum(body)}") is None


def test_a_revoked_key_is_found_no_more(database: Database):
    key = keys.create(database, SECRET, "till")
    id_ = keys.find(database, SECRET, key)
    assert id_ is not None
    with time_machine.travel("2021-06-10T00:00:00+08:00", tick=False):
        keys.revoke(database, id_)
    keys.revoke(database, id_)
    assert keys.find(database, SECRET, key) is None
    (listed,) = keys.list_keys(database)
    assert listed.revoked_at == 1_623_254_400_000_000
    with pytest.raises(keys.UnknownKey):
        keys.revoke(database, "nobody")


def test_a_key_that_was_found_is_believed_for_a_while(database: Database, monkeypatch: pytest.MonkeyPatch):
    key = keys.create(database, SECRET, "till")
    id_ = keys.find(database, SECRET, key)
    now = monotonic()
    monkeypatch.setattr(keys, "monotonic", lambda: now)
    with database.write() as connection:  # as another process would revoke it
        connection.execute(sa.update(keys.api_keys).values(revoked_at=1))
    assert keys.remembered(database, SECRET, key) == keys.find(database, SECRET, key) == id_
    now += keys.REMEMBERED_S + 1
    assert keys.remembered(database, SECRET, key) is None
    assert keys.find(database, SECRET, key) is None
