"""The HTML pages. Each page's module has `build_router(templates)`; here is the list of them."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.templating import Jinja2Templates

from app.pages import (
    activations,
    compare,
    glossary,
    index,
    learn,
    new,
    new_sweep,
    remedies,
    run,
    sweeps,
    uploads,
)
from app.pages.base import PLOTLY_URL, build_templates, resource_dir, static_url, static_version

__all__ = [
    "PLOTLY_URL",
    "build_router",
    "build_templates",
    "resource_dir",
    "static_url",
    "static_version",
]

# A page is one module and one line here.
# `/runs/new` stands before `/runs/{id}`, which would take it for a run; so with sweeps.
_PAGES: tuple[Callable[[Jinja2Templates], APIRouter], ...] = (
    index.build_router,
    new.build_router,
    run.build_router,
    remedies.build_router,
    compare.build_router,
    new_sweep.build_router,
    sweeps.build_router,
    uploads.build_router,
    activations.build_router,
    learn.build_router,
    glossary.build_router,
)


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of every page; store and run service are on `request.app.state`."""
    router = APIRouter(include_in_schema=False)
    for build in _PAGES:
        router.include_router(build(templates))
    return router
