"""The remedy lab: what is wrong with a run, what to try, and what the trials came to."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

from app.pages.base import PageContext, render
from app.pages.compare_tables import MOST_RUNS, OWN, compare_href
from app.pages.new import posted_form
from app.pages.places import place_of
from app.pages.verdicts import (
    Quantity,
    capital,
    kind_words,
    no_verdict,
    plain_number,
    quantity_of_log10,
)
from app.runs import RunStatus
from app.runs.sweep_results import verdict_number
from app.runs.trials import MOST_SEEDS, UNCHANGED, Tried, offers_of, start_trials, tried_of
from app.store import Run, Store
from engine import Evidence, Verdict, is_captured

NOTHING_TICKED = "Nothing is ticked, so nothing was started: tick at least one remedy."
UNCHANGED_STOPPED = (
    "The unchanged network did not come to its end, so no loss can be held against it: run any "
    "remedy below again, and it is trained beside it."
)
TRIED_ALREADY = "All that is ticked was tried over so many seeds already: choose more seeds."


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingView:
    """A kind of trouble, and where to look at what it rests on."""

    title: str
    sentence: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyView:
    """A remedy that can be ticked: by its title, whose label begins with a capital."""

    title: str
    label: str
    why: str
    changes: tuple[str, ...]
    is_tried: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialView:
    """A run of a row: how far it is, and its loss so far."""

    id: str
    seed: str
    status: str
    is_over: bool
    step: int
    steps: int
    loss: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedView:
    """A row of the table of what was tried."""

    title: str
    runs: tuple[TrialView, ...]
    loss: str
    share: str
    span: Quantity | None
    reach: str
    kinds: str


@dataclass(frozen=True, kw_only=True)
class RemediesPage(PageContext):
    """What remedies.html is given."""

    template: ClassVar[str] = "remedies.html"
    here: ClassVar[str] = "index"

    run_id: str
    name: str
    kinds: tuple[str, ...]
    sentence: str
    findings: tuple[FindingView, ...]
    cause: str
    cause_href: str
    remedies: tuple[RemedyView, ...]
    withheld: str
    is_captured: bool
    tried: tuple[TriedView, ...]
    conclusion: str
    compare_href: str
    most_seeds: int
    refusal: str
    data: dict[str, Any]


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of the remedy lab."""
    router = APIRouter()

    @router.get("/runs/{run_id}/remedies")
    def lab(request: Request, run_id: str) -> Response:
        store: Store = request.app.state.store
        page = remedies_page(store, store.runs.get(run_id))
        return render(request, templates, page, headers={"Cache-Control": "no-store"})

    @router.post("/runs/{run_id}/remedies")
    async def try_out(request: Request, run_id: str) -> Response:
        store: Store = request.app.state.store
        run = store.runs.get(run_id)
        form = await posted_form(request)
        text = (form.get("seeds") or ["1"])[0]
        seeds = int(text) if text.isdecimal() and 1 <= int(text) <= MOST_SEEDS else 1
        titles = form.get("remedy", [])
        service = request.app.state.service
        started: list[Run] = []
        if titles:
            started = await run_in_threadpool(start_trials, service, store, run, titles, seeds)
        if started:
            return RedirectResponse(f"/runs/{run_id}/remedies", status_code=303)
        page = remedies_page(store, run, refusal=TRIED_ALREADY if titles else NOTHING_TICKED)
        return render(request, templates, page, status_code=422)

    return router


def remedies_page(store: Store, run: Run, refusal: str = "") -> RemediesPage:
    """Return the lab of a run; `refusal` says why what was asked for starts nothing."""
    verdict = None if run.verdict is None else Verdict.from_dict(run.verdict)
    offers, withheld = offers_of(run)
    tried = tried_of(store, run)
    titles = {each.title for each in tried}
    shown = [each.runs[0].id for each in tried][:MOST_RUNS]
    return RemediesPage(
        run_id=run.id,
        name=run.name,
        kinds=() if verdict is None else tuple(kind_words(kind) for kind in verdict.kinds),
        sentence=no_verdict(run.status) if verdict is None else verdict.sentence,
        findings=() if verdict is None else findings_of(run, verdict),
        cause="" if verdict is None or verdict.cause is None else verdict.cause.sentence,
        cause_href=place_of(run.id, "gain_factors", step=None if verdict is None else verdict.step),
        remedies=tuple(
            RemedyView(
                title=each.title,
                label=capital(each.title),
                why=each.why,
                changes=tuple(changes_of(each.patch)),
                is_tried=each.title in titles,
            )
            for each in offers
        ),
        withheld=withheld,
        is_captured=is_captured(run.config),
        tried=tuple(tried_view(each, tried[0]) for each in tried) if len(tried) > 1 else (),
        conclusion=conclusion_of(tried),
        compare_href=compare_href(shown),
        most_seeds=MOST_SEEDS,
        refusal=refusal,
        data={"runs": [each.id for one in tried for each in one.runs]},
    )


def findings_of(run: Run, verdict: Verdict) -> tuple[FindingView, ...]:
    """Return the findings, each with links to where its numbers are drawn."""
    return tuple(
        FindingView(
            title=kind_words(finding.kind),
            sentence=finding.sentence,
            links=tuple((one.text, _place(run, one)) for one in finding.evidence),
        )
        for finding in verdict.findings
    )


def _place(run: Run, evidence: Evidence) -> str:
    return place_of(run.id, evidence.statistic, step=evidence.step, layer=evidence.layer)


def changes_of(patch: object, path: str = "") -> list[str]:
    """Return the changes of a merge patch, a text each, without the name.

    >>> changes_of({"name": "x", "model": {"cell": "lstm", "activation": None}})
    ['model.cell: lstm', "model.activation: the cell's own"]
    """
    if not isinstance(patch, dict):
        none = OWN if path == "model.activation" else "none"
        return [f"{path}: {none if patch is None else _short(patch)}"]
    named = ((f"{path}.{key}" if path else key, value) for key, value in patch.items())
    return [text for name, value in named if name != "name" for text in changes_of(value, name)]


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def tried_view(tried: Tried, unchanged: Tried) -> TriedView:
    """Return a row of the table: means over the runs that ended."""
    spans = [verdict_number(run, "log10_span") for run in tried.ended]
    reaches = [verdict_number(run, "reach") for run in tried.ended]
    share = ""
    if tried.title != UNCHANGED and tried.loss is not None and unchanged.loss:
        share = f"× {plain_number(tried.loss / unchanged.loss)}"
    kinds = {kind for run in tried.ended for kind in (run.verdict or {}).get("kinds", ())}
    return TriedView(
        title=capital(tried.title),
        runs=tuple(
            TrialView(
                id=run.id,
                seed=str(run.config["seed"]),
                status=run.status,
                is_over=RunStatus(run.status).is_terminal,
                step=run.step,
                steps=run.steps,
                loss=plain_number(run.loss),
            )
            for run in tried.runs
        ),
        loss=plain_number(tried.loss),
        share=share,
        span=quantity_of_log10(_mean(spans)) if None not in spans and spans else None,
        reach=plain_number(_mean(reaches)) if None not in reaches and reaches else "",
        kinds=", ".join(sorted(kind_words(kind) for kind in kinds)),
    )


def conclusion_of(tried: tuple[Tried, ...]) -> str:
    """Say which remedy helped most, where one did; of some alone as long as others train."""
    unchanged, *others = tried
    done = [each for each in others if each.loss is not None and len(each.over) == len(each.runs)]
    if unchanged.loss is None and unchanged.runs and len(unchanged.over) == len(unchanged.runs):
        return UNCHANGED_STOPPED
    if not done or unchanged.loss is None:
        return ""
    best = done[0]
    going = any(len(each.over) < len(each.runs) for each in tried)
    so_far = " So far: not every run is over." if going else ""
    if best.loss is None or not best.loss < unchanged.loss:
        none = "None of what was tried ends with a lower loss than the unchanged network."
        return none + so_far
    return (
        f"{capital(best.title)} helped most: the loss ends at {plain_number(best.loss)} instead of "
        f"{plain_number(unchanged.loss)}.{so_far}"
    )


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)
