"""Settings: from the environment and .env, each with a description, secrets masked."""

from pathlib import Path

import pydantic
import pytest
from pydantic import SecretStr

from api.settings import Settings
from ledger.errors import StorageUnavailable
from ledger.store.migrate import revisions


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults():
    settings = Settings()
    assert settings.database_url == "sqlite:///assurance.db"
    assert not settings.secret.get_secret_value()


def test_the_environment_comes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    Path(folder, ".env").write_text(
        "ASSURANCE_DATABASE_URL=sqlite:///of-the-file.db\nASSURANCE_SECRET=of the file\nASSURANCE_OTHER=1\n"
    )
    monkeypatch.setenv("ASSURANCE_SECRET", "of the environment")
    settings = Settings()
    assert settings.database_url == "sqlite:///of-the-file.db"
    assert settings.secret.get_secret_value() == "of the environment"


def test_settings_are_listed_without_their_secrets():
    settings = Settings(database_url="postgresql+psycopg://me:hunter2@host/name", secret=SecretStr("hunter3"))
    listed = settings.listed()
    assert [one.variable for one in listed] == ["ASSURANCE_DATABASE_URL", "ASSURANCE_SECRET"]
    assert listed[0].value == "postgresql+psycopg://me:***@host/name"
    assert all(one.description.endswith(".") for one in listed)
    assert "hunter" not in f"{listed} {settings.secret!r}"
    assert Settings(secret=SecretStr("")).listed()[1].value == ""


def test_the_environment_of_another_process_says_the_same(monkeypatch: pytest.MonkeyPatch):
    settings = Settings(database_url="sqlite:///other.db", secret=SecretStr("s p a c e"))
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


@pytest.mark.parametrize("url", ["", "assurance.db", "postgres://host/name", "mysql://host/name", "://"])
def test_another_database_is_refused(url: str):
    with pytest.raises(pydantic.ValidationError, match="sqlite:///"):
        Settings(database_url=url)


def test_a_new_database_is_migrated_on_first_use(database_url: str):
    database = Settings(database_url=database_url).open_database()
    before, newest = revisions(database)
    database.close()
    assert before == newest


def test_a_database_that_is_not_there():
    with pytest.raises(StorageUnavailable):
        Settings(database_url="sqlite:////nowhere/at/all.db").open_database()
