"""What a run will record: names, axes, coordinates and types, known before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.arrays import Array
from engine.bptt.network import Network
from engine.config import CaptureConfig, RunConfig
from engine.parameter_names import READOUT
from engine.statistics import STATISTICS, AxisFacts, Coordinates, Scale, StatisticDefinition
from engine.tasks import Data, make_task

Dtype = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Shape and meaning of one recorded statistic.

    Attributes:
        axes: Names of the axes; the first is "step".
        coords: Coordinates of every axis but the step.
        scale: "log10", "ln", "plain" or "counts".
        dtype: "float64" for a row at every training step, "float32" for a row a frame.
        per_step: A row at every training step 0 … steps − 1 (else at every frame).
    """

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Coordinates]
    scale: Scale
    dtype: Dtype
    per_step: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row: the step axis is not in it."""
        return tuple(len(self.coords[axis]) for axis in self.axes[1:])


OF_FRAMES = ("gradient_norm", "parameter_gradient_norm")
"""Series of a training that are known of a captured run at its frames alone."""


def layout_of(definition: StatisticDefinition, facts: AxisFacts, dtype: Dtype) -> Layout:
    """Return how a statistic is recorded in a run of which `facts` hold."""
    return Layout(
        name=definition.name,
        axes=definition.axes,
        coords=definition.coordinates(facts),
        scale=definition.scale,
        dtype="float64" if definition.per_step else dtype,
        per_step=definition.per_step,
    )


def captured_layout(definition: StatisticDefinition, facts: AxisFacts, dtype: Dtype) -> Layout:
    """Return how a statistic is recorded of a training loop that runs elsewhere."""
    per_step = definition.per_step and definition.name not in OF_FRAMES
    return replace(layout_of(definition, facts, dtype), per_step=per_step)


def axis_facts(config: RunConfig, data: Data | None = None) -> AxisFacts:
    """Return what the coordinates of a run's axes follow from."""
    model = config.model
    task = make_task(config.task, config.seed, config.training.precision, data)
    cell = config.model.make_cell()
    # Names do not depend on the widths: one unit tells them without the memory of the real one.
    narrow = Network(
        cell,
        inputs=1,
        hidden=1,
        layers=model.layers,
        outputs=1,
        bias=model.bias,
        bidirectional=model.bidirectional,
        dtype="float64",
    )
    return AxisFacts(
        layers=model.layer_axis,
        length=task.length,
        hidden_size=model.hidden_size,
        gates=cell.gates,
        parameters=tuple(
            name for name in narrow.parameter_shapes if task.outputs or name not in READOUT
        ),
        asked_times=task.asked_times,
        gamma=cell.activation.gamma,
        state_size=len(cell.state_names) * model.hidden_size,
    )


def recorded_definitions(config: RunConfig) -> tuple[StatisticDefinition, ...]:
    """Return the statistics that a run records: what always is, and what is listed.

    Frames of the training batch are meant to cost no sweep beside the training's own: there the
    held-out set is looked at only where a list asks for it. What is said of each gate is not
    recorded of a cell that has none. A training loop elsewhere tells no more than its own batch:
    no update, no held-out set, no learning rate.
    """
    if isinstance(config, CaptureConfig):
        return _captured_definitions(config)
    gates = config.model.make_cell().gates
    listed, costs_no_sweep = config.recording.statistics, config.recording.batch == "training"
    return tuple(
        d
        for d in STATISTICS.values()
        if (gates or "gate" not in d.axes)
        and (
            d.name in listed
            or d.accompanies in listed
            or (d.always and not (d.held_out and costs_no_sweep))
        )
    )


def _captured_definitions(config: CaptureConfig) -> tuple[StatisticDefinition, ...]:
    cell = config.model.make_cell()
    return tuple(
        d
        for d in STATISTICS.values()
        if (d.compute or d.name in ("loss", *OF_FRAMES))
        and (cell.gates or "gate" not in d.axes)
        and (
            d.always
            or d.name in config.recording.statistics
            or d.accompanies in config.recording.statistics
        )
    )


def layouts(config: RunConfig, data: Data | None = None) -> dict[str, Layout]:
    """Return name, axes, coordinates and type of everything that a run will record."""
    facts = axis_facts(config, data)
    if isinstance(config, CaptureConfig):
        dtype = config.training.precision  # what is watched in float64 is kept in it
        return {d.name: captured_layout(d, facts, dtype) for d in recorded_definitions(config)}
    return {d.name: layout_of(d, facts, "float32") for d in recorded_definitions(config)}


def stored_row(values: Array, layout: Layout) -> Array:
    """Return an own, read-only copy in the type that is kept."""
    kept = np.array(values, dtype=layout.dtype)
    if kept.shape != layout.shape:
        raise ValueError(f"{layout.name}: expected shape {layout.shape}, got {kept.shape}")
    kept.setflags(write=False)
    return kept
