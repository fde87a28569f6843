"""The adding problem: add two marked numbers of a long sequence.

Inputs, mask: as marked.py says.
Target: the sum of the two marked values, asked at T, mean squared error.
Baseline: 1/6, the variance of the sum of two uniform numbers (predict 1 always).
Needed lag: T − 1, where the first marker stands at t = 1.
Source: Hochreiter & Schmidhuber 1997, experiment 4; in this form, values on [0, 1] and a marker
    in each half: Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike

from engine.tasks.base import Streams, Task, TaskDefinition, TaskOptions
from engine.tasks.marked import MarkedLength, make_marked

BASELINE = 1 / 6


@dataclass(frozen=True, kw_only=True, slots=True)
class AddingOptions(TaskOptions):
    """Options of the adding problem."""

    title: ClassVar[str] = "Adding problem"
    purpose: ClassVar[str] = (
        "Two numbers of a long sequence are marked, one in each half; at the end their sum is "
        "asked for. What the first marker says has to survive up to T − 1 steps."
    )
    formula: ClassVar[str] = "v_i + v_j of the two marked values"
    source: ClassVar[str] = "Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016"

    length: MarkedLength = 100
    kind: Literal["adding"] = "adding"


def make(options: AddingOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    return make_marked("adding", np.add, BASELINE, options=options, streams=streams, dtype=dtype)


DEFINITION = TaskDefinition(name="adding", options=AddingOptions, make=make)
