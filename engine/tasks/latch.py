"""The latch problem: one value at the start decides, then there is only noise.

Inputs: x_1 = +1 or −1, then normal noise with mean 0.
Target: which of the two it was, asked at T, cross-entropy over 2 classes.
Baseline: ln 2.
Needed lag: T − 1.
Source: Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is
    difficult (a class shown at the start, latched through Gaussian noise); with given inputs ±1
    and noise of variance 0.2 as in variant II of Schmidhuber, Hochreiter & Bengio 2001, Evaluating
    benchmark problems by random guessing. The originals ask a tanh unit for ±0.8 or ±1 by squared
    error; here the class is asked.
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
NOISE_VARIANCE = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class LatchOptions(TaskOptions):
    """Options of the latch problem."""

    title: ClassVar[str] = "Latch"
    purpose: ClassVar[str] = (
        "The first value says which of two classes a sequence is of, then noise follows; the "
        "class is asked for at the end. To keep one bit, a state has to hold it against noise."
    )
    formula: ClassVar[str] = "the sign of x_1"
    source: ClassVar[str] = "Bengio, Simard & Frasconi 1994"

    length: Annotated[
        int, Interval(ge=2, le=LONGEST), Doc("Steps T of each sequence.", title="Sequence length")
    ] = 100
    noise: Annotated[
        float, Interval(ge=0, le=100), Doc("Variance of the noise after the first value.")
    ] = NOISE_VARIANCE
    kind: Literal["latch"] = "latch"


def make(options: LatchOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length, deviation = options.length, math.sqrt(options.noise)
    asked_of = asked_at((length,), length)

    def draw(rng: np.random.Generator, size: int) -> Batch:
        classes = rng.integers(0, CLASSES, size)
        inputs = rng.normal(0, deviation, (length, size, 1)).astype(dtype)
        inputs[0, :, 0] = 2 * classes - 1
        targets = np.zeros((length, size), dtype=np.int64)
        targets[-1] = classes
        return Batch(inputs, targets, *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="latch",
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


DEFINITION = TaskDefinition(name="latch", options=LatchOptions, make=make)
