"""The multiplication problem: multiply two marked numbers of a long sequence.

Inputs, mask: as marked.py says.
Target: the product of the two marked values, asked at T, mean squared error.
Baseline: 7/144 = 1/9 − 1/16, the variance of the product of two uniform numbers (predict 1/4).
Needed lag: T − 1, where the first marker stands at t = 1.
Source: Hochreiter & Schmidhuber 1997, experiment 5, with the inputs of the adding problem.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike

from engine.tasks.base import Streams, Task, TaskDefinition, TaskOptions
from engine.tasks.marked import MarkedLength, make_marked

BASELINE = 7 / 144


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiplicationOptions(TaskOptions):
    """Options of the multiplication problem."""

    title: ClassVar[str] = "Multiplication problem"
    purpose: ClassVar[str] = (
        "Two numbers of a long sequence are marked, one in each half; at the end their product is "
        "asked for: a memory that only adds up what it meets does not do."
    )
    formula: ClassVar[str] = "v_i · v_j of the two marked values"
    source: ClassVar[str] = "Hochreiter & Schmidhuber 1997"

    length: MarkedLength = 100
    kind: Literal["multiplication"] = "multiplication"


def make(options: MultiplicationOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    return make_marked(
        "multiplication", np.multiply, BASELINE, options=options, streams=streams, dtype=dtype
    )


DEFINITION = TaskDefinition(name="multiplication", options=MultiplicationOptions, make=make)
