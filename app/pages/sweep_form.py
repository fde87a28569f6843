"""The form of a new sweep: a base as that of a run has it, axes, seeds, and what it will take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from app.json_texts import escape
from app.pages.base import PageContext
from app.pages.curves import Curve
from app.pages.form import Field
from app.pages.form_values import Posted, number_of
from app.pages.new_form import Group, new_page
from app.pages.sweep_axes import Choice, axis_values, choices_of, named_kinds
from app.runs.grids import MOST_REPEATS, label_of
from app.runs.sizes import size_text
from app.runs.sweeps import Preview
from app.store import Run, Upload

_AXES: Final = 2
_SHOWN_REFUSALS: Final = 5
# An axis that says something of nearly every network.
_FIRST: Final = ("training.optimizer.learning_rate", "0.001, 0.003, 0.01")
_SEEDS: Final = "2"
# What a run's form says of a run.
_NAMING_HELP: Final = {
    "/name": "What the sweep is called; the name of each of its runs adds what varies.",
    "/seed": "The first seed of each combination; its other runs count up from it.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisView:
    """One axis of the form: its number, what was chosen and written, and what is wrong with it."""

    number: int
    path: str
    text: str
    help: str
    error: str


@dataclass(frozen=True, kw_only=True)
class SweepFormPage(PageContext):
    """The names that `sweep_new.html` uses."""

    template: ClassVar[str] = "sweep_new.html"
    here: ClassVar[str] = "sweeps"
    groups: tuple[Group, ...]
    naming: tuple[Field, ...]
    curves: tuple[Curve, ...]
    activation: str
    source: Run | None
    notice: str
    axes: tuple[AxisView, ...]
    choices: Mapping[str, tuple[Choice, ...]]
    seeds: str
    seeds_error: str
    most_seeds: int = MOST_REPEATS
    other_problems: tuple[tuple[str, str], ...]
    summary: str
    refusals: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRequest:
    """What a form says: the base, the axes as they were written, and how many seeds."""

    base: Mapping[str, Any]
    axes: Sequence[tuple[str, str]] = (_FIRST, ("", ""))
    seeds: str = _SEEDS


def request_of(base: Mapping[str, Any], posted: Posted) -> SweepRequest:
    """Return what was posted beside a base."""

    def one(name: str) -> str:
        return (posted.get(name) or [""])[-1].strip()

    axes = [(one(f"axis-{number}"), one(f"values-{number}")) for number in range(1, _AXES + 1)]
    return SweepRequest(base=base, axes=axes, seeds=one("seeds"))


def grid_of(asked: SweepRequest) -> dict[str, Any]:
    """Return the body that makes the sweep."""
    known = _by_path(choices_of(new_page(asked.base, problems={}).groups))
    axes: dict[str, object] = {}
    for path, text in asked.axes:
        if path in known:
            axes[path] = axis_values(known[path], text)
        elif path:
            axes[path] = [text]
    return {"base": dict(asked.base), "axes": axes, "repeats": number_of(asked.seeds)}


def sweep_form(
    asked: SweepRequest,
    *,
    problems: Mapping[str, str],
    preview: Preview | None = None,
    source: Run | None = None,
    notice: str = "",
    uploads: Sequence[Upload] = (),
) -> SweepFormPage:
    """Return the form; problems are by the pointers of the sweep's request."""
    of_base = {
        pointer.removeprefix("/base"): detail
        for pointer, detail in problems.items()
        if pointer.startswith("/base")
    }
    form = new_page(asked.base, problems=of_base, uploads=uploads)
    choices = choices_of(form.groups)
    helps = {path: choice.help for path, choice in _by_path(choices).items()}
    axes = tuple(
        AxisView(
            number=number,
            path=path,
            text=text,
            help=helps.get(path, ""),
            error=_problem_of(problems, path) if path else "",
        )
        for number, (path, text) in enumerate(asked.axes, 1)
    )
    placed = ("/base", "/repeats", *(f"/axes/{escape(axis.path)}" for axis in axes if axis.path))
    others = [(pointer, detail) for pointer, detail in problems.items() if not _in(pointer, placed)]
    return SweepFormPage(
        groups=form.groups,
        naming=tuple(
            replace(field, help=_NAMING_HELP[field.pointer])
            for field in form.naming
            if field.pointer in _NAMING_HELP
        ),
        curves=form.curves,
        activation=form.activation,
        source=source,
        notice=notice,
        axes=axes,
        choices=_offered(form.groups, asked, choices),
        seeds=asked.seeds,
        seeds_error=problems.get("/repeats", ""),
        other_problems=(*others, *form.other_problems),
        summary=summary_of(preview),
        refusals=_refusals(preview),
    )


def _by_path(choices: Mapping[str, Sequence[Choice]]) -> dict[str, Choice]:
    return {choice.path: choice for group in choices.values() for choice in group}


def _offered(
    groups: Sequence[Group], asked: SweepRequest, choices: Mapping[str, Sequence[Choice]]
) -> dict[str, tuple[Choice, ...]]:
    """Return what may vary: the options of the chosen kinds, and what is on an axis already."""
    known = _by_path(choices)
    varied = {path: named_kinds(known[path], text) for path, text in asked.axes if path in known}
    paths = {*_by_path(choices_of(groups, varied)), *varied}
    return {
        title: tuple(choice for choice in some if choice.path in paths)
        for title, some in choices.items()
    }


def summary_of(preview: Preview | None) -> str:
    """Say what a sweep will take."""
    if preview is None:
        return ""
    runs = f"{preview.runs} {'run' if preview.runs == 1 else 'runs'}"
    return (
        f"{runs} of {preview.steps:,} training steps in all. Each takes up to "
        f"{size_text(preview.memory)} of memory; together they keep "
        f"{size_text(preview.stored)} on disk."
    )


def _refusals(preview: Preview | None) -> tuple[tuple[str, str], ...]:
    refused = () if preview is None else preview.refused
    shown = [(label_of(values), reason) for values, reason in refused[:_SHOWN_REFUSALS]]
    more = len(refused) - len(shown)
    return (*shown, *([(f"{more} more", "refused, too")] if more else []))


def _problem_of(problems: Mapping[str, str], path: str) -> str:
    place = f"/axes/{escape(path)}"
    return next((detail for pointer, detail in problems.items() if _in(pointer, (place,))), "")


def _in(pointer: str, places: Sequence[str]) -> bool:
    return any(pointer == place or pointer.startswith(f"{place}/") for place in places)
