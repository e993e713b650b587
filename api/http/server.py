"""The server: uvicorn around the application, in one process or several."""

from __future__ import annotations

import os

import structlog
import uvicorn
from fastapi import FastAPI

from api import keys
from api.http import logs
from api.http.app import create_app
from api.settings import Settings

_GRACE_S = 30


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Migrate, then serve until a signal says stop; what is being answered then is answered first.

    Several `workers` are processes of their own on one database: they share the work of HTTP, the database
    orders what they write.
    """
    database = settings.open_database()
    keys.create_table(database)
    database.close()
    os.environ.update(settings.environment())  # for the workers, which know nothing else of us
    uvicorn.run(
        "api.http.server:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        log_config=logs.CONFIG,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


def application() -> FastAPI:
    """The application of the settings in the environment, as a worker makes it."""
    settings = Settings()
    app = create_app(settings)
    if not settings.secret.get_secret_value():
        log = structlog.get_logger(__name__)
        log.warning("no secret", remedy="Set ASSURANCE_SECRET before you hand out keys.")
    return app
