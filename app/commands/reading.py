"""`gradtide ls` and `gradtide show`: the store in a terminal."""

import json
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from app.commands.settings import err, out, store_of
from app.commands.verdicts import verdict_lines
from app.runs.states import RunStatus
from app.settings import Settings
from app.store import Run, RunNotFound, Store

COLOURS = {"succeeded": "green", "running": "blue", "failed": "red", "diverged": "magenta"}
MIN_PREFIX = 4


def print_runs(settings: Settings, *, status: str | None, limit: int) -> int:
    """Print the newest runs as a table, of one status or all; return the exit code."""
    if status is not None and status not in set(RunStatus):
        err.print(f"unknown status {escape(repr(status))}; known: {', '.join(RunStatus)}")
        return 2
    store = store_of(settings)
    runs, more = store.runs.page(status=status, limit=limit)
    store.close()
    if not runs and status is None:
        out.print("No runs yet. Start one with: gradtide train CONFIG.json")
        return 0
    if not runs:
        out.print(f"No run is {status}.")
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Run", "Status", "Steps", "Loss", "Gradient", "Made", "Name"):
        table.add_column(heading, no_wrap=heading != "Name")
    for run in runs:
        table.add_row(
            run.id[:8],
            _coloured(run.status),
            f"{run.step}/{run.steps}",
            "" if run.loss is None else f"{run.loss:.4g}",
            "" if run.verdict is None else run.verdict["word"],
            _ago(run.created_at),
            escape(run.name),
        )
    out.print(table)
    out.print("Loss is the training loss's mean over the last 100 steps.")
    if more:
        out.print(f"… and more; these are the newest {limit}.")
    return 0


def print_run(settings: Settings, prefix: str) -> int:
    """Print one run, found by its id or how that begins; return the exit code."""
    store = store_of(settings)
    try:
        run = find_run(store, prefix)
        if run is None:
            return 1
        _print_details(store, run)
        return 0
    finally:
        store.close()


def find_run(store: Store, prefix: str) -> Run | None:
    """Return the run of an id, or of how it begins; None where that has been told to be wrong."""
    try:
        return store.runs.get(prefix)
    except RunNotFound:
        found = sorted(each for each in store.runs.ids() if each.startswith(prefix))
    if len(found) == 1 and len(prefix) >= MIN_PREFIX:
        return store.runs.get(found[0])
    if found:
        err.print(f"{len(found)} runs begin with {escape(prefix)}: give more of the id")
    else:
        err.print(f"No run begins with {escape(prefix)}")
    return None


def _print_details(store: Store, run: Run) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "Run": run.id,
        "Name": escape(run.name),
        "Status": _coloured(run.status),
        "Steps": f"{run.step} of {run.steps}",
        "Loss": "" if run.loss is None else f"{run.loss:.6g}, mean of the last 100 steps",
        **{label: escape(text) for label, text in verdict_lines(run)},
        "Error": escape(run.error or ""),
        "Tags": escape(", ".join(run.tags)),
        "Made": f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "Recorded": f"{run.recorded_rows} frames, {run.recorded_series} steps",
        "Checkpoints": ", ".join(str(each.step) for each in store.checkpoints.list(run.id)),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    out.print(table)
    for info in store.arrays.describe(run.id):
        axes = ", ".join(f"{axis} {size}" for axis, size in zip(info.axes, info.shape, strict=True))
        out.print(f"  {info.name} ({axes}), {info.scale}")
    out.print_json(json.dumps(run.config))


def _coloured(status: str) -> str:
    return f"[{COLOURS.get(status, 'default')}]{status}[/]"


def _ago(moment: datetime) -> str:
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
