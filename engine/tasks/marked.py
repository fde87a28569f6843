"""Sequences in which two numbers are marked: what adding and multiplication have in common.

Inputs: x_t = (v_t, m_t), v_t uniform on [0, 1], m_t = 1 at two times and 0 elsewhere: one time
    uniform in the first half (t ≤ ⌊T/2⌋), one in the second.
Target: a function of the two marked values, asked at T, mean squared error.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike

from engine.arrays import Array
from engine.schema import Doc
from engine.tasks.base import (
    LONGEST,
    Batch,
    Streams,
    Task,
    TaskOptions,
    asked_at,
    generated,
)

MarkedLength = Annotated[
    int, Interval(ge=2, le=LONGEST), Doc("Steps T of each sequence.", title="Sequence length")
]


def make_marked(
    name: str,
    combine: Callable[[Array, Array], Array],
    baseline: float,
    *,
    options: TaskOptions,
    streams: Streams,
    dtype: DTypeLike,
) -> Task:
    """Return a task on the two marked numbers.

    Args:
        name: The task's name.
        combine: The answer from first and second marked values, (B,) each.
        baseline: Variance of the answer.
        options: The task's options.
        streams: Where held-out set and probe come from.
        dtype: Number type of inputs and targets.
    """
    length = options.length
    half = length // 2
    double = np.dtype(dtype) == np.float64
    asked_of = asked_at((length,), length)

    def draw(rng: np.random.Generator, size: int) -> Batch:
        sequences = np.arange(size)
        first = rng.integers(0, half, size)
        second = rng.integers(half, length, size)
        inputs = np.zeros((length, size, 2), dtype=dtype)
        values = (
            rng.random((length, size)) if double else rng.random((length, size), dtype=np.float32)
        )
        inputs[:, :, 0] = values
        inputs[first, sequences, 1] = 1
        inputs[second, sequences, 1] = 1
        targets = np.zeros((length, size, 1), dtype=dtype)
        targets[-1, :, 0] = combine(values[first, sequences], values[second, sequences])
        return Batch(inputs, targets, *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name=name,
        length=length,
        inputs=2,
        outputs=1,
        loss="mean_squared_error",
        baseline=baseline,
        needed_lag=length - 1,
        asked_times=(length,),
        draw=draw,
        held_out=held_out,
        watched=watched,
    )
