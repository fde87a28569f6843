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
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array, BoolArray
from engine.schema import Doc
from engine.tasks.base import LONGEST, Batch, Data, Streams, Task, TaskDefinition
from engine.tasks.sequences import Sequences, asked_steps, sequences_of
from engine.tasks.uploaded import (
    MOST_HELD_OUT,
    Normalize,
    UploadedOptions,
    affine_baseline,
    entropy_of,
    looks,
    refuse,
    scaling,
    split_at,
)

SHUFFLE = 20_240  # the split is no run's: any number that never changes
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


def read(options: ArraysOptions, streams: Streams, dtype: DTypeLike, data: Data) -> Task:
    """Bind the task to its options and sequences."""
    found = sequences_of(data)
    whole, D = found.inputs.shape[1:]
    T = options.length or whole
    if whole < T:
        raise refuse("/task/length", f"expected at most the sequences' {whole} steps, got {T}")
    asked, heard = asked_steps(found, T)
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
