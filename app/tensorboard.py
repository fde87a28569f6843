"""A run as an event file for TensorBoard: curves, and histograms at every frame.

    a curve       for each layer, gate, parameter or quantity of a statistic that has no more axes
    a histogram   of what a statistic says over its times, units and ranks, at each recorded step
    counts        of a histogram that is recorded as such, those of all times together

What is not defined is left out; so is what is not finite, where it would be part of a histogram.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.definedness import undefined
from app.event_file import Histogram, Value, first_record, record
from app.store import ArrayInfo, Run, Slice, Span, Store

MEDIA_TYPE: Final = "application/x-tensorboard-events"
SUFFIX: Final = "tfevents"
"""TensorBoard takes every file whose name holds this."""

SPREAD: Final = frozenset({"time", "loss_time", "state_time", "unit", "rank", "bin"})
"""Axes over which a statistic is a distribution and no curve."""

BUCKETS: Final = 30
STEPS_AT_ONCE: Final = 64

NAMED: Mapping[str, str] = MappingProxyType({"layer": "layer ", "gate": "gate "})
LOGARITHMIC: Final = frozenset({"parameter_gradient_histogram"})
"""Counts between limits that are powers of ten: their axis is the logarithm."""


def events(store: Store, run: Run) -> Iterator[bytes]:
    """Yield an event file, statistic by statistic."""
    began = (run.started_at or run.created_at).timestamp()
    yield first_record(began)
    for info in store.arrays.describe(run.id):
        steps = info.coords["step"]
        for first in range(0, len(steps), STEPS_AT_ONCE):
            chosen = steps[first : first + STEPS_AT_ONCE]
            span = Span(start=chosen[0], stop=chosen[-1])
            part = store.arrays.read(run.id, info.name, {"step": span})
            yield from _records(began, part, run)


def tags_of(info: ArrayInfo | Slice) -> Sequence[str]:
    """Return the name of each curve or histogram of a statistic.

    They go along its axes that are no spread, the last axis fastest.
    """
    kept = [axis for axis in info.axes[1:] if axis not in SPREAD]
    names = [[f"{NAMED.get(axis, '')}{one}" for one in info.coords[axis]] for axis in kept]
    return ["/".join((info.name, *parts)) for parts in product(*names)]


def _records(began: float, part: Slice, run: Run) -> Iterator[bytes]:
    missing = undefined(part, run)
    if missing is not None and missing.all():
        return
    values = part.values if missing is None else np.where(missing, np.nan, part.values)
    axes = range(1, len(part.axes))
    kept = [axis for axis in axes if part.axes[axis] not in SPREAD]
    # Curves first, then what is spread; of counts the bins stay last and all else is summed.
    spread = [axis for axis in axes if part.axes[axis] in SPREAD and part.axes[axis] != "bin"]
    bins = [axis for axis in axes if part.axes[axis] == "bin"]
    tags, counted = tags_of(part), bool(bins)
    turned = values.transpose(0, *kept, *spread, *bins)
    width = len(part.coords["bin"]) if counted else -1
    rows = turned.reshape(len(turned), len(tags), -1, width if counted else 1)
    for step, row in zip(part.coords["step"], rows, strict=True):
        found = [
            (tag, value)
            for tag, of in zip(tags, row, strict=True)
            if (value := _value(part, of, spread=bool(spread))) is not None
        ]
        if found:
            yield record(began, int(step), found)


def _value(part: Slice, values: NDArray[Any], *, spread: bool) -> Value | None:
    """Return what a tag has at one step; `values` are (spread, bins or 1)."""
    if "bin" in part.axes:
        return _of_counts(part, values.astype(np.float64))
    if not spread:
        number = float(values[0, 0])
        # Of a training step it is what the loss became; of a frame, that nothing was recorded.
        return None if np.isnan(number) and values.dtype == np.float32 else number
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return None
    counts, edges = np.histogram(finite, BUCKETS)
    return Histogram(limits=edges[1:], counts=counts.astype(np.float64), start=float(edges[0]))


def _of_counts(part: Slice, counts: NDArray[np.float64]) -> Histogram | None:
    """Return counts that are recorded as such; None where they are not defined."""
    total = counts.sum(axis=0)
    if np.isnan(total).any():
        return None
    edges = np.asarray(part.coords["bin"], dtype=np.float64)
    if part.name in LOGARITHMIC:  # the bins of exact zeros and of the tail lie under the others
        decades = np.log10(edges[2:])
        width = decades[1] - decades[0]
        edges = np.concatenate([decades[0] - width * np.array([2, 1]), decades])
    limits = np.concatenate([edges[1:], [2 * edges[-1] - edges[-2]]])
    start = edges[0] if np.isfinite(edges[0]) else 2 * edges[1] - edges[2]
    return Histogram(limits=limits, counts=total, start=float(start))
