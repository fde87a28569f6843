"""What a run will record: names, axes, coordinates and types, known before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.statistics import AxisFacts, Coordinates, Scale, StatisticDefinition

Dtype = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Shape and meaning of one recorded statistic.

    Attributes:
        axes: Names of the axes; the first is "step".
        coords: Coordinates of every axis but the step.
        scale: "log10", "plain" or "counts".
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


def layout_of(definition: StatisticDefinition, facts: AxisFacts) -> Layout:
    """Return how a statistic is recorded in a run of which `facts` hold."""
    return Layout(
        name=definition.name,
        axes=definition.axes,
        coords=definition.coordinates(facts),
        scale=definition.scale,
        dtype="float64" if definition.per_step else "float32",
        per_step=definition.per_step,
    )
