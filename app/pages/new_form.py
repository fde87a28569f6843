"""The form of a new run: its cards and fields, with values and with what is wrong with them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from app.pages.base import PageContext, known_catalog
from app.pages.curves import Curve, activation_curves
from app.pages.form import Field, Option
from app.pages.form_builder import Builder, Schema, value_of
from app.pages.form_choices import always_recorded, choice_words, conditions
from app.pages.presets import PRESETS, Preset
from app.pages.upload_facts import summary_of
from app.store import Run, Upload

# What an empty address shows; everything else has the schema's default.
START: Mapping[str, Any] = {
    "task": {"kind": "adding"},
    "model": {"cell": "elman", "activation": "tanh"},
}

_NAMING = ("name", "seed", "tags")

# Fields that few change stand behind "More options", unless they are changed or wrong.
_SELDOM = frozenset(
    {
        "/task/validation",
        "/model/bidirectional",
        "/model/layer_skips",
        "/model/bias",
        "/model/input_initializer",
        "/model/spectral_radius",
        "/model/forget_bias",
        "/model/from_model",
        "/task/needed_lag",
        "/training/reduction",
        "/training/regularizer",
        "/training/precision",
        "/training/memory",
        "/training/threads",
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
    curves: tuple[Curve, ...]
    activation: str


def new_page(
    values: Mapping[str, Any],
    *,
    problems: Mapping[str, str] | None = None,
    notice: str = "",
    source: Run | None = None,
    chosen_preset: str = "",
    uploads: Sequence[Upload] = (),
) -> NewPage:
    """Return the form with values, and with what is wrong with them beside the fields."""
    schema: Schema = engine.config_schema()
    if problems is None:
        problems = problems_of(values)
    catalog = known_catalog()
    cell = _part(values, "model").get("cell")
    builder = Builder(
        problems=problems,
        words=choice_words(catalog),
        conditions=conditions(catalog),
        chosen={"/model/cell": str(cell)},
        left_out={"/recording/statistics": always_recorded(catalog)},
        offered=offers_of(uploads),
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
        curves=activation_curves(catalog),
        activation=_kind(_part(values, "model").get("activation")),
        config_text=json.dumps(values, indent=2, ensure_ascii=False),
    )


def offers_of(uploads: Sequence[Upload]) -> dict[tuple[str, str], tuple[Option, ...]]:
    """Return what the form offers where an upload can be named, by pointer and task."""
    offers: dict[tuple[str, str], tuple[Option, ...]] = {("/model/from_model", ""): ()}
    offers |= {("/task/dataset", kind): () for kind in ("series", "text", "arrays")}
    for upload in uploads:
        is_model = upload.resource == "model"
        place = ("/model/from_model", "") if is_model else ("/task/dataset", upload.kind)
        title = f"{upload.name} ({upload.kind})" if is_model else upload.name
        offer = Option(value=upload.id, title=title, help=f"{summary_of(upload)}.")
        offers[place] = (*offers[place], offer)
    return offers


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


def _kind(value: object) -> str:
    return str(value.get("kind") if isinstance(value, Mapping) else value)


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
