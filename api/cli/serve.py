"""Serving HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.opening import read_settings
from api.cli.output import examples
from api.http.server import serve as serve_http

app = typer.Typer()


@app.command(epilog=examples("assurance serve", "assurance serve --host 0.0.0.0 --port 80 --workers 2"))
def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any that is free.")] = 8000,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that share the work.")] = 1,
) -> None:
    """Serve HTTP until it is told to stop.

    A new database is migrated first. `assurance keys create NAME` makes the
    key that all requests need but those for `/health` and the public register
    of penalties; a browser asks for it as a password and shows `/docs`.
    """
    serve_http(read_settings(), host=host, port=port, workers=workers)
