"""Forecast a sine: what comes some steps ahead, from what has been seen.

Inputs: x_t = sin(θ + ω t), θ uniform on the circle, ω uniform on [2π/40, 2π/10]: periods of 10 to
    40 steps.
Target: x_{t+a}, a steps ahead, asked at every step from t = 3 on, mean squared error.
Baseline: ½ (1 − E[cos aω]²): of x_{t+a} = x_t cos aω + cos(θ + ω t) sin aω a predictor without
    memory knows x_t alone, and its best answer is x_t E[cos aω].
Needed lag: 2. Three values in a row tell θ and ω: x_t + x_{t-2} = 2 cos ω x_{t-1}.
Source: definition; the recurrence of a sine is Prony's.
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

NEEDED = 3
SLOWEST, FASTEST = 2 * math.pi / 40, 2 * math.pi / 10


@dataclass(frozen=True, kw_only=True, slots=True)
class SineForecastOptions(TaskOptions):
    """Options of the sine forecast."""

    title: ClassVar[str] = "Sine forecast"
    purpose: ClassVar[str] = (
        "A sine of unknown phase and period; at every step its value some steps ahead is asked "
        "for. Two steps back is all it needs: a task that a healthy network learns."
    )
    formula: ClassVar[str] = "x_{t+a} of x_t = sin(θ + ω t)"
    source: ClassVar[str] = "definition"

    length: Annotated[
        int,
        Interval(ge=NEEDED, le=LONGEST),
        Doc("Steps T of each sequence.", title="Sequence length"),
    ] = 50
    ahead: Annotated[
        int, Interval(ge=1, le=1000), Doc("How many steps ahead the asked value lies.")
    ] = 5
    kind: Literal["sine_forecast"] = "sine_forecast"


def mean_cosine(ahead: int) -> float:
    """Return E[cos aω] for ω uniform between the slowest and the fastest."""
    swept = math.sin(ahead * FASTEST) - math.sin(ahead * SLOWEST)
    return swept / (ahead * (FASTEST - SLOWEST))


def make(options: SineForecastOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length, ahead = options.length, options.ahead
    asked = tuple(range(NEEDED, length + 1))
    asked_of = asked_at(asked, length)
    times = np.arange(length + ahead)[:, None]

    def draw(rng: np.random.Generator, size: int) -> Batch:
        phases = rng.uniform(0, 2 * math.pi, size)
        speeds = rng.uniform(SLOWEST, FASTEST, size)
        values = np.sin(phases + speeds * times).astype(dtype)[:, :, None]
        return Batch(values[:length], np.ascontiguousarray(values[ahead:]), *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="sine_forecast",
        length=length,
        inputs=1,
        outputs=1,
        loss="mean_squared_error",
        baseline=0.5 * (1 - mean_cosine(ahead) ** 2),
        needed_lag=NEEDED - 1,
        asked_times=asked,
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="sine_forecast", options=SineForecastOptions, make=make)
