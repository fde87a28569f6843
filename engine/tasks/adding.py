"""The adding problem: add two marked numbers of a long sequence.

Inputs: x_t = (v_t, m_t), v_t uniform on [0, 1], m_t = 1 at two times and 0 elsewhere: one time
    uniform in the first half (t ≤ ⌊T/2⌋), one in the second.
Target: the sum of the two marked values, asked at T, mean squared error.
Baseline: 1/6, the variance of the sum of two uniform numbers (predict 1 always).
Needed lag: T − 1, where the first marker stands at t = 1.
Source: Hochreiter & Schmidhuber 1997, experiment 4; in this form, values on [0, 1] and a marker
    in each half: Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike

from engine.schema import Doc
from engine.tasks.base import (
    LONGEST,
    Batch,
    Streams,
    Task,
    TaskDefinition,
    TaskOptions,
    asked_at,
    generated,
)

BASELINE = 1 / 6


@dataclass(frozen=True, kw_only=True, slots=True)
class AddingOptions(TaskOptions):
    """Options of the adding problem."""

    title: ClassVar[str] = "Adding problem"
    purpose: ClassVar[str] = (
        "Two numbers of a long sequence are marked, one in each half; at the end their sum is "
        "asked for. What the first marker says has to survive up to T − 1 steps."
    )

    length: Annotated[
        int, Interval(ge=2, le=LONGEST), Doc("Steps T of each sequence.", title="Sequence length")
    ] = 100
    kind: Literal["adding"] = "adding"


def make(options: AddingOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length = options.length
    half = length // 2
    double = np.dtype(dtype) == np.float64
    mask = asked_at((length,), length)

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
        targets[-1, :, 0] = values[first, sequences] + values[second, sequences]
        return Batch(inputs, targets, mask(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="adding",
        length=length,
        inputs=2,
        outputs=1,
        loss="mean_squared_error",
        baseline=BASELINE,
        needed_lag=length - 1,
        asked_times=(length,),
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="adding", options=AddingOptions, make=make)
