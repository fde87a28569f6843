"""What the runs of a sweep came to: matrices over two axes, and success against the needed lag."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from app.runs.grids import label_of
from app.runs.states import RESULTS
from app.store import Member, Run, SelectionError, Sweep

Z95: Final = 1.959964  # the normal distribution has 95 % within so many standard deviations


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


def verdict_number(run: Run, name: str) -> float | None:
    """Return a number of a run's verdict; None where there is none, or it is not defined."""
    value = (run.verdict or {}).get(name)
    return None if value is None else float(value)  # what JSON lacks is a word, "-Infinity"


VALUES: Final[Mapping[str, Callable[[Run], float | None]]] = {
    "final_loss": _loss,
    "reach": partial(verdict_number, name="reach"),
    "decay": partial(verdict_number, name="decay"),
    "span": partial(verdict_number, name="span"),
    "log10_span": partial(verdict_number, name="log10_span"),  # which never underflows
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
