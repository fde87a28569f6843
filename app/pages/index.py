"""The list of runs: what is queued, what runs, what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.pages.base import PageContext, known_catalog, render
from app.pages.compare_tables import compare_href
from app.pages.sparkline import Sparkline, sparkline
from app.pages.upload_names import upload_names
from app.pages.verdicts import ShownVerdict, plain_number, shown_verdict
from app.runs import RunStatus, starter
from app.runs.tags import STARTER, shown
from app.store import Run, Store

PAGE_SIZE = 50
# What a search box takes; longer texts are cut, since no name is that long.
LONGEST_SEARCH = 200

NEWEST = "-created_at"
# What the store sorts by, as a reader says it; the empty one is the order of the list.
SORTS = (
    ("", "Newest first"),
    ("created_at", "Oldest first"),
    ("name", "By name"),
    ("final_loss", "Lowest loss first"),
    ("-final_loss", "Highest loss first"),
)
STATUSES = tuple(str(status) for status in RunStatus)


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run as the list shows it."""

    id: str
    name: str
    summary: str
    tags: tuple[str, ...]
    status: str
    step: int
    steps: int
    progress_text: str
    error: str
    verdict: ShownVerdict | None
    sparkline: Sparkline | None
    loss: str
    baseline: str
    created_at: datetime
    created_text: str
    can_cancel: bool
    sweep: str


@dataclass(frozen=True, kw_only=True)
class IndexPage(PageContext):
    """The names that `index.html` uses."""

    template: ClassVar[str] = "index.html"
    here: ClassVar[str] = "index"
    rows: tuple[RunRow, ...]
    statuses: tuple[str, ...]
    status: str
    cells: tuple[tuple[str, str], ...]
    cell: str
    sorts: tuple[tuple[str, str], ...]
    sort: str
    tag: str
    untagged_href: str
    search: str
    is_filtered: bool
    first_href: str
    next_href: str
    is_first_page: bool
    starter_href: str


class Wanted:
    """Filters and order as the address says them; what is unknown there is as if unsaid."""

    def __init__(
        self, status: str = "", q: str = "", tag: str = "", cell: str = "", sort: str = ""
    ) -> None:
        self.status = status if status in STATUSES else ""
        self.q = q.strip()[:LONGEST_SEARCH]
        self.tag = tag.strip()[:LONGEST_SEARCH]
        self.cell = cell if cell in dict(_cells()) else ""
        self.sort = sort if sort in dict(SORTS) else ""

    def href(self, **changes: str) -> str:
        """Return the list's address with these filters, some of them changed."""
        query = {name: value for name, value in {**vars(self), **changes}.items() if value}
        return f"/?{urlencode(query)}" if query else "/"


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the route of the list."""
    router = APIRouter()

    @router.get("/")
    def index(request: Request, wanted: Annotated[Wanted, Depends()], cursor: str = "") -> Response:
        store: Store = request.app.state.store
        page = index_page(store, wanted, cursor)
        return render(request, templates, page, headers={"Cache-Control": "no-store"})

    return router


def index_page(store: Store, wanted: Wanted, cursor: str) -> IndexPage:
    """Return a page of the list."""
    runs, next_cursor = store.runs.page(
        status=wanted.status or None,
        q=wanted.q or None,
        tag=wanted.tag or None,
        cell=wanted.cell or None,
        sort=wanted.sort or NEWEST,
        limit=PAGE_SIZE,
        cursor=cursor or None,
    )
    ahead = store.runs.queue_positions(runs)
    sweeps = store.sweeps.names_of([run.id for run in runs])
    uploads = upload_names(store, runs)
    return IndexPage(
        rows=tuple(
            run_row(run, ahead.get(run.id), sweeps.get(run.id, ""), uploads.get(run.id, {}))
            for run in runs
        ),
        statuses=STATUSES,
        status=wanted.status,
        cells=_cells(),
        cell=wanted.cell,
        sorts=SORTS,
        sort=wanted.sort,
        tag=wanted.tag,
        untagged_href=wanted.href(tag=""),
        search=wanted.q,
        is_filtered=bool(wanted.status or wanted.q or wanted.tag or wanted.cell or cursor),
        first_href=wanted.href(),
        next_href=wanted.href(cursor=next_cursor) if next_cursor else "",
        is_first_page=not cursor,
        starter_href=starter_href(store),
    )


@lru_cache(maxsize=1)
def _cells() -> tuple[tuple[str, str], ...]:
    """Name and title of every cell."""
    return tuple((str(cell["name"]), str(cell["title"])) for cell in known_catalog()["cells"])


def starter_href(store: Store) -> str:
    """Return the address that compares the newest starter runs; empty where some are missing."""
    found, _ = store.runs.page(tag=STARTER, limit=PAGE_SIZE)
    # Each as it was started: one that was changed and run anew may carry the tag, too.
    four = [
        next((run for run in found if starter.is_started(run.config, place)), None)
        for place in range(len(starter.NETWORKS))
    ]
    runs = [run for run in four if run is not None]
    if len(runs) < len(starter.NETWORKS):
        return ""
    return compare_href(run.id for run in runs)


def run_row(
    run: Run,
    ahead: int | None = None,
    sweep: str = "",
    uploads: Mapping[str, str] = MappingProxyType({}),
) -> RunRow:
    """Return how a run is shown in the list.

    Args:
        run: The run.
        ahead: So many wait in the queue before it.
        sweep: The name of the sweep that it belongs to.
        uploads: What its data set and its model are called.
    """
    is_over = RunStatus(run.status).is_terminal
    loss = run.final_loss if is_over and run.final_loss is not None else run.loss
    baseline = run.facts.get("baseline")
    return RunRow(
        id=run.id,
        name=run.name or run.id,
        summary=" · ".join([summary_of(run.config), seed_of(run.config), *uploads.values()]),
        tags=shown(run.tags),
        status=run.status,
        step=run.step,
        steps=run.steps,
        progress_text=progress_text(run, ahead),
        error=run.error.splitlines()[-1] if run.error else "",
        verdict=shown_verdict(run.verdict),
        sparkline=sparkline(run.sparkline),
        loss=plain_number(loss),
        baseline=plain_number(baseline),
        created_at=run.created_at,
        created_text=ago_text((datetime.now(UTC) - run.created_at).total_seconds()),
        can_cancel=not is_over,
        sweep=sweep,
    )


def summary_of(config: Mapping[str, Any]) -> str:
    """Say a configuration in a few words: cell, activation, size, task, length.

    >>> summary_of({"task": {"kind": "adding", "length": 100},
    ...             "model": {"cell": "elman", "activation": "tanh", "hidden_size": 64}})
    'elman tanh · H 64 · adding T 100'
    """
    model, task = config.get("model", {}), config.get("task", {})
    activation = model.get("activation")
    if isinstance(activation, Mapping):
        activation = activation.get("kind")
    words: Sequence[object] = (model.get("cell", ""), activation or "")
    parts = [" ".join(str(word) for word in words if word)]
    if "hidden_size" in model:
        layers = model.get("layers", 1)
        directions = " × 2 ways" if model.get("bidirectional") else ""
        size = f"H {model['hidden_size']}" + (f" × {layers}" if layers > 1 else "")
        parts.append(size + directions)
    length = f" T {task['length']}" if task.get("length") else ""
    parts.append(f"{task.get('kind', '')}{length}".replace("_", " "))
    return " · ".join(part for part in parts if part)


def seed_of(config: Mapping[str, Any]) -> str:
    """Say the seed, in which runs of a sweep or of a remedy differ.

    >>> seed_of({"seed": 3})
    'seed 3'
    """
    return f"seed {config.get('seed', 0)}"


def progress_text(run: Run, ahead: int | None) -> str:
    """Say how long a run still takes or took, or how many are ahead of it in the queue."""
    if run.status == "queued" and ahead is not None:
        return f"{ahead} ahead" if ahead else "next in the queue"
    if run.status == "running" and run.eta_seconds is not None:
        return f"{duration_text(run.eta_seconds)} left"
    if run.started_at is not None and run.finished_at is not None:
        return f"took {duration_text((run.finished_at - run.started_at).total_seconds())}"
    return ""


def ago_text(seconds: float) -> str:
    """Write how long ago something was.

    >>> ago_text(5), ago_text(7300)
    ('just now', '2 h ago')
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def duration_text(seconds: float) -> str:
    """Write a time as 0:42, 12:05 or 1:02:33.

    >>> duration_text(42.4), duration_text(3753)
    ('0:42', '1:02:33')
    """
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
