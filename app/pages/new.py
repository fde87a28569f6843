"""The page of a new run: a form made from the configuration's schema, and what answers it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

import engine
from app.pages.base import PageContext, render
from app.pages.form import Builder, Field, Schema, value_of
from app.pages.form_choices import always_recorded, choice_words, conditions
from app.pages.form_values import Posted, posted_config
from app.pages.presets import PRESETS, Preset
from app.runs import RunService
from app.runs.starter import starter_configurations
from app.store import Run, Store

# What an empty address shows; everything else has the schema's default.
START: Mapping[str, Any] = {
    "task": {"kind": "adding"},
    "model": {"cell": "elman", "activation": "tanh"},
}

# Several times what the form has; a body of more is no form of ours.
_MOST_FIELDS = 500
_NAMING = ("name", "seed", "tags")

# Fields that few change stand behind "More options", unless they are changed or wrong.
_SELDOM = frozenset(
    {
        "/task/validation",
        "/model/layer_skips",
        "/model/bias",
        "/model/input_initializer",
        "/model/spectral_radius",
        "/model/forget_bias",
        "/training/reduction",
        "/training/precision",
        "/recording/probe_size",
        "/recording/batch",
        "/recording/checkpoints",
        "/recording/statistics",
    }
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A card of the form."""

    name: str
    title: str
    help: str
    fields: tuple[Field, ...]
    seldom: tuple[Field, ...]

    @property
    def is_open(self) -> bool:
        """Whether something behind "More options" wants to be seen."""
        return any(field.error or field.is_changed for field in self.seldom)


@dataclass(frozen=True, kw_only=True)
class NewPage(PageContext):
    """The names that `new.html` uses."""

    template: ClassVar[str] = "new.html"
    here: ClassVar[str] = "new"
    groups: tuple[Group, ...]
    naming: tuple[Field, ...]
    presets: Mapping[str, Preset]
    chosen_preset: str
    source: Run | None
    notice: str
    other_problems: tuple[tuple[str, str], ...]
    config_text: str


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
            return render(request, templates, new_page(values, problems=problems), status_code=422)
        return RedirectResponse(f"/runs/{run.id}", status_code=303)

    @router.post("/runs/new/starter")
    def start(request: Request) -> Response:
        service: RunService = request.app.state.service
        runs = [service.create(config)[0] for config in starter_configurations()]
        query = urlencode([("run", run.id) for run in runs])
        return RedirectResponse(f"/compare?{query}", status_code=303)

    return router


async def posted_form(request: Request) -> Posted:
    """Return the fields of a form's body; the size of bodies is bounded before they come here."""
    text = (await request.body()).decode(errors="replace")
    return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)


def linked_page(request: Request) -> NewPage:
    """Return the form as the address wants it: from a run, a configuration, a preset, or fields."""
    query = request.query_params
    source, preset = query.get("from", ""), query.get("preset", "")
    if source:
        store: Store = request.app.state.store
        run = store.runs.get(source)
        return new_page({**run.config, "name": None}, source=run)
    if "config" in query:
        values, notice = read_config(query["config"])
        return new_page(values, notice=notice)
    if preset in PRESETS:
        return new_page(PRESETS[preset].config, chosen_preset=preset)
    # Without a script the form is sent here, to be shown with the fields of other kinds.
    fields = posted_config(engine.config_schema(), {key: query.getlist(key) for key in query})
    return new_page(fields or START)


def read_config(text: str) -> tuple[Mapping[str, Any], str]:
    """Return the configuration of a link, and what to say where it is none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return START, "The configuration in this link is not readable JSON: the form starts anew."
    if not isinstance(values, dict):
        return START, "The configuration in this link is not a JSON object: the form starts anew."
    # A link may say a part only: a task and a cell are needed, and the rest has its default.
    model = values.get("model", START["model"])
    if isinstance(model, dict) and "cell" not in model:
        model = {**START["model"], **model}
    return {**START, **values, "model": model}, ""


def new_page(
    values: Mapping[str, Any],
    *,
    problems: Mapping[str, str] | None = None,
    notice: str = "",
    source: Run | None = None,
    chosen_preset: str = "",
) -> NewPage:
    """Return the form with values, and with what is wrong with them beside the fields."""
    schema: Schema = engine.config_schema()
    if problems is None:
        problems = problems_of(values)
    catalog = engine.catalog()
    cell = _part(values, "model").get("cell")
    builder = Builder(
        problems=problems,
        words=choice_words(catalog),
        conditions=conditions(catalog),
        chosen={"/model/cell": str(cell)},
        left_out={"/recording/statistics": always_recorded(catalog)},
    )
    groups = tuple(_groups(schema, values, builder))
    naming = tuple(
        builder.field(part, value_of(part, values, name), f"/{name}")
        for name, part in schema["properties"].items()
        if name in _NAMING
    )
    pointers = {pointer for group in groups for pointer in _pointers(group.fields + group.seldom)}
    pointers |= set(_pointers(naming))
    others = tuple(
        (pointer, detail)
        for pointer, detail in problems.items()
        if pointers.isdisjoint(_places(pointer))
    )
    return NewPage(
        groups=groups,
        naming=naming,
        presets=PRESETS,
        chosen_preset=chosen_preset,
        source=source,
        notice=notice,
        other_problems=others,
        config_text=json.dumps(values, indent=2, ensure_ascii=False),
    )


def problems_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what the engine finds wrong with a configuration, by pointer."""
    try:
        engine.RunConfig.from_dict(values)
    except engine.ConfigError as err:
        return {problem.pointer: problem.detail for problem in err.problems}
    return {}


def _groups(schema: Schema, values: Mapping[str, Any], builder: Builder) -> "list[Group]":
    groups = []
    for name in ("task", "model", "training", "recording"):
        part = schema["properties"][name]
        value = _part(values, name)
        if "oneOf" in part:
            fields = [builder.field(part, value, f"/{name}")]
        else:
            fields = list(builder.fields(part, value, f"/{name}"))
        groups.append(
            Group(
                name=name,
                title=str(part["title"]),
                help=str(part["description"]),
                fields=tuple(field for field in fields if field.pointer not in _SELDOM),
                seldom=tuple(field for field in fields if field.pointer in _SELDOM),
            )
        )
    return groups


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _places(pointer: str) -> set[str]:
    """Return where a problem may be shown: its field, its choice, or the list it is an item of."""
    parent, _, last = pointer.rpartition("/")
    return {pointer, parent} if last == "kind" or last.isdecimal() else {pointer}


def _pointers(fields: tuple[Field, ...]) -> list[str]:
    found = []
    for field in fields:
        found.append(field.pointer)
        for option in field.options:
            if option.selected:
                found += _pointers(option.fields)
    return found
