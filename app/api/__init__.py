"""The REST routes: one thin file for each resource, gathered under /api/v1."""

from fastapi import APIRouter

from app.api import (
    assets,
    captures,
    catalog,
    chain,
    checkpoints,
    compare,
    datasets,
    docs,
    events,
    export,
    figures,
    health,
    login,
    metrics,
    models,
    runs,
    statistics,
    sweeps,
    traces,
)
from app.api.schemas import PROBLEMS

__all__ = ["build_router"]

_RESOURCES = (
    catalog,
    runs,
    events,
    statistics,
    figures,
    checkpoints,
    chain,
    export,
    compare,
    traces,
    sweeps,
    captures,
    datasets,
    models,
)
_OUTSIDE = (health, metrics, login, docs, assets)


def build_router() -> APIRouter:
    """Return every route that is not a page."""
    router = APIRouter()
    api = APIRouter(prefix="/api/v1", responses=PROBLEMS)
    for resource in _RESOURCES:
        api.include_router(resource.router)
    router.include_router(api)
    for module in _OUTSIDE:
        router.include_router(module.router)
    return router
