"""The next value of uploaded columns.

Data: a vector for each column, by its name, all of one length; NaN is a missing value.
Inputs: the columns that are read at step t. A missing value is the last known one; before the first
    it is the mean of the training part.
Target: the asked columns a steps ahead, asked at every step of a window of T at which they are all
    known, mean squared error of the normalised values.
Baseline: the best affine map from x_t alone, fitted to the training part: more than the value
    itself, less than a curve.
Needed lag: unknown, unless the configuration says it.
Solved: under a tenth of the baseline; the least loss counts as 0.
Held out: the end of the columns, windows side by side, at most 256 of them evenly spread.
Source: definition.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval, Len
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array, BoolArray
from engine.bounds import LONGEST_COLUMN, MOST_COLUMNS
from engine.schema import Doc
from engine.tasks.base import LONGEST, Batch, Data, Streams, Task, TaskDefinition
from engine.tasks.uploaded import (
    PART,
    Normalize,
    UploadedOptions,
    affine_baseline,
    looks,
    one_of,
    refuse,
    scaling,
    split_at,
    windows,
)

Columns = tuple[Annotated[str, Len(1, LONGEST_COLUMN)], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesOptions(UploadedOptions):
    """Options of the series."""

    title: ClassVar[str] = "Series, value by value"
    purpose: ClassVar[str] = (
        "Your own measurements: at every step the network reads the columns' values and has to "
        "say those that come some steps ahead."
    )
    formula: ClassVar[str] = "x_{t+a} of the asked columns"
    source: ClassVar[str] = "definition"

    length: Annotated[
        int, Interval(ge=1, le=LONGEST), Doc("Steps T of each window.", title="Window length")
    ] = 50
    ahead: Annotated[
        int, Interval(ge=1, le=1000), Doc("How many steps ahead the asked value lies.")
    ] = 1
    inputs: Annotated[
        Columns, Len(0, MOST_COLUMNS), Doc("Columns that are read, by commas. Left empty: all.")
    ] = ()
    targets: Annotated[
        Columns,
        Len(0, MOST_COLUMNS),
        Doc("Columns whose value is asked, by commas. Left empty: those that are read."),
    ] = ()
    normalize: Normalize = "standard"
    kind: Literal["series"] = "series"


def columns_of(data: Data) -> int:
    """Return how many rows the columns have.

    Raises:
        ConfigError: There is none, they differ in length, or one is no vector of numbers.
    """
    rows: dict[str, int] = {}
    for name, column in data.items():
        rows[name] = one_of(data, name, 1).size
        if column.dtype.kind not in "fui":
            raise refuse("/task/dataset", f"{name}: expected numbers, got {column.dtype}")
    if len(set(rows.values())) != 1:
        told = ", ".join(f"{name} {count}" for name, count in rows.items()) or "no column"
        raise refuse("/task/dataset", f"expected columns of one length, got {told}")
    return next(iter(rows.values()))


def _chosen(names: Sequence[str], data: Data, field: str) -> list[str]:
    for index, name in enumerate(names):
        if name not in data:
            detail = f"unknown column {name!r}; known: {', '.join(data)}"
            raise refuse(f"/task/{field}/{index}", detail)
    return list(names)


def _scaled(
    data: Data, names: Sequence[str], options: SeriesOptions, border: int, dtype: DTypeLike
) -> Array:
    """Return columns side by side, (rows, columns), scaled by the rows before the border."""
    values = np.stack([data[name] for name in names], axis=1)

    def parts() -> Iterator[Array]:
        for start in range(0, border, PART):
            yield values[start : min(start + PART, border)]

    found = scaling(options.normalize, parts, len(names))
    scaled = np.empty(values.shape, dtype)
    for start in range(0, len(values), PART):
        scaled[start : start + PART] = found.applied(values[start : start + PART])
    return scaled


def carried(values: Array, border: int) -> Array:
    """Return columns whose missing values are the last known one, or the first part's mean."""
    filled = values.copy()
    for column in filled.T:
        known = ~np.isnan(column)
        if known.all():
            continue
        first = column[:border][known[:border]]
        last = np.maximum.accumulate(np.where(known, np.arange(column.size), -1))
        mean = first.mean() if first.size else 0.0
        column[...] = np.where(last < 0, mean, column[np.maximum(last, 0)])
    return filled


def read(options: SeriesOptions, streams: Streams, dtype: DTypeLike, data: Data) -> Task:
    """Bind the task to its options and columns."""
    rows = columns_of(data)
    names = _chosen(options.inputs or tuple(data), data, "inputs")
    asked = _chosen(options.targets or tuple(names), data, "targets")
    T, ahead, border = options.length, options.ahead, split_at(rows, options.validation)
    targets = _scaled(data, asked, options, border, dtype)
    known: BoolArray = np.logical_not(np.isnan(targets).any(axis=1))
    found = windows(rows, options, ahead, known)
    inputs = carried(_scaled(data, names, options, border, dtype), border)
    targets[~known] = 0
    steps = np.arange(T)[:, None]

    def batch(starts: NDArray[np.intp]) -> Batch:
        at = starts + steps
        return Batch(inputs[at], targets[at + ahead], known[at + ahead])

    def pairs() -> Iterator[tuple[Array, Array]]:
        for start in range(0, border - ahead, PART):
            stop = min(start + PART, border - ahead)
            told = known[start + ahead : stop + ahead]
            yield inputs[start:stop][told], targets[start + ahead : stop + ahead][told]

    draw, held_out, watched = looks(batch, found.training, found.held_out, streams)
    return Task(
        name="series",
        length=T,
        inputs=len(names),
        outputs=len(asked),
        loss="mean_squared_error",
        baseline=affine_baseline(pairs, len(names), len(asked)),
        needed_lag=options.needed_lag,
        asked_times=tuple(range(1, T + 1)),
        draw=draw,
        held_out=held_out,
        watched=watched,
        held_out_size=found.held_out.size,
        data_bytes=inputs.nbytes + targets.nbytes + known.nbytes + found.training.nbytes,
    )


DEFINITION = TaskDefinition(name="series", options=SeriesOptions, read=read)
