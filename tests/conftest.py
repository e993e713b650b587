"""Databases and data for every test; almost all of them ask for `database_url` and so run on both stores."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from tests import postgres

# The same examples every time, so that a change fails for what it changes; `make long` looks further.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("same")


DATABASES = {"database_url", "sqlite_url", "postgres_url"}
"""Fixtures that bring a database."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long is slow too, so that `-m "not slow"` leaves both out; and say what needs a database."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")
        if DATABASES & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out the settings of whoever runs the tests; let processes that a test starts import `tests`."""
    for name in os.environ:
        if name.startswith("ASSURANCE_") and not name.startswith("ASSURANCE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of its own, on either store."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real records that are not part of the project."""
    folder = os.environ.get("ASSURANCE_TEST_DATA")
    if not folder:
        pytest.skip("ASSURANCE_TEST_DATA names no folder of real records")
    return Path(folder)
