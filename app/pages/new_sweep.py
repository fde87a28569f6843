"""The page of a new sweep: from an address to the form, and from the form to the sweep."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

import engine
from app.pages.base import render
from app.pages.form_values import posted_config
from app.pages.new import Linked, linked_values, posted_form, uploads_of
from app.pages.sweep_form import SweepFormPage, SweepRequest, grid_of, request_of, sweep_form
from app.runs.sweeps import Sweeps


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of the form."""
    router = APIRouter()

    @router.get("/sweeps/new")
    def new(request: Request) -> Response:
        linked = linked_values(request)
        page = previewed(request, SweepRequest(base=complete(linked.values)), linked)
        return render(request, templates, page, headers={"Cache-Control": "no-store"})

    @router.post("/sweeps/new")
    async def create(request: Request, preview: bool = False) -> Response:
        posted = await posted_form(request)
        asked = request_of(posted_config(engine.config_schema(), posted), posted)
        if preview:
            page = await run_in_threadpool(previewed, request, asked)
            return render(request, templates, page, headers={"Cache-Control": "no-store"})
        sweeps: Sweeps = request.app.state.sweeps
        try:
            sweep, _ = await run_in_threadpool(sweeps.create, grid_of(asked))
        except engine.ConfigError as err:
            problems = {problem.pointer: problem.detail for problem in err.problems}
            page = sweep_form(asked, problems=problems, uploads=uploads_of(request))
            return render(request, templates, page, status_code=422)
        return RedirectResponse(f"/sweeps/{sweep.id}", status_code=303)

    return router


def complete(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a configuration with its defaults, so that an axis finds its place; a faulty as is."""
    try:
        named = engine.RunConfig.from_dict(values).to_dict()
    except engine.ConfigError:
        return values
    return {**named, "name": values.get("name")}


def previewed(request: Request, asked: SweepRequest, linked: Linked | None = None) -> SweepFormPage:
    """Return the form with how many runs it makes and what they take, or with what is wrong."""
    sweeps: Sweeps = request.app.state.sweeps
    source, notice = (None, "") if linked is None else (linked.source, linked.notice)
    preview, problems = None, {}
    try:
        preview = sweeps.preview(grid_of(asked))
    except engine.ConfigError as err:
        problems = {problem.pointer: problem.detail for problem in err.problems}
    return sweep_form(
        asked,
        problems=problems,
        preview=preview,
        source=source,
        notice=notice,
        uploads=uploads_of(request),
    )
