"""A server on a real socket for the tests of a module, on either store."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2
import pytest
import sqlalchemy as sa
import uvicorn
from pydantic import SecretStr

from api import keys
from api.http.app import create_app
from api.settings import Settings
from ledger.store.database import Database
from tests import postgres

SECRET = "a secret of the tests"
_numbers = itertools.count(1)


class Served(NamedTuple):
    """A running server, a client with a key, and the database behind it."""

    url: str
    key: str
    client: httpx2.Client
    database: Database

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> httpx2.Response:
        """Post a command under a new idempotency key, or the one that is given."""
        sent = {"Idempotency-Key": key or f"test-{next(_numbers)}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json={} if body is None else body, headers=sent)

    def get(self, path: str, **query: Any) -> httpx2.Response:
        """Ask with the test's key."""
        return self.client.get(path, params=query)

    def placed(self, order: str, amount: int = 1000, *, key: str = "", **more: Any) -> httpx2.Response:
        """Place an order of one line at shop S1."""
        body = {"shop": "S1", "buyer": "B1", "currency": "CNY", "lines": [{"sku": "A", "amount": amount}]}
        answer = self.post(f"/v1/orders/{order}/place", body | more, key=key)
        assert answer.status_code == 200, answer.text
        return answer

    def paid(self, order: str, amount: int = 1000, **more: Any) -> httpx2.Response:
        """Place an order of one line and pay it."""
        self.placed(order, amount, **more)
        answer = self.post(f"/v1/orders/{order}/pay", {"cash": amount})
        assert answer.status_code == 200, answer.text
        return answer


@contextmanager
def running(settings: Settings, **options: Any) -> Iterator[str]:
    """Serve in a thread; yields the server's address."""
    config = uvicorn.Config(create_app(settings), port=0, log_config=None, lifespan="on", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield "http://{}:{}".format(*server.servers[0].sockets[0].getsockname())
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def served(url: str) -> Iterator[Served]:
    settings = Settings(database_url=url, secret=SecretStr(SECRET))
    database = settings.open_database()
    key = keys.create(database, SECRET, "tests")
    try:
        with (
            running(settings) as address,
            httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client,
        ):
            yield Served(address, key, client, database)
    finally:
        database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests of a module share: each uses orders of its own."""
    if request.param == "sqlite":
        with served(f"sqlite:///{tmp_path_factory.mktemp('http') / 'ledger.db'}") as found:
            yield found
    else:
        server_url: sa.URL = request.getfixturevalue("postgres_server")
        with postgres.database(server_url) as url, served(url) as found:
            yield found
