"""What a network is asked to learn: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from numpy.typing import DTypeLike

from engine.errors import ConfigError, Problem
from engine.tasks import (
    adding,
    arrays,
    captured,
    copy,
    digits,
    latch,
    multiplication,
    parity,
    reber,
    series,
    sine_forecast,
    temporal_order,
    text,
)
from engine.tasks.base import (
    Batch,
    Data,
    LossName,
    Streams,
    Task,
    TaskDefinition,
    TaskOptions,
    generator,
    known,
)
from engine.tasks.captured import CapturedOptions
from engine.tasks.sequences import describe_arrays, require_shapes

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
        "text": text.DEFINITION,
        "series": series.DEFINITION,
        "arrays": arrays.DEFINITION,
    }
)


def definition_of(options: TaskOptions) -> TaskDefinition:
    """Return the entry of TASKS whose options these are, or that of a loop elsewhere."""
    there = (*TASKS.values(), captured.DEFINITION)
    return next(entry for entry in there if isinstance(options, entry.options))


def make_task(
    options: TaskOptions, seed: int, dtype: DTypeLike = "float32", data: Data | None = None
) -> Task:
    """Return the task that the options describe, with the streams of a run's seed.

    Args:
        options: The options of one of TASKS, or of sequences that come from elsewhere.
        seed: The run's seed; probe and validation have streams of their own.
        dtype: Number type of inputs and real-valued targets.
        data: What a task of uploaded data reads.

    Raises:
        ConfigError: Data for a task that brings its own, none for one that reads some, or data
            and options that do not fit together.
    """
    definition, streams = definition_of(options), Streams.of(seed)
    if definition.make is not None:
        if data is None:
            return definition.make(options, streams, dtype)
        detail = f"the task {definition.name} makes its own data: expected none"
    elif definition.read is not None and data is not None:
        return definition.read(options, streams, dtype, data)
    else:
        detail = f"the task {definition.name} reads an uploaded data set: expected one, got none"
    raise ConfigError([Problem("/task/dataset", detail)])


__all__ = [
    "TASKS",
    "Batch",
    "CapturedOptions",
    "Data",
    "LossName",
    "Streams",
    "Task",
    "TaskDefinition",
    "TaskOptions",
    "definition_of",
    "describe_arrays",
    "generator",
    "known",
    "make_task",
    "require_shapes",
]
