"""Settings: from the environment (`ASSURANCE_…`) and from `.env`, each with a description."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import exc as sa
from sqlalchemy.engine import make_url

from ledger.store.database import Database
from ledger.store.migrate import migrate

PREFIX = "ASSURANCE_"


class Setting(NamedTuple):
    """One setting as people see it: the variable, its value with secrets masked, and what it is for."""

    variable: str
    value: str
    description: str


class Settings(BaseSettings):
    """What the ledger is told from outside."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        default="sqlite:///assurance.db",
        description="Where the ledger is: sqlite:///path or postgresql+psycopg://user:password@host/name.",
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="Under which API keys are stored and cursors are signed; a new one voids both.",
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        try:
            driver = make_url(url).drivername
        except sa.ArgumentError:
            driver = ""
        if driver not in {"sqlite", "postgresql+psycopg"}:
            raise ValueError("begins neither with sqlite:/// nor with postgresql+psycopg://")
        return url

    def open_database(self) -> Database:
        """The database, brought to the present schema first; raises StorageUnavailable."""
        database = Database(self.database_url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return database

    def listed(self) -> list[Setting]:
        """Every setting with its variable and description; passwords and secrets as stars."""
        shown = {name: str(value) for name, value in self}
        shown["database_url"] = make_url(self.database_url).render_as_string(hide_password=True)
        return [
            Setting(f"{PREFIX}{name}".upper(), shown[name], field.description or "")
            for name, field in type(self).model_fields.items()
        ]

    def environment(self) -> dict[str, str]:
        """The same settings as variables, for a process of our own; holds the secrets themselves."""
        return {
            f"{PREFIX}{name}".upper(): value.get_secret_value()
            if isinstance(value, SecretStr)
            else str(value)
            for name, value in self
        }
