"""What a network is asked to learn: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from numpy.typing import DTypeLike

from engine.tasks import (
    adding,
    copy,
    digits,
    latch,
    multiplication,
    parity,
    reber,
    sine_forecast,
    temporal_order,
)
from engine.tasks.base import Batch, LossName, Streams, Task, TaskDefinition, TaskOptions, generator

TASKS: Mapping[str, TaskDefinition] = MappingProxyType(
    {
        "adding": adding.DEFINITION,
        "multiplication": multiplication.DEFINITION,
        "copy": copy.DEFINITION,
        "temporal_order": temporal_order.DEFINITION,
        "latch": latch.DEFINITION,
        "parity": parity.DEFINITION,
        "reber": reber.DEFINITION,
        "sine_forecast": sine_forecast.DEFINITION,
        "digits": digits.DEFINITION,
    }
)


def make_task(options: TaskOptions, seed: int, dtype: DTypeLike = "float32") -> Task:
    """Return the task that the options describe, with the streams of a run's seed.

    Args:
        options: The options of one of TASKS.
        seed: The run's seed; probe and validation have streams of their own.
        dtype: Number type of inputs and real-valued targets.
    """
    definition = next(entry for entry in TASKS.values() if isinstance(options, entry.options))
    return definition.make(options, Streams.of(seed), dtype)


__all__ = [
    "TASKS",
    "Batch",
    "LossName",
    "Streams",
    "Task",
    "TaskDefinition",
    "TaskOptions",
    "generator",
    "make_task",
]
