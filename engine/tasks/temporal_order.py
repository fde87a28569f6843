"""The temporal order problem: in which order did the rare symbols come?

Inputs: one-hot of 6 symbols: A and B (channels 0, 1), and four distractors. A or B stands at one
    time in each of some windows, a random distractor everywhere else. Windows as shares of T:
    two symbols [1/10, 2/10] and [5/10, 6/10]; three [10/100, 20/100], [33/100, 43/100],
    [66/100, 76/100], as the original's positions for lengths of about 100.
Target: which of the 4 (or 8) orders it was, asked at T, cross-entropy. The first symbol is the
    highest binary digit of the class number.
Baseline: ln 4 (or ln 8).
Needed lag: T minus the first time of the first window.
Source: Hochreiter & Schmidhuber 1997, experiment 6; with 6 symbols and windows that grow with T
    as in Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.
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

RARE = 2
DISTRACTORS = 4
# Hundredths of T, per number of rare symbols; kept whole, since 0.1 is not a binary fraction.
WINDOWS = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
HUNDRED = 100
# Below this two windows share a time.
SHORTEST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class TemporalOrderOptions(TaskOptions):
    """Options of the temporal order problem."""

    title: ClassVar[str] = "Temporal order"
    purpose: ClassVar[str] = (
        "Among random distractors two (or three) symbols A or B appear far apart; at the end "
        "their order is asked for. A classic that plain recurrent networks fail."
    )
    formula: ClassVar[str] = "the order of the rare symbols, one of 4 or 8"
    source: ClassVar[str] = "Hochreiter & Schmidhuber 1997; Pascanu, Mikolov & Bengio 2013"

    length: Annotated[
        int,
        Interval(ge=SHORTEST, le=LONGEST),
        Doc("Steps T of each sequence.", title="Sequence length"),
    ] = 100
    symbols: Annotated[
        int, Interval(ge=2, le=3), Doc("How many of A and B appear: 4 or 8 classes.")
    ] = 2
    kind: Literal["temporal_order"] = "temporal_order"


def windows(length: int, symbols: int) -> tuple[tuple[int, int], ...]:
    """Return the first and last time, from 1, of each window.

    >>> windows(100, 2)
    ((10, 20), (50, 60))
    """
    return tuple(
        (max(1, first * length // HUNDRED), last * length // HUNDRED)
        for first, last in WINDOWS[symbols]
    )


def make(options: TemporalOrderOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length, symbols = options.length, options.symbols
    spans = windows(length, symbols)
    one_hot = np.eye(RARE + DISTRACTORS, dtype=dtype)
    asked_of = asked_at((length,), length)

    def draw(rng: np.random.Generator, size: int) -> Batch:
        shown = rng.integers(RARE, RARE + DISTRACTORS, (length, size))
        sequences = np.arange(size)
        order = np.zeros(size, dtype=np.int64)
        for first, last in spans:
            which = rng.integers(0, RARE, size)
            shown[rng.integers(first - 1, last, size), sequences] = which
            order = RARE * order + which
        targets = np.zeros((length, size), dtype=np.int64)
        targets[-1] = order
        return Batch(one_hot[shown], targets, *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    classes = RARE**symbols
    return Task(
        name="temporal_order",
        length=length,
        inputs=RARE + DISTRACTORS,
        outputs=classes,
        loss="cross_entropy",
        baseline=math.log(classes),
        needed_lag=length - spans[0][0],
        asked_times=(length,),
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="temporal_order", options=TemporalOrderOptions, make=make)
