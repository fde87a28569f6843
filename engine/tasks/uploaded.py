"""What the tasks of uploaded data share: options, where the held-out part lies, baselines.

The split hangs on the data and the wanted share alone, so all runs of a data set hold out the same
part, whatever their seed. What normalises the data is measured on the training part.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from annotated_types import Interval, Len
from numpy.typing import NDArray

from engine.arrays import Array
from engine.errors import ConfigError, Problem
from engine.schema import Doc
from engine.tasks.base import LONGEST, Batch, Streams, TaskOptions, generator

MOST_HELD_OUT = 256
"""Windows or sequences that a validation sweeps: a mean within a few per cent, at little cost."""

PART = 65_536
"""Rows that are looked at together."""

Normalization = Literal["standard", "range", "none"]
Normalize = Annotated[
    Normalization,
    Doc(
        "How numbers are scaled, by what the training part measures: `standard` to mean 0 and "
        "deviation 1, `range` to 0 … 1, `none` as they are."
    ),
]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadedOptions(TaskOptions):
    """What every task of uploaded data can be told."""

    dataset: Annotated[
        Annotated[str, Len(1, 64)] | None,
        Doc("The uploaded data set to learn from.", title="Data set"),
    ] = None
    needed_lag: Annotated[
        Annotated[int, Interval(ge=0, le=LONGEST)] | None,
        Doc("How many steps back an answer needs, where that is known."),
    ] = None


class Shaped(Protocol):
    """What a look at shapes asks of an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""


AnyShaped = TypeVar("AnyShaped", bound=Shaped)


def refuse(pointer: str, detail: str) -> ConfigError:
    """Return the refusal of a configuration that does not fit its data."""
    return ConfigError([Problem(pointer, detail)])


def one_of(data: Mapping[str, AnyShaped], name: str, axes: int) -> AnyShaped:
    """Return an array of the data that has so many axes.

    Raises:
        ConfigError: It is missing, or has another number of axes.
    """
    array = data.get(name)
    if array is None:
        known = ", ".join(sorted(data))
        raise refuse("/task/dataset", f"{name}: expected among the arrays, got {known or 'none'}")
    if len(array.shape) != axes:
        detail = f"{name}: expected {axes} axes, got an array of shape {array.shape}"
        raise refuse("/task/dataset", detail)
    return array


class Scaling(NamedTuple):
    """value → (value − offset) / scale, a pair for each column."""

    offset: Doubles
    scale: Doubles

    def applied(self, values: Array) -> Array:
        """Return scaled values."""
        scaled: Array = (values - self.offset) / self.scale
        return scaled


def scaling(how: Normalization, parts: Callable[[], Iterator[Array]], columns: int) -> Scaling:
    """Measure the scaling of columns; a missing value counts for nothing, a constant stays one.

    Args:
        how: "standard", "range" or "none".
        parts: Yields the values again and again, (rows, columns) at a time.
        columns: Number of columns.
    """
    if how == "none":
        return Scaling(np.zeros(columns), np.ones(columns))
    if how == "range":
        low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
        for part in parts():
            low, high = np.fmin(low, np.fmin.reduce(part)), np.fmax(high, np.fmax.reduce(part))
        offset, width = np.where(np.isfinite(low), low, 0.0), high - low
    else:
        offset = _mean(parts, lambda part: part, columns)
        width = np.sqrt(_mean(parts, lambda part: (part - offset) ** 2, columns))
    return Scaling(offset, np.where(np.isfinite(width) & (width > 0), width, 1.0))


def _mean(
    parts: Callable[[], Iterator[Array]], made: Callable[[Array], Array], columns: int
) -> Doubles:
    total, count = np.zeros(columns), np.zeros(columns)
    for part in parts():
        values = made(part.astype(np.float64))
        known = ~np.isnan(values)
        total += np.where(known, values, 0.0).sum(axis=0)
        count += known.sum(axis=0)
    mean: Doubles = total / np.maximum(count, 1)
    return mean


Pairs = Callable[[], Iterator[tuple[Array, Array]]]


def affine_baseline(pairs: Pairs, inputs: int, outputs: int) -> float:
    """Return the mean squared error of the best affine map from x_t alone to what is asked at t.

    Args:
        pairs: Yields inputs (rows, D) and targets (rows, K) again and again.
        inputs: D.
        outputs: K.
    """
    gram, moment = np.zeros((inputs + 1, inputs + 1)), np.zeros((inputs + 1, outputs))
    for x, y in pairs():
        known = _with_one(x)
        gram += known.T @ known
        moment += known.T @ y.astype(np.float64)
    weights = np.linalg.lstsq(gram, moment, rcond=None)[0]
    total, rows = 0.0, 0
    for x, y in pairs():
        total += float(((_with_one(x) @ weights - y) ** 2).sum()) / outputs
        rows += len(x)
    return total / max(rows, 1)


def _with_one(x: Array) -> Doubles:
    return np.concatenate([x.astype(np.float64), np.ones((len(x), 1))], axis=1)


def entropy_of(counts: NDArray[np.integer[Any]]) -> float:
    """Return the entropy of a distribution in nats, from how often each outcome came."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def split_at(total: int, share: float) -> int:
    """Return where the held-out end of `total` steps in a row begins."""
    return total - max(1, math.floor(total * share + 0.5))


def spread_out(starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most MOST_HELD_OUT of the starts, evenly spread."""
    if starts.size <= MOST_HELD_OUT:
        return starts
    return starts[np.linspace(0, starts.size - 1, MOST_HELD_OUT).round().astype(np.intp)]


class Windows(NamedTuple):
    """Where the windows of a stretch of steps begin."""

    training: NDArray[np.intp]
    held_out: NDArray[np.intp]


def windows(
    total: int, options: TaskOptions, ahead: int, is_asked: NDArray[np.bool_] | None = None
) -> Windows:
    """Return where windows may begin: any place of the first part, side by side in the held-out.

    Args:
        total: Steps in a row.
        options: Of the task: its length T and the share that is held out.
        ahead: How far beyond its step a target lies.
        is_asked: Whether a target at a step is known; windows without any are left out.

    Raises:
        ConfigError: A part is too short for a window.
    """
    T, border = options.length, split_at(total, options.validation)
    found = []
    for name, first, last, stride in (
        ("training", 0, border, 1),
        ("held-out", border, total, T),
    ):
        starts = np.arange(first, last - T - ahead + 1, stride)
        if not starts.size:
            detail = (
                f"the {name} part has {last - first} of {total} steps, a window of {T} with its "
                f"targets takes {T + ahead}"
            )
            raise refuse("/task/length", detail)
        if is_asked is not None:
            passed = np.concatenate([[0], np.cumsum(is_asked)])
            starts = starts[passed[starts + T + ahead] > passed[starts + ahead]]
            if not starts.size:
                raise refuse("/task/dataset", f"the {name} part has no known value to ask for")
        found.append(starts)
    return Windows(found[0], spread_out(found[1]))


Looks = tuple[
    Callable[[np.random.Generator, int], Batch], Callable[[], Batch], Callable[[int], Batch]
]


def looks(
    batch: Callable[[NDArray[np.intp]], Batch],
    training: NDArray[np.intp],
    held_out: NDArray[np.intp],
    streams: Streams,
) -> Looks:
    """Return what `Task.draw`, `Task.held_out` and `Task.watched` need.

    Args:
        batch: Makes a batch of sequences by what they are known by.
        training: What training draws from.
        held_out: The validation set.
        streams: The run's streams.
    """

    def draw(rng: np.random.Generator, size: int) -> Batch:
        return batch(training[rng.integers(0, training.size, size)])

    def watched(size: int) -> Batch:
        rng = generator(streams.probe)
        if training.size < size:  # every one of them, some again
            return batch(np.resize(rng.permutation(training), size))
        return batch(training[rng.choice(training.size, size, replace=False)])

    return draw, lambda: batch(held_out), watched
