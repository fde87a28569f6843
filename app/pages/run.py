"""The page of one run: status, verdict, display bar, panels, configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

import engine
from app.figures import FIGURES, FigureDefinition
from app.figures.hidden_gradient_norm import OF_LAST
from app.pages.base import PLOTLY_URL, PageContext, known_catalog, render
from app.pages.compare_tables import seconds_of
from app.pages.display import DisplayBar, display_bar
from app.pages.early_figures import EarlyFigure, early_figures
from app.pages.index import duration_text
from app.pages.remedies import conclusion_of
from app.pages.run_facts import Fact, configuration
from app.pages.run_tabs import COLORED, FIRST, Tab, shown_tab, tabs_of
from app.pages.run_verbs import VerbView, verbs_in, verbs_of
from app.pages.upload_names import upload_names
from app.pages.verdicts import ShownVerdict, no_verdict, shown_verdict
from app.runs import RunStatus
from app.runs.tags import own, written
from app.runs.trials import tried_of
from app.store import Run, Store


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage(PageContext):
    """What run.html is given."""

    template: ClassVar[str] = "run.html"
    here: ClassVar[str] = "index"

    run_id: str
    name: str
    status: str
    is_over: bool
    step: int
    steps: int
    remark: str
    error: str
    no_verdict: str
    verbs: tuple[VerbView, ...]
    is_captured: bool
    verdict: ShownVerdict | None
    helped: str
    asked: int
    losses: str
    layers: tuple[str, ...]
    top_layer: str
    sections: tuple[tuple[str, tuple[Fact, ...]], ...]
    tabs: tuple[Tab, ...]
    shown_tab: str
    display: DisplayBar
    is_colored: bool
    unit_step: str
    tags: tuple[str, ...]
    own_tags: tuple[str, ...]
    figures: Mapping[str, FigureDefinition]
    plotly_url: str
    early: tuple[EarlyFigure, ...]
    data: Mapping[str, Any]


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the route of the run page."""
    router = APIRouter()

    @router.get("/runs/{run_id}")
    def run_page(request: Request, run_id: str) -> Response:
        store: Store = request.app.state.store
        page = _page_with_trials(store, store.runs.get(run_id), request.query_params)
        return render(request, templates, page)

    return router


def _page_with_trials(store: Store, run: Run, query: Mapping[str, str]) -> RunPage:
    tried = tried_of(store, run)
    return page_of(
        run,
        query,
        helped=conclusion_of(tried) if len(tried) > 1 else "",
        uploads=upload_names(store, [run]).get(run.id, {}),
    )


def page_of(
    run: Run,
    query: Mapping[str, str] = MappingProxyType({}),
    *,
    helped: str = "",
    uploads: Mapping[str, str] = MappingProxyType({}),
) -> RunPage:
    """Return the context of a run's page in the view that its address asks for.

    Args:
        run: The run.
        query: The address's query.
        helped: What its remedies came to.
        uploads: What its data set and its model are called.
    """
    catalog = known_catalog()
    tabs = tabs_of(run.config, catalog)
    tab = shown_tab(tabs, query.get("tab", ""))
    verdict = shown_verdict(run.verdict)
    # A link to another view asks for other figures.
    is_first = tab == FIRST and not {"step", "layer", "losses"} & set(query)
    return RunPage(
        run_id=run.id,
        name=run.name,
        status=run.status,
        is_over=RunStatus(run.status).is_terminal,
        step=run.step,
        steps=run.steps,
        remark=remark_of(run),
        error=run.error or "",
        no_verdict=no_verdict(run.status),
        verbs=verbs_of(captured=engine.is_captured(run.config)),
        is_captured=engine.is_captured(run.config),
        verdict=verdict,
        helped=helped,
        asked=asked_times(run),
        losses="all" if query.get("losses") == "all" else "last",
        layers=layers_of(run),
        top_layer=top_of(run),
        sections=configuration(run.config, catalog, uploads),
        tabs=tabs,
        shown_tab=tab,
        is_colored=tab in COLORED,
        display=display_bar(query),
        unit_step=unit_step(verdict, query.get("step", "")),
        tags=written(run.tags),
        own_tags=own(run.tags),
        figures=FIGURES,
        plotly_url=PLOTLY_URL,
        early=early_figures(run.id, top_of(run), asked_times(run)) if is_first else (),
        data=script_data(run),
    )


def layers_of(run: Run) -> tuple[str, ...]:
    """Names of a run's layers, as the layer axis has them."""
    model = run.config["model"]
    axis = engine.layer_axis(int(model["layers"]), bool(model.get("bidirectional")))
    return tuple(str(layer) for layer in axis)


def top_of(run: Run) -> str:
    """Name of the layer under the read-out, of two directions the forward one."""
    return str(int(run.config["model"]["layers"]) - 1)


def unit_step(verdict: ShownVerdict | None, asked: str) -> str:
    """The step whose units are shown: what the address asks for, else the newest frame's."""
    if re.fullmatch(r"\d{1,9}", asked, re.ASCII):
        return asked
    return str(verdict.step) if verdict else "0"


def asked_times(run: Run) -> int:
    """At how many time steps the task asks for an answer: so many losses a sequence has."""
    return int(run.facts.get("asked") or 1)


def remark_of(run: Run) -> str:
    """What there is to say of a state beside its word: of what ended in order, how long it took."""
    seconds = seconds_of(run)
    took = "" if seconds is None else f"took {duration_text(seconds)}"
    return {
        "succeeded": took,
        "failed": took,
        "queued": "waiting for a free worker",
        "interrupted": "the worker was lost; goes on from the last checkpoint",
        "cancelled": "what was recorded stays readable",
        "diverged": "the loss is no longer finite",
    }.get(run.status, "")


def script_data(run: Run) -> dict[str, Any]:
    """What the page's script starts from."""
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "step": run.step,
        "steps": run.steps,
        "eta_seconds": run.eta_seconds,
        "seconds": seconds_of(run),
        "every": int(run.config["recording"]["every"]),
        "verbs": {
            str(status): verbs_in(status, captured=engine.is_captured(run.config))
            for status in RunStatus
        },
        "no_verdict": {str(status): no_verdict(status) for status in RunStatus},
        "layers": layers_of(run),
        "top": top_of(run),
        "asked": asked_times(run),
        "of_last": {"statistic": OF_LAST, "axes": engine.STATISTICS[OF_LAST].axes},
        "figures": {name: figure_facts(figure) for name, figure in FIGURES.items() if figure.needs},
    }


def figure_facts(figure: FigureDefinition) -> dict[str, Any]:
    """What the script asks a figure and its numbers with."""
    statistic = engine.STATISTICS.get(figure.needs[0])
    axes = statistic.axes if statistic is not None else ()
    is_map = "time" in axes
    return {
        "frames": figure.frames,
        "chooses": figure.chooses,
        "statistic": figure.needs[0],
        "axes": axes,
        # A click on a map chooses the step; over lines one zooms instead.
        "picked": figure.frames == "all" and is_map,
    }
