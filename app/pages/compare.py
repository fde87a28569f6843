"""The page that puts runs side by side: activation comparison, heatmaps on one colour scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final

from fastapi import APIRouter, Query, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app import comparison
from app.figures import FIGURES, FigureDefinition
from app.pages.base import PLOTLY_URL, PageContext, render
from app.pages.compare_tables import (
    FEWEST_RUNS,
    MOST_RUNS,
    RECORDED,
    OutcomeRow,
    SettingRow,
    outcomes_of,
    setting_label,
    setting_text,
    settings_of,
)
from app.pages.display import DisplayBar, display_bar
from app.pages.index import LONGEST_SEARCH
from app.pages.lesson_runs import LessonNote, note_of
from app.pages.run import asked_times, layers_of, top_of
from app.pages.verdicts import ShownVerdict, shown_verdict
from app.runs import RunStatus
from app.store import Run, RunNotFound, Store

MOST_CHOICES: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRun:
    """One column of the comparison."""

    id: str
    name: str
    status: str
    differences: tuple[tuple[str, str], ...]
    verdict: ShownVerdict | None
    asked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A run that can be picked."""

    id: str
    name: str
    status: str
    verdict: ShownVerdict | None
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparePage(PageContext):
    """What compare.html is given."""

    template: ClassVar[str] = "compare.html"
    here: ClassVar[str] = "compare"

    runs: tuple[ComparedRun, ...]
    choices: tuple[Choice, ...]
    search: str
    is_searching: bool
    has_found: bool
    lesson: LessonNote | None
    missing: int
    refusal: str
    is_over: bool
    layers: tuple[str, ...]
    top_layer: str
    display: DisplayBar
    is_colored: bool
    is_by_loss: bool
    title: str
    settings: tuple[SettingRow, ...]
    outcomes: tuple[OutcomeRow, ...]
    figures: Mapping[str, FigureDefinition]
    plotly_url: str
    data: Sequence[Mapping[str, Any]]


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the route of the comparison."""
    router = APIRouter()

    @router.get("/compare")
    def compare_page(
        request: Request,
        run: Annotated[list[str] | None, Query(max_length=100)] = None,
        lesson: str = "",
        guess: str = "",
    ) -> Response:
        store: Store = request.app.state.store
        note = note_of(lesson, guess)
        page = page_of(store, run or [], note, request.query_params)
        return render(request, templates, page)

    return router


def page_of(
    store: Store,
    run_ids: Sequence[str],
    lesson: LessonNote | None = None,
    query: Mapping[str, str] = MappingProxyType({}),
) -> ComparePage:
    """Return the context for the runs asked for; unknown ones are counted, not an error."""
    wanted = list(dict.fromkeys(run_ids))
    named = [run for run in (_find(store, run_id) for run_id in wanted) if run is not None]
    is_searching = "find" in query
    search = query.get("q", "").strip()[:LONGEST_SEARCH] if is_searching else ""
    offered, _ = store.runs.page(limit=MOST_CHOICES, q=search or None)
    chosen = {run.id for run in named}
    # Who searches has not chosen yet.
    is_chosen = bool(wanted) and not (is_searching and len(named) < FEWEST_RUNS)
    refusal = refusal_of(len(named)) if is_chosen else ""
    found = [] if refusal or not is_chosen else named
    differing = differences([run.config for run in found])
    return ComparePage(
        runs=tuple(
            ComparedRun(
                id=run.id,
                name=run.name,
                status=run.status,
                differences=told,
                verdict=shown_verdict(run.verdict),
                asked=asked_times(run),
            )
            for run, told in zip(found, differing, strict=True)
        ),
        choices=tuple(
            Choice(
                id=run.id,
                name=run.name,
                status=run.status,
                verdict=shown_verdict(run.verdict),
                is_chosen=run.id in chosen,
            )
            # What is chosen is there to be kept, however old, and stands where it is seen.
            for run in [*named, *(run for run in offered if run.id not in chosen)]
        ),
        search=search,
        is_searching=is_searching,
        has_found=bool(offered),
        lesson=lesson,
        missing=len(wanted) - len(named),
        refusal=refusal,
        is_over=all(RunStatus(run.status).is_terminal for run in found),
        layers=sorted_layers(found),
        top_layer=max((top_of(run) for run in found), key=int, default="0"),
        display=display_bar(query),
        is_colored=True,
        is_by_loss=query.get("align") == "loss",
        title=title_of([run.config for run in found]),
        settings=settings_of(found) if found else (),
        outcomes=outcomes_of(found) if found else (),
        figures=FIGURES,
        plotly_url=PLOTLY_URL,
        data=[_script_run(run) for run in found],
    )


def sorted_layers(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names of the layers that any of the runs has, from below."""
    names = {name for run in runs for name in layers_of(run)} or {"0"}
    return tuple(sorted(names, key=lambda name: (int(name.removesuffix("r")), name)))


def refusal_of(count: int) -> str:
    """Say why so many runs are not compared; nothing where they are.

    Example:
        >>> refusal_of(7), refusal_of(2)
        ('7 runs are too many: a comparison takes 2 to 6. Untick some.', '')
    """
    takes = f"a comparison takes {FEWEST_RUNS} to {MOST_RUNS}"
    if count > MOST_RUNS:
        return f"{count} runs are too many: {takes}. Untick some."
    if count < FEWEST_RUNS:
        have = "One run is" if count else "No run is"
        return f"{have} not enough: {takes}. Tick more."
    return ""


def differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """For each configuration the values at which it is not like all the others, name left out."""
    found = comparison.differences(configs)
    return [
        tuple(
            (setting_label(path), setting_text(path, values[position]))
            for path, values in found.items()
            if values[position] is not None and path != RECORDED
        )
        for position in range(len(configs))
    ]


def title_of(configs: Sequence[Mapping[str, Any]]) -> str:
    """Name the picture of all runs by what they differ in, where that is one thing.

    >>> title_of([{"training": {"clipping": None}}, {"training": {"clipping": {"kind": "norm"}}}])
    'Gradient by clipping'
    >>> title_of([{"model": {"activation": "tanh"}}, {"model": {"activation": "relu"}}])
    'Gradient by activation function'
    """
    groups = {path[1] for path in comparison.differences(configs) if len(path) > 1}
    if "activation" in groups:
        return "Gradient by activation function"
    if "cell" in groups:
        return "Gradient by cell"
    if len(groups) == 1:
        return f"Gradient by {groups.pop().replace('_', ' ')}"
    return "Gradient by run"


def _find(store: Store, run_id: str) -> Run | None:
    try:
        return store.runs.get(run_id)
    except RunNotFound:
        return None


def _script_run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "step": run.step,
        "steps": run.steps,
        "every": int(run.config["recording"]["every"]),
    }
