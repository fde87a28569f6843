"""From log10 magnitudes to colours: ratio, limits, clamping, and the kinds of a cell.

`static/js/plots/scale.js` holds the same functions for the page, so that switching the
mode or the range needs no network; one file of vectors (tests/js/vectors/scale.json)
holds the two equal.

A cell's kind is one of
    0 finite        an ordinary number
    1 zero          log10 = −inf: an exact zero
    2 below         at the floor under which the sweep could not tell numbers apart
    3 not finite    NaN or infinite in truth
    4 undefined     no number exists there (k > t), or none was recorded
"""

import math
from collections.abc import Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.figures.base import Decades, FloatArray, Mode

# log10 of 2⁻¹⁰⁰ and 2⁻⁹⁰⁰: how far under a row's largest entry the sweep resolves.
RESOLUTION = {"float32": 100 * math.log10(2.0), "float64": 900 * math.log10(2.0)}
# A floor is a mean over samples whose maxima lie in different units, so it comes out
# a little above the floor of the largest unit.
FLOOR_SLACK = 0.5


class Kind(IntEnum):
    """What a cell of a heatmap holds."""

    FINITE = 0
    ZERO = 1
    BELOW = 2
    NOT_FINITE = 3
    UNDEFINED = 4


def limits(mode: Mode, decades: Decades) -> tuple[float, float]:
    """Ends of the colour scale in decades.

    A ratio is centred on 1. A magnitude spans as many decades, moved down by half the
    range: gradients of a mean loss lie under 1 more often than over it.
    """
    if mode == "ratio":
        return -float(decades), float(decades)
    return -1.5 * decades, 0.5 * decades


def clamp(values: ArrayLike, low: float, high: float) -> FloatArray:
    """Finite values moved into [low, high]; what is not finite stays as it is."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), np.clip(numbers, low, high), numbers)


def ratio(log10: ArrayLike, reference: ArrayLike) -> FloatArray:
    """log10 of the ratio to a reference that broadcasts against the values.

    An exact zero stays −inf. A finite value has no ratio to a zero, infinite or NaN
    reference: NaN.
    """
    values = np.asarray(log10, dtype=np.float64)
    base = np.broadcast_to(np.asarray(reference, dtype=np.float64), values.shape)
    out = np.full(values.shape, np.nan)
    usable = np.isfinite(values) & np.isfinite(base)
    np.subtract(values, base, out=out, where=usable)
    out[np.isneginf(values)] = -np.inf
    out[np.isposinf(values)] = np.inf
    return out


def kinds(
    log10: ArrayLike,
    *,
    floor: ArrayLike | None = None,
    undefined: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Kind of every cell.

    Args:
        log10: the values.
        floor: where given (broadcast), finite values at or under it are below resolution.
        undefined: where given, cells at which no number exists.

    Returns:
        An array of `Kind`, shaped as the values.
    """
    values = np.asarray(log10, dtype=np.float64)
    found = np.full(values.shape, Kind.FINITE, dtype=np.uint8)
    if floor is not None:
        found[np.isfinite(values) & (values <= np.asarray(floor))] = Kind.BELOW
    found[np.isneginf(values)] = Kind.ZERO
    found[np.isnan(values) | np.isposinf(values)] = Kind.NOT_FINITE
    if undefined is not None:
        found[undefined] = Kind.UNDEFINED
    return found


def resolution_floor(rows: ArrayLike, precision: str) -> FloatArray:
    """The floor of each row [R, N]: its largest finite entry less the resolution; [R, 1]."""
    values = np.asarray(rows, dtype=np.float64)
    finite = np.where(np.isfinite(values), values, -np.inf)
    largest = finite.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(largest - RESOLUTION.get(precision, RESOLUTION["float32"]) + FLOOR_SLACK)


def edges(centres: ArrayLike) -> FloatArray:
    """Borders of the cells around the centres: midway, and as far out at the ends."""
    points = np.asarray(centres, dtype=np.float64)
    if points.size == 0:
        return np.empty(0)
    if points.size == 1:
        return np.array([points[0] - 0.5, points[0] + 0.5])
    middle = (points[1:] + points[:-1]) / 2
    first, last = 2 * points[0] - middle[0], 2 * points[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def rectangles(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Cover a mask [rows, columns] with (column, column end, row, row end), ends excluded.

    Runs of one column are joined with equal runs of the next, so that a diverged column
    or a triangle of zeros costs few rectangles.
    """
    done: list[tuple[int, int, int, int]] = []
    open_runs: dict[tuple[int, int], int] = {}
    # A column like the one before it neither ends nor opens a run.
    differs = (mask[:, 1:] != mask[:, :-1]).any(axis=0)
    for column in np.flatnonzero(np.concatenate([[True], differs])[: mask.shape[1]]).tolist():
        runs = set(_runs(mask[:, column]))
        for run in [run for run in open_runs if run not in runs]:
            done.append((open_runs.pop(run), column, *run))
        for run in sorted(runs):
            open_runs.setdefault(run, column)
    done.extend((start, mask.shape[1], *run) for run, start in open_runs.items())
    return sorted(done)


def outline(
    boxes: Iterable[tuple[int, int, int, int]], x_edges: FloatArray, y_edges: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Corners of the rectangles as one path, NaN between them."""
    xs: list[float] = []
    ys: list[float] = []
    for left, right, low, high in boxes:
        x0, x1, y0, y1 = x_edges[left], x_edges[right], y_edges[low], y_edges[high]
        xs += [x0, x1, x1, x0, x0, np.nan]
        ys += [y0, y0, y1, y1, y0, np.nan]
    return np.asarray(xs[:-1]), np.asarray(ys[:-1])


def _runs(column: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of every run of true cells."""
    steps = np.diff(np.concatenate([[False], column, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
