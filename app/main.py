"""The composition root: settings in, application out."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

import engine
from app import http_errors
from app.api import include_routes
from app.api.assets import StaticAssets
from app.api.events_hub import EventHub
from app.api.metrics import Measured, Metrics
from app.api.reading import Reading
from app.body_limit import BodyLimit
from app.guards import FRAME_PATH, Guard, HeadAnswers, ResponseHeaders
from app.openapi import openapi_of
from app.pages import build_router as build_pages
from app.pages import build_templates
from app.receiving import UPLOAD_PATH
from app.runs import RunService, executor_of
from app.runs.captures import Captures
from app.runs.sweeps import Sweeps
from app.settings import Settings
from app.store import open_store

ROOM_FOR_FORM = 100_000  # what a form has beside its file
WILDCARD_ADDRESSES = frozenset({"", "0.0.0.0", "::"})  # compared with, not bound to


def create_app(settings: Settings) -> FastAPI:
    """Return the application of an installation; nothing is opened before it starts."""
    app = FastAPI(
        title="Gradtide",
        version=engine.__version__,
        lifespan=_lifespan(settings),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.openapi = openapi_of(app)  # type: ignore[method-assign]  # FastAPI's documented way
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.templates = build_templates()
    http_errors.install(app)
    include_routes(app)
    app.include_router(build_pages(app.state.templates))
    app.mount("/static", StaticAssets(), name="static")
    _guard(app, settings)
    return app


def _guard(app: FastAPI, settings: Settings) -> None:
    """Put the guards in front; the last one added is the first one passed."""
    own = () if settings.host in WILDCARD_ADDRESSES else (settings.host,)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        larger={
            FRAME_PATH: settings.max_frame_bytes,
            UPLOAD_PATH: settings.max_upload_bytes + ROOM_FOR_FORM,
        },
        timeout=settings.body_timeout,
    )
    app.add_middleware(HeadAnswers)
    app.add_middleware(
        Guard,
        allowed_hosts=(*settings.allowed_hosts, *own),
        token=settings.token.get_secret_value() if settings.token is not None else None,
    )
    app.add_middleware(ResponseHeaders)
    app.add_middleware(Measured, metrics=app.state.metrics)


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await run_in_threadpool(open_store, settings)
        service = RunService(store, executor_of(store, settings), settings)
        hub = EventHub(store, max_streams=settings.max_streams)
        app.state.store, app.state.service, app.state.hub = store, service, hub
        app.state.reading = Reading(store, settings)
        app.state.captures = Captures(store)
        app.state.sweeps = Sweeps(store, service, settings.max_sweep_runs)
        app.state.metrics.watch(store, hub)
        await run_in_threadpool(service.start)
        try:
            yield
        finally:
            await hub.stop()
            await run_in_threadpool(service.stop)
            app.state.reading.close()
            store.close()

    return lifespan
