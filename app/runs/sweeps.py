"""Sweeps: grids of runs, made together and looked at together."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.runs.grids import axis_label, label_of, pointer_of, read_grid
from app.runs.limits import stored_bytes
from app.runs.service import RunService
from app.runs.states import TERMINAL, IllegalTransition, RunStatus
from app.store import Member, NewMember, Run, RunNotFound, SelectionError, Store, Sweep, Tally
from app.store.run_table import NewRun
from engine import ConfigError, Estimate, Problem

RESULTS: Final = (RunStatus.SUCCEEDED, RunStatus.DIVERGED)  # a run with another end has none
Z95: Final = 1.959964  # the normal distribution has 95 % within so many standard deviations


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a grid will make, and what that takes.

    Attributes:
        runs: How many runs.
        steps: Their training steps in all.
        memory: Bytes that the largest of them takes.
        stored: Bytes that all of them keep.
        refused: The combinations that cannot be run, and why.
    """

    runs: int
    steps: int
    memory: int
    stored: int
    refused: Sequence[tuple[Mapping[str, Any], str]]


class Sweeps:
    """The verbs of sweeps."""

    def __init__(self, store: Store, runs: RunService, most_runs: int) -> None:
        """Make sweeps of at most so many runs."""
        self._store = store
        self._runs = runs
        self._most = most_runs

    def create(
        self, body: Mapping[str, Any], idempotency_key: str | None = None
    ) -> tuple[Sweep, bool]:
        """Queue the runs of a grid, all of them or none; combinations that are refused are skipped.

        Args:
            body: `base`, `axes` and, where there are several runs of each combination, `repeats`.
            idempotency_key: The same key with the same body makes one sweep only.

        Returns:
            The sweep, and whether this call made it.

        Raises:
            ConfigError: It is no grid, too large, or none of its combinations can be run.
            IdempotencyConflict: The key came before with another body.
            QueueFull: There is no room for all of its runs.
        """
        before = self._store.sweeps.made_before(idempotency_key, body)
        if before is not None:
            return before, False
        grid = read_grid(body, self._most)
        members: list[NewMember] = []
        skipped: list[dict[str, Any]] = []
        refusals: list[tuple[dict[str, Any], ConfigError]] = []
        for cell, values in grid.combinations():
            try:
                configs = grid.configurations(values)
                runs = [NewRun(*self._runs.described(config)) for config in configs]
            except ConfigError as error:
                refusals.append((values, error))
                skipped.append({"cell": cell, "values": values, "reason": str(error)})
            else:
                members += [NewMember(cell, repeat, run) for repeat, run in enumerate(runs)]
        if not members:
            raise ConfigError(_places_of(refusals, grid.axes))
        name = grid.base.get("name") or " × ".join(axis_label(path) for path in grid.axes)
        return self._runs.create_sweep(body, name, members, skipped, idempotency_key)

    def preview(self, body: Mapping[str, Any]) -> Preview:
        """Return what a grid will make and take, without making it.

        Raises:
            ConfigError: It is no grid, too large, or none of its combinations can be run.
        """
        grid = read_grid(body, self._most)
        needed: list[Estimate] = []
        steps = 0
        refusals: list[tuple[dict[str, Any], ConfigError]] = []
        for _, values in grid.combinations():
            try:
                config = grid.configurations(values)[0]
                needed.append(self._runs.affordable(config))
            except ConfigError as error:
                refusals.append((values, error))
            else:
                steps += int(config["training"]["steps"]) * grid.repeats
        if not needed:
            raise ConfigError(_places_of(refusals, grid.axes))
        return Preview(
            runs=len(needed) * grid.repeats,
            steps=steps,
            memory=max(each.memory for each in needed),
            stored=sum(stored_bytes(each) for each in needed) * grid.repeats,
            refused=[(values, str(error)) for values, error in refusals],
        )

    def cancel(self, sweep_id: str) -> Sweep:
        """Cancel every run of a sweep that is not over.

        Raises:
            SweepNotFound: There is no such sweep.
            IllegalTransition: All of its runs are over, and none was cancelled.
        """
        sweep = self._store.sweeps.get(sweep_id)
        runs = [member.run for member in self._store.sweeps.members(sweep_id)]
        waiting = [run for run in runs if run.status not in TERMINAL]
        if not waiting and not any(run.status == RunStatus.CANCELLED for run in runs):
            raise IllegalTransition(sweep_id, "finished", "cancel", what="sweep")
        for run in reversed(waiting):  # the last first: no worker takes the next one meanwhile
            self._runs.cancel_unless_over(run.id)
        return sweep

    def delete(self, sweep_id: str, *, with_runs: bool) -> None:
        """Delete a sweep, and its runs where that is wanted and all of them are over.

        Raises:
            SweepNotFound: There is no such sweep.
            IllegalTransition: A run that is to go with it is not over.
        """
        self._store.sweeps.get(sweep_id)
        runs = [member.run for member in self._store.sweeps.members(sweep_id)] if with_runs else []
        if any(run.status not in TERMINAL for run in runs):
            raise IllegalTransition(sweep_id, "running", "delete", what="sweep")
        for run in runs:
            with contextlib.suppress(RunNotFound):
                self._runs.delete(run.id)
        self._store.sweeps.delete(sweep_id)


def _places_of(
    refusals: Sequence[tuple[Mapping[str, Any], ConfigError]], axes: Mapping[str, Sequence[Any]]
) -> list[Problem]:
    """Return where the values stand for which no combination can be run; at least `/axes`."""
    found: dict[str, str] = {}
    for values, error in refusals:
        for problem in error.problems:
            for path, value in values.items():
                place = pointer_of(path)
                if problem.pointer == place or problem.pointer.startswith(f"{place}/"):
                    index = list(axes[path]).index(value)
                    inside = problem.pointer.removeprefix(place)
                    found.setdefault(f"/axes{_one(path)}/{index}{inside}", problem.detail)
    reason = f"no combination can be run: {refusals[0][1]}"
    return [Problem(*each) for each in found.items()] or [Problem("/axes", reason)]


def _one(path: str) -> str:
    return "/" + path.replace("~", "~0").replace("/", "~1")


def status_of(tallies: Mapping[str, Tally]) -> str:
    """Return how far a sweep is: queued, running, finished, or cancelled."""
    if not set(tallies) <= TERMINAL:
        return "queued" if set(tallies) == {RunStatus.QUEUED} else "running"
    return "cancelled" if RunStatus.CANCELLED in tallies else "finished"


def values_of(sweep: Sweep, cell: int) -> dict[str, Any]:
    """Return the value on each axis of a combination of a sweep."""
    places = np.unravel_index(cell, [len(values) for values in sweep.axes.values()])
    return {path: sweep.axes[path][place] for path, place in zip(sweep.axes, places, strict=True)}


def _loss(run: Run) -> float | None:
    return run.final_loss


def _success(run: Run) -> float | None:
    """Return 1 where the final loss is under the one that counts as solved, else 0 (NaN too)."""
    below = run.facts.get("solved_below")
    if below is None or run.final_loss is None:
        return None
    return float(run.final_loss < below)


def _figure(name: str) -> Callable[[Run], float | None]:
    def read(run: Run) -> float | None:
        value = (run.verdict or {}).get(name)
        return None if value is None else float(value)

    return read


VALUES: Final[Mapping[str, Callable[[Run], float | None]]] = {
    "final_loss": _loss,
    "reach": _figure("reach"),
    "decay": _figure("decay"),
    "span": _figure("span"),
    "success": _success,
}


def axes_of(sweep: Sweep, x: str | None, y: str | None) -> tuple[str, str | None]:
    """Return the axes of a matrix; what is not asked for is the first that is left.

    Raises:
        SelectionError: The sweep has no such axis, or both are the same.
    """
    for name, axis in (("x", x), ("y", y)):
        if axis is not None and axis not in sweep.axes:
            raise SelectionError(name, f"no axis {axis!r}; known: {', '.join(sweep.axes)}")
    if x is None:
        x = next((axis for axis in sweep.axes if axis != y), y)
    if x is None or x == y:
        raise SelectionError("y", f"{y!r} is x already")
    return x, y or next((axis for axis in sweep.axes if axis != x), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What the runs of one cell of a matrix came to.

    Attributes:
        runs: All of them, over or not.
        count: Those that have a value.
        middle: Their median, a NaN counting as the greatest; of `success` the share. None where
            no run has a value.
        low, high: Where the middle half of the runs lies (the order statistics around the
            quartiles); of `success` Wilson's 95 % interval of the share.
    """

    runs: tuple[str, ...]
    count: int
    middle: float | None
    low: float | None
    high: float | None


def matrix(
    sweep: Sweep, members: Sequence[Member], x: str, y: str | None, value: str
) -> list[list[Cell]]:
    """Return the cells of a sweep over two axes, a row for each value of y (one where None).

    Runs with the same x and y fall together, whatever their seed and their other values.
    """
    axes = list(sweep.axes)
    shape = [len(values) for values in sweep.axes.values()]
    height = 1 if y is None else shape[axes.index(y)]
    grid: list[list[list[Run]]] = [[[] for _ in sweep.axes[x]] for _ in range(height)]
    for member in members:
        places = np.unravel_index(member.cell, shape)
        row = 0 if y is None else places[axes.index(y)]
        grid[row][places[axes.index(x)]].append(member.run)
    return [[cell_of(runs, value) for runs in row] for row in grid]


def cell_of(runs: Sequence[Run], value: str) -> Cell:
    """Return what some runs came to."""
    read = VALUES[value]
    found = [read(run) for run in runs if run.status in RESULTS]
    known = [each for each in found if each is not None]
    ids = tuple(run.id for run in runs)
    if not known:
        return Cell(runs=ids, count=0, middle=None, low=None, high=None)
    low, middle, high = _share(known) if value == "success" else _median(known)
    return Cell(runs=ids, count=len(known), middle=middle, low=low, high=high)


def _median(values: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile; quartiles are values that were found."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))  # NaN comes last
    last = len(ordered) - 1
    low, high = ordered[int(np.floor(last / 4))], ordered[int(np.ceil(3 * last / 4))]
    below, above = ordered[last // 2], ordered[(last + 1) // 2]
    middle = below if below == above else below / 2 + above / 2  # no sum that overflows
    return float(low), float(middle), float(high)


def _share(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the share of ones within its 95 % interval.

    With n values, share p and z = 1.96 (Wilson 1927):
        (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
    """
    n, p = len(values), sum(values) / len(values)
    center = p + Z95**2 / (2 * n)
    width = Z95 * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    scale = 1 + Z95**2 / n
    # The bounds at 0 and 1 are exact; rounding may step over them.
    return max(0.0, float((center - width) / scale)), p, min(1.0, float((center + width) / scale))


def success_by_lag(
    sweep: Sweep, members: Sequence[Member]
) -> dict[str, list[tuple[int, float, float, float]]]:
    """Return needed lag, share of success and its interval for every model of a sweep.

    A model is a combination of the axes outside the task; lags without a result are left out.
    """
    found: dict[str, dict[int, list[Run]]] = {}
    for member in members:
        values = values_of(sweep, member.cell)
        own = {path: one for path, one in values.items() if path.partition(".")[0] != "task"}
        lag = member.run.facts.get("needed_lag")
        if lag is not None:
            model = found.setdefault(label_of(own) or sweep.name, {})
            model.setdefault(int(lag), []).append(member.run)
    points = {
        name: [(lag, cell_of(runs, "success")) for lag, runs in lags.items()]
        for name, lags in found.items()
    }
    known = {
        name: [
            (lag, cell.middle, cell.low, cell.high)
            for lag, cell in each
            if cell.middle is not None and cell.low is not None and cell.high is not None
        ]
        for name, each in points.items()
    }
    return {name: each for name, each in known.items() if each}
