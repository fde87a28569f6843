"""Sweeps: the list of them, and one as a grid of which every cell opens its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.figures import success_by_lag, sweep_matrix
from app.figures.sweep_matrix import LOOKS, Look, words_of
from app.pages.base import PLOTLY_URL, PageContext, render
from app.pages.compare_tables import FEWEST_RUNS, MOST_RUNS, compare_href
from app.runs.grids import axis_label, label_of, value_label
from app.runs.states import TERMINAL
from app.runs.sweep_results import Cell, axes_of, matrix
from app.runs.sweeps import status_of
from app.store import SelectionError, Store, Sweep, Tally

MOST_SWEEPS = 200
OFFERED = tuple(name for name, look in LOOKS.items() if name != look.logs)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRow:
    """A sweep in the list."""

    id: str
    name: str
    status: str
    axes: str
    progress: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CellView:
    """A cell of the grid: its number, its band, and where its runs are."""

    words: str
    band: str
    runs: tuple[tuple[str, str], ...]
    compare_href: str


@dataclass(frozen=True, kw_only=True)
class SweepsPage(PageContext):
    """What sweeps.html is given."""

    template: ClassVar[str] = "sweeps.html"
    here: ClassVar[str] = "sweeps"

    sweeps: tuple[SweepRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweptPanel:
    """One figure over all runs of a sweep, and how to read it."""

    name: str
    title: str
    how_to_read: str
    at_a_glance: str


@dataclass(frozen=True, kw_only=True)
class SweepPage(PageContext):
    """What sweep.html is given."""

    template: ClassVar[str] = "sweep.html"
    here: ClassVar[str] = "sweeps"

    sweep: SweepRow
    axes: tuple[tuple[str, str], ...]
    x: str
    y: str
    value: str
    values: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellView, ...]], ...]
    skipped: tuple[tuple[str, str], ...]
    panels: tuple[SweptPanel, ...]
    plotly_url: str
    run_ids: tuple[str, ...]


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of the sweeps' pages."""
    router = APIRouter()

    @router.get("/sweeps")
    def list_page(request: Request) -> Response:
        store: Store = request.app.state.store
        found, _ = store.sweeps.page(limit=MOST_SWEEPS)
        tallies = store.sweeps.tallies([sweep.id for sweep in found])
        rows = tuple(row_of(sweep, tallies[sweep.id]) for sweep in found)
        return render(request, templates, SweepsPage(sweeps=rows))

    @router.get("/sweeps/{sweep_id}")
    def sweep_page(
        request: Request,
        sweep_id: str,
        x: str | None = None,
        y: str | None = None,
        value: str = "final_loss",
    ) -> Response:
        store: Store = request.app.state.store
        page = page_of(store, store.sweeps.get(sweep_id), x, y, value)
        return render(request, templates, page, headers={"Cache-Control": "no-store"})

    return router


def row_of(sweep: Sweep, tallies: dict[str, Tally]) -> SweepRow:
    """Return a sweep as lists show it."""
    runs = sum(each.runs for each in tallies.values())
    over = sum(each.runs for status, each in tallies.items() if status in TERMINAL)
    axes = " × ".join(f"{axis_label(path)} ({len(sweep.axes[path])})" for path in sweep.axes)
    return SweepRow(
        id=sweep.id,
        name=sweep.name,
        status=status_of(tallies) if runs else "empty",
        axes=axes,
        progress=f"{over} of {runs} runs over" if runs else "its runs are deleted",
    )


def page_of(store: Store, sweep: Sweep, x: str | None, y: str | None, value: str) -> SweepPage:
    """Return the context of a sweep's grid.

    Raises:
        SelectionError: `value` is none that can be drawn, or an axis none of the sweep's.
    """
    if value not in OFFERED:
        expected = ", ".join(OFFERED)
        raise SelectionError("value", f"expected one of {expected}, got {value[:60]!r}")
    across, up = axes_of(sweep, x or None, y or None)
    members = store.sweeps.members(sweep.id)
    look = LOOKS[value]
    cells = matrix(sweep, members, across, up, look.logs or value)
    seeds = {member.run.id: int(member.run.config["seed"]) for member in members}
    ups: Sequence[object] = [""] if up is None else sweep.axes[up]
    return SweepPage(
        sweep=row_of(sweep, store.sweeps.tallies([sweep.id])[sweep.id]),
        axes=tuple((path, axis_label(path)) for path in sweep.axes),
        x=across,
        y=up or "",
        value=value,
        values=tuple((name, LOOKS[name].words) for name in OFFERED),
        columns=tuple(value_label(one) for one in sweep.axes[across]),
        rows=tuple(
            (value_label(one), tuple(cell_view(cell, seeds, look) for cell in row))
            for one, row in zip(ups, cells, strict=True)
        ),
        skipped=tuple((label_of(each["values"]), each["reason"]) for each in sweep.skipped),
        panels=(
            SweptPanel(
                name=sweep_matrix.NAME,
                title=look.words.capitalize(),
                how_to_read=sweep_matrix.HOW_TO_READ,
                at_a_glance="Each cell is the median over its runs; a click opens them.",
            ),
            SweptPanel(
                name=success_by_lag.NAME,
                title=success_by_lag.TITLE,
                how_to_read=success_by_lag.HOW_TO_READ,
                at_a_glance="Where it falls, the gradient of what is needed is lost.",
            ),
        ),
        plotly_url=PLOTLY_URL,
        run_ids=tuple(member.run.id for member in members),
    )


def cell_view(cell: Cell, seeds: Mapping[str, int], look: Look) -> CellView:
    """Return a cell of the table, its runs by their seeds."""
    words = partial(words_of, is_log10=bool(look.logs))
    band = f"{words(cell.low)} … {words(cell.high)}" if cell.count > 1 else ""
    few = FEWEST_RUNS <= len(cell.runs) <= MOST_RUNS
    return CellView(
        words=words(cell.middle) or "none yet",
        band=band,
        runs=tuple((run, f"seed {seeds[run]}") for run in cell.runs),
        compare_href=compare_href(cell.runs) if few else "",
    )
