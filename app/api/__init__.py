"""The REST routes: one thin file for each resource, gathered under /api/v1."""

from fastapi import FastAPI

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

__all__ = ["include_routes"]

# What is asked for often comes first.
_RESOURCES = (
    statistics,
    runs,
    events,
    figures,
    catalog,
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
_PROBES = (health, metrics)
_OUTSIDE = (login, docs, assets)


def include_routes(app: FastAPI) -> None:
    """Give an application every route that is not a page.

    Each resource's router is the application's own: FastAPI looks through the routes once at every
    level of routers, and once more on the way to the one that it found.
    """
    for probe in _PROBES:
        app.include_router(probe.router)
    for resource in _RESOURCES:
        app.include_router(resource.router, prefix="/api/v1", responses=PROBLEMS)
    for module in _OUTSIDE:
        app.include_router(module.router)
