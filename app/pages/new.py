"""The page of a new run: from an address to the form, and from the form to a run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

import engine
from app.json_texts import MalformedJSONError, parse_json, text_problems
from app.pages.base import render
from app.pages.compare_tables import compare_href
from app.pages.form_values import Posted, posted_config
from app.pages.new_form import START, NewPage, new_page
from app.pages.presets import PRESETS
from app.runs import RunService
from app.runs.starter import starter_configurations
from app.runs.tags import written
from app.store import Resource, Run, Store, Upload

# Several times what the form has; a body of more is no form of ours.
_MOST_FIELDS = 500
_MOST_OFFERED = 200


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of the form."""
    router = APIRouter()

    @router.get("/runs/new")
    def new(request: Request) -> Response:
        page = linked_page(request)
        return render(request, templates, page, headers={"Cache-Control": "no-store"})

    @router.post("/runs/new")
    async def create(request: Request) -> Response:
        values = posted_config(engine.config_schema(), await posted_form(request))
        service: RunService = request.app.state.service
        try:
            run, _ = await run_in_threadpool(service.create, values)
        except engine.ConfigError as err:
            problems = {problem.pointer: problem.detail for problem in err.problems}
            page = new_page(values, problems=problems, uploads=uploads_of(request))
            return render(request, templates, page, status_code=422)
        return RedirectResponse(f"/runs/{run.id}", status_code=303)

    @router.post("/runs/new/starter")
    def start(request: Request) -> Response:
        service: RunService = request.app.state.service
        runs = service.create_all(starter_configurations())
        return RedirectResponse(compare_href(run.id for run in runs), status_code=303)

    return router


async def posted_form(request: Request) -> Posted:
    """Return the fields of a form's body; the size of bodies is bounded before they come here.

    Raises:
        HTTPException: 400 where it has more fields than any form of ours.
    """
    text = (await request.body()).decode(errors="replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as err:
        detail = f"The form has more than {_MOST_FIELDS} fields."
        raise HTTPException(400, detail) from err


def linked_page(request: Request) -> NewPage:
    """Return the form as the address wants it."""
    linked = linked_values(request)
    return new_page(
        linked.values,
        source=linked.source,
        notice=linked.notice,
        chosen_preset=linked.preset,
        uploads=uploads_of(request),
    )


class Linked(NamedTuple):
    """What an address fills the form with, and where that is from."""

    values: Mapping[str, Any]
    source: Run | None = None
    notice: str = ""
    preset: str = ""


def linked_values(request: Request) -> Linked:
    """Return what the address names: a run, a configuration, a preset, or fields."""
    query = request.query_params
    source, preset = query.get("from", ""), query.get("preset", "")
    if source:
        store: Store = request.app.state.store
        run = store.runs.get(source)
        values = recording(run.config, query.getlist("record"))
        # Another name, and what it was started as is not what the next one is.
        tags = list(written(run.config["tags"]))
        return Linked({**values, "name": None, "tags": tags}, source=run)
    if "config" in query:
        values, notice = read_config(query["config"])
        return Linked(values, notice=notice)
    if preset in PRESETS:
        return Linked(PRESETS[preset].config, preset=preset)
    # Without a script the form is sent here, to be shown with the fields of other kinds.
    fields = posted_config(engine.config_schema(), {key: query.getlist(key) for key in query})
    return Linked(fields or START)


def uploads_of(request: Request) -> list[Upload]:
    """Return the newest uploads, which the form offers."""
    store: Store = request.app.state.store
    return [
        upload
        for resource in get_args(Resource)
        for upload in store.uploads.page(resource, limit=_MOST_OFFERED)[0]
    ]


def recording(config: Mapping[str, Any], statistics: Sequence[str]) -> Mapping[str, Any]:
    """Return a configuration that records these statistics too; unknown names are left out."""
    recorded = config["recording"]
    more = [name for name in statistics if name in engine.STATISTICS]
    names = dict.fromkeys([*recorded["statistics"], *more])
    return {**config, "recording": {**recorded, "statistics": list(names)}}


def read_config(text: str) -> tuple[Mapping[str, Any], str]:
    """Return the configuration of a link, and what to say where it is none."""
    try:
        values = parse_json(text.encode(errors="surrogatepass"))
    except MalformedJSONError:
        return START, "The configuration in this link is not readable JSON: the form starts anew."
    if not isinstance(values, dict):
        return START, "The configuration in this link is not a JSON object: the form starts anew."
    if any(text_problems(values)):
        return START, "The configuration in this link holds characters that cannot be stored."
    # A link may say a part only: a task and a cell are needed, and the rest has its default.
    model = values.get("model", START["model"])
    if isinstance(model, dict) and "cell" not in model:
        model = {**START["model"], **model}
    return {**START, **values, "model": model}, ""
