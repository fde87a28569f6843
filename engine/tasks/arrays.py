"""Uploaded sequences with what is asked of them.

Data: `inputs` [N, T, D]; `targets`: class numbers [N] or [N, T], or values [N] or [N, T, K];
    `mask` [N, T], which steps are asked. Without a mask, targets of one axis are asked at T, others
    at every step.
Inputs and targets: as they come, or scaled; class numbers stay.
Loss: cross-entropy of class numbers (K = the largest + 1), mean squared error of values.
Baseline: of classes the entropy of how often each is asked for in the training part; of values the
    best affine map from x_t alone, fitted to it.
Needed lag: unknown, unless the configuration says it.
Solved: under a tenth of the baseline; the least loss counts as 0.
Held out: the wanted share of the sequences after a shuffle that is the same for every run, at most
    256 of them.
Source: definition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array, BoolArray
from engine.schema import Doc
from engine.tasks.base import LONGEST, Batch, Data, Streams, Task, TaskDefinition
from engine.tasks.uploaded import (
    MOST_HELD_OUT,
    Normalize,
    UploadedOptions,
    affine_baseline,
    entropy_of,
    looks,
    one_of,
    refuse,
    scaling,
    split_at,
)

SHUFFLE = 20_240  # the split is no run's: any number that never changes
MOST_CLASSES = 10_000
AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class ArraysOptions(UploadedOptions):
    """Options of the arrays."""

    title: ClassVar[str] = "Arrays of sequences"
    purpose: ClassVar[str] = (
        "Your own sequences: inputs with their targets, classes or values, asked at the steps "
        "that a mask names."
    )
    formula: ClassVar[str] = "y of x_1 … x_T, or y_t of x_1 … x_t"
    source: ClassVar[str] = "definition"

    length: Annotated[
        int,
        Interval(ge=0, le=LONGEST),
        Doc("Read the last so many steps of each sequence; 0: all.", title="Steps"),
    ] = 0
    normalize: Normalize = "none"
    kind: Literal["arrays"] = "arrays"


class Sequences(NamedTuple):
    """Uploaded sequences whose shapes fit together.

    Attributes:
        inputs: (N, T, D).
        targets: (N, T) class numbers, or (N, T, K) values; (N, 1, …) where only T is asked.
        mask: (N, T), or None where every sequence is asked alike.
        classes: How many, 0 where the targets are values.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    mask: BoolArray | None
    classes: int

    @property
    def at_end(self) -> bool:
        """Whether targets are asked at the last step alone."""
        return bool(self.targets.shape[1] != self.inputs.shape[1])


def sequences_of(data: Data) -> Sequences:
    """Return the sequences of uploaded arrays.

    Raises:
        ConfigError: Arrays are missing, or their shapes or types do not fit together.
    """
    unknown = sorted(set(data) - {"inputs", "targets", "mask"})
    if unknown:
        detail = f"unknown array {unknown[0]!r}; known: inputs, targets, mask"
        raise refuse("/task/dataset", detail)
    inputs = one_of(data, "inputs", data.get("inputs"), 3)
    if inputs.dtype.kind not in "fui" or not inputs.size:
        detail = f"inputs: expected numbers [N, T, D], got {inputs.dtype} of shape {inputs.shape}"
        raise refuse("/task/dataset", detail)
    N, T, _ = inputs.shape
    if T > LONGEST:
        raise refuse("/task/dataset", f"inputs: expected at most {LONGEST} steps, got {T}")
    if N < 2:
        raise refuse("/task/dataset", f"inputs: expected at least 2 sequences, got {N}")
    targets, classes = _targets(data, N, T)
    return Sequences(inputs, targets, _mask(data, N, T, targets), classes)


def _targets(data: Data, N: int, T: int) -> tuple[NDArray[Any], int]:
    found = data.get("targets")
    if found is None:
        raise refuse("/task/dataset", "targets: expected among the arrays, got none")
    is_class, shape = found.dtype.kind in "ui", found.shape
    steps = shape[:2] == (N, T) and (len(shape) == (2 if is_class else 3))
    if not (steps or shape == (N,)) or found.dtype.kind not in "fui" or not found.size:
        detail = (
            f"targets: expected class numbers [{N}] or [{N}, {T}], or values [{N}] or "
            f"[{N}, {T}, K], got {found.dtype} of shape {shape}"
        )
        raise refuse("/task/dataset", detail)
    if not is_class:
        return (found if steps else found[:, None, None]), 0
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= MOST_CLASSES:
        detail = f"targets: expected class numbers from 0 to {MOST_CLASSES - 1}, got {low} … {high}"
        raise refuse("/task/dataset", detail)
    return (found if steps else found[:, None]), high + 1


def _mask(data: Data, N: int, T: int, targets: NDArray[Any]) -> BoolArray | None:
    mask = data.get("mask")
    if mask is None:
        return None
    if mask.shape != (N, T) or mask.dtype.kind not in "buif":
        detail = f"mask: expected [{N}, {T}] of 0 and 1, got {mask.dtype} of shape {mask.shape}"
        raise refuse("/task/dataset", detail)
    asked: BoolArray = np.not_equal(mask, 0)
    if targets.shape[1] != T and asked[:, :-1].any():
        detail = "mask: asks before the last step, where the targets have one for each sequence"
        raise refuse("/task/dataset", detail)
    silent = np.flatnonzero(~asked.any(axis=1))
    if silent.size:
        raise refuse("/task/dataset", f"mask: sequence {silent[0]} is asked at no step")
    return asked


def _asked(found: Sequences, T: int) -> tuple[BoolArray, NDArray[np.intp]]:
    """Return which of the last T steps are asked, (N, T) or (1, T), and who is asked at all."""
    N, whole = found.inputs.shape[:2]
    if found.mask is not None:
        asked = found.mask[:, whole - T :]
        return asked, np.flatnonzero(asked.any(axis=1))
    alike = np.ones((1, T), np.bool_)
    if found.at_end:
        alike[:, :-1] = False
    return alike, np.arange(N)


def read(options: ArraysOptions, streams: Streams, dtype: DTypeLike, data: Data) -> Task:
    """Bind the task to its options and sequences."""
    found = sequences_of(data)
    whole, D = found.inputs.shape[1:]
    T = options.length or whole
    if whole < T:
        raise refuse("/task/length", f"expected at most the sequences' {whole} steps, got {T}")
    asked, heard = _asked(found, T)
    if heard.size < 2:
        raise refuse("/task/length", f"{heard.size} sequences are asked in their last {T} steps")
    order = np.random.Generator(np.random.PCG64(SHUFFLE)).permutation(heard)
    border = min(max(1, split_at(heard.size, options.validation)), heard.size - 1)
    training, held = np.sort(order[:border]), order[border:][:MOST_HELD_OUT]
    source = _Source(found, asked, T, training)
    source.scale(options.normalize)
    alike = len(asked) == 1
    heard_at = asked if alike else asked[training]
    times = (np.flatnonzero(heard_at.any(axis=0)) + 1).tolist()
    draw, held_out, watched = looks(lambda at: source.batch(at, dtype), training, held, streams)

    def probe(size: int) -> Batch:
        batch = watched(size)
        if batch.mask[times[-1] - 1].any():
            return batch
        # A verdict reads the last time at which anything is asked: one of the probe asks then.
        last = training[heard_at[:, times[-1] - 1]]
        one = source.batch(last[:1], dtype)
        parts = zip(batch_arrays(one), batch_arrays(batch), strict=True)
        return Batch(*(np.concatenate([a, b[:, 1:]], axis=1) for a, b in parts))

    return Task(
        name="arrays",
        length=T,
        inputs=D,
        outputs=found.classes or found.targets.shape[2],
        loss="cross_entropy" if found.classes else "mean_squared_error",
        baseline=source.baseline(),
        needed_lag=options.needed_lag,
        asked_times=tuple(times),
        draw=draw,
        held_out=held_out,
        watched=probe,
        held_out_size=held.size,
        data_bytes=found.inputs.nbytes + found.targets.nbytes,
    )


def batch_arrays(batch: Batch) -> tuple[Array, NDArray[Any], BoolArray]:
    """Return the three arrays of a batch."""
    return batch.inputs, batch.targets, batch.mask


class _Source:
    """Makes batches of the last T steps, scaled as they are gathered."""

    def __init__(
        self, found: Sequences, asked: BoolArray, T: int, training: NDArray[np.intp]
    ) -> None:
        self.found, self.asked, self.T, self.training = found, asked, T, training
        self.first = found.inputs.shape[1] - T

    def scale(self, how: Normalize) -> None:
        """Measure how inputs and values are scaled."""
        inputs, targets = self.found.inputs, self.found.targets
        self.of_inputs = scaling(
            how, lambda: (x.reshape(-1, x.shape[2]) for x, _, _ in self._parts()), inputs.shape[2]
        )
        if not self.found.classes:
            self.of_targets = scaling(
                how, lambda: (y[mask] for _, y, mask in self._parts()), targets.shape[2]
            )

    def _parts(self) -> Iterator[tuple[NDArray[Any], NDArray[Any], BoolArray]]:
        """Yield inputs, targets and mask of the training part, (n, T, …) at a time."""
        for start in range(0, self.training.size, AT_ONCE):
            at = self.training[start : start + AT_ONCE]
            yield self.found.inputs[at, self.first :], self._targets(at), self._mask(at)

    def _mask(self, at: NDArray[np.intp]) -> BoolArray:
        if len(self.asked) > 1:
            return self.asked[at]
        return np.broadcast_to(self.asked, (at.size, self.T))

    def _targets(self, at: NDArray[np.intp]) -> NDArray[Any]:
        targets = self.found.targets[at]
        if targets.shape[1] != self.found.inputs.shape[1]:  # one for each sequence
            return np.repeat(targets, self.T, axis=1)
        return targets[:, self.first :]

    def batch(self, at: NDArray[np.intp], dtype: DTypeLike) -> Batch:
        """Return the sequences of these numbers."""
        inputs = self.of_inputs.applied(self.found.inputs[at, self.first :])
        targets = self._targets(at)
        if self.found.classes:
            told = targets.T.astype(np.int64)
        else:
            told = self.of_targets.applied(targets).transpose(1, 0, 2).astype(dtype)
        mask = np.ascontiguousarray(self._mask(at).T)
        return Batch(np.ascontiguousarray(inputs.transpose(1, 0, 2), dtype), told, mask)

    def baseline(self) -> float:
        """Return the loss without a memory."""
        if self.found.classes:
            counts = np.zeros(self.found.classes, np.int64)
            for _, y, mask in self._parts():
                counts += np.bincount(y[mask].astype(np.int64), minlength=counts.size)
            return entropy_of(counts)

        def pairs() -> Iterator[tuple[Array, Array]]:
            for x, y, mask in self._parts():
                yield self.of_inputs.applied(x[mask]), self.of_targets.applied(y[mask])

        return affine_baseline(pairs, self.found.inputs.shape[2], self.found.targets.shape[2])


DEFINITION = TaskDefinition(name="arrays", options=ArraysOptions, read=read)
