"""The copy problem: repeat ten symbols after a long blank.

Inputs: one-hot of 10 symbols, T = delay + 20: ten symbols drawn from 8, then delay − 1 blanks,
    the signal to recall, ten blanks. Channels 0 … 7 are the symbols, 8 the blank, 9 the signal.
Target: class 8 (blank) up to T − 10, then the ten symbols in order; cross-entropy over 9
    classes, asked at every step, or with `ask: "recall"` at the last ten alone.
Baseline: 10 ln 8 / T, or ln 8 (know the plan, guess the symbols).
Needed lag: T − 10: symbol j is shown at t = j and asked for at t = T − 10 + j.
Source: Arjovsky, Shah & Bengio 2016, arXiv:1511.06464, "copying memory problem", after Hochreiter
    & Schmidhuber 1997.
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

SYMBOLS = 8
REMEMBERED = 10
BLANK = SYMBOLS
SIGNAL = SYMBOLS + 1
SHORTEST = 2 * REMEMBERED + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyOptions(TaskOptions):
    """Options of the copy problem."""

    title: ClassVar[str] = "Copy problem"
    purpose: ClassVar[str] = (
        "Ten symbols are shown, then blanks, then a signal: now the ten are to be repeated. "
        "Every answer lies exactly T − 10 steps after what it needs."
    )
    formula: ClassVar[str] = "the ten symbols of t = 1 … 10, again at t = T − 9 … T"
    source: ClassVar[str] = "Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016"

    length: Annotated[
        int,
        Interval(ge=SHORTEST, le=LONGEST),
        Doc("Steps T of each sequence: the delay plus 20.", title="Sequence length"),
    ] = 100
    ask: Annotated[
        Literal["every", "recall"],
        Doc("Ask at every step, or only for the ten symbols at the end.", title="Asked"),
    ] = "every"
    kind: Literal["copy"] = "copy"


def make(options: CopyOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length = options.length
    recall = length - REMEMBERED
    every = options.ask == "every"
    asked = tuple(range(1 if every else recall + 1, length + 1))
    # Everything but the ten symbols is the same in every sequence.
    plan = np.zeros((length, 1, SYMBOLS + 2), dtype=dtype)
    plan[REMEMBERED:, :, BLANK] = 1
    plan[recall - 1, :, BLANK] = 0
    plan[recall - 1, :, SIGNAL] = 1
    steps = np.arange(REMEMBERED)[:, None]
    asked_of = asked_at(asked, length)

    def draw(rng: np.random.Generator, size: int) -> Batch:
        symbols = rng.integers(0, SYMBOLS, (REMEMBERED, size))
        inputs = np.repeat(plan, size, axis=1)
        inputs[steps, np.arange(size), symbols] = 1
        targets = np.full((length, size), BLANK, dtype=np.int64)
        targets[recall:] = symbols
        return Batch(inputs, targets, *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="copy",
        length=length,
        inputs=SYMBOLS + 2,
        outputs=SYMBOLS + 1,
        loss="cross_entropy",
        baseline=math.log(SYMBOLS) * (REMEMBERED / length if every else 1),
        needed_lag=recall,
        asked_times=asked,
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="copy", options=CopyOptions, make=make)
