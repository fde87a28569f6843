"""The parity problem: was the number of ones odd?

Inputs: x_t = +1 or −1, each with probability ½.
Target: 1 where the number of +1 is odd, else 0; asked at T, cross-entropy over 2 classes.
Baseline: ln 2: all inputs but one tell nothing.
Needed lag: T − 1.
Source: Bengio, Simard & Frasconi 1994 (inputs ±1, asked at the end), where the target is ±1 by
    squared error.
"""

import math
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

CLASSES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityOptions(TaskOptions):
    """Options of the parity problem."""

    title: ClassVar[str] = "Parity"
    purpose: ClassVar[str] = (
        "Random bits; at the end it is asked whether the number of ones was odd. Every bit counts, "
        "and knowing all but one is worth nothing: hard for gradients even over few steps."
    )
    formula: ClassVar[str] = "Σ_t [x_t = 1] mod 2"
    source: ClassVar[str] = "Bengio, Simard & Frasconi 1994"

    length: Annotated[
        int, Interval(ge=2, le=LONGEST), Doc("Steps T of each sequence.", title="Sequence length")
    ] = 20
    kind: Literal["parity"] = "parity"


def make(options: ParityOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length = options.length
    asked_of = asked_at((length,), length)

    def draw(rng: np.random.Generator, size: int) -> Batch:
        bits = rng.integers(0, 2, (length, size))
        targets = np.zeros((length, size), dtype=np.int64)
        targets[-1] = bits.sum(axis=0) % 2
        return Batch((2 * bits - 1)[:, :, None].astype(dtype), targets, *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="parity",
        length=length,
        inputs=1,
        outputs=CLASSES,
        loss="cross_entropy",
        baseline=math.log(CLASSES),
        needed_lag=length - 1,
        asked_times=(length,),
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="parity", options=ParityOptions, make=make)
