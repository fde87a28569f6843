"""Sequences of a training loop that runs elsewhere: they arrive with their gradients, one by one.

Inputs: whatever the loop trains on, at most T steps of D numbers.
Target: the loop's own; of its loss only the gradients at the outputs are known.
Baseline and needed lag: nobody here knows them.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NoReturn

from annotated_types import Interval
from numpy.typing import DTypeLike

from engine.errors import ConfigError, Problem
from engine.schema import Doc
from engine.tasks.base import Streams, Task, TaskDefinition, TaskOptions

WIDEST = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedOptions(TaskOptions):
    """What is seen of the sequences of a training loop elsewhere."""

    title: ClassVar[str] = "Watched training"
    purpose: ClassVar[str] = (
        "Sequences of a training loop that runs elsewhere, seen with the gradients that it has at "
        "the outputs; shorter ones end earlier."
    )

    kind: Literal["captured"] = "captured"
    inputs: Annotated[
        int, Interval(ge=1, le=WIDEST), Doc("Numbers D of each step.", title="Inputs")
    ] = 1


def make(options: CapturedOptions, _streams: Streams, _dtype: DTypeLike) -> Task:
    """Bind what is known of the sequences; no batch can be drawn of them."""

    def elsewhere(*_: object) -> NoReturn:
        detail = "its sequences come from a training loop elsewhere: nothing can be drawn of them"
        raise ConfigError([Problem("/task/kind", detail)])

    return Task(
        name="captured",
        length=options.length,
        inputs=options.inputs,
        outputs=0,
        loss="mean_squared_error",
        baseline=math.nan,
        needed_lag=None,
        asked_times=tuple(range(1, options.length + 1)),
        draw=elsewhere,
        held_out=elsewhere,
        watched=elsewhere,
    )


DEFINITION = TaskDefinition(name="captured", options=CapturedOptions, make=make)
