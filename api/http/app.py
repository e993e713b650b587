"""The application: every route behind one entrance, and the ledger it opens and closes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api.http import (
    books,
    card,
    claim,
    commands,
    community,
    credit,
    documents,
    events,
    explain,
    fund,
    health,
    incident,
    logs,
    openapi,
    order,
    penalty,
    policy,
    problems,
    reputation,
    sellers,
    shop,
    trust,
)
from api.http.entrance import Entrance
from api.http.service import Service
from api.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Serve the ledger that the settings name; it is opened when the server starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = await run_in_threadpool(Service, settings)
        try:
            yield
        finally:
            await run_in_threadpool(app.state.service.close)

    logs.configure()
    # The framework's own pages load their scripts from elsewhere: ours is in `documents`.
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Entrance)
    problems.install(app)
    rooms = (
        commands,
        community,
        order,
        claim,
        policy,
        penalty,
        fund,
        card,
        incident,
        explain,
        credit,
        books,
        reputation,
        sellers,
        shop,
        trust,
        events,
        health,
    )
    for router in (*(room.router for room in rooms), documents.router, commands.last):
        # Not include_router: the framework matches every request twice against what is included.
        app.router.routes.extend(router.routes)
    openapi.install(app, [schema for room in rooms for schema in room.SCHEMAS])
    return app
