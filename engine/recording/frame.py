"""What recorders make: a frame of one training step, and series of the steps between."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.arrays import Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Rows of the statistics that have a row at every training step.

    Attributes:
        start: Training step of the first row.
        rows: By name, float64, read-only; all have the same number of rows, which may be 0.
    """

    start: int
    rows: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """Named arrays of one recorded step; their axes and coordinates are those of the layouts.

    Attributes:
        step: Training step s: the weights are those after s updates.
        arrays: One array for each statistic that has a row a frame, without the step axis,
            float32, read-only.
        series: Rows of the statistics that have a row at every training step, since the frame
            before (this step's own included, where its batch exists), float64, read-only. All
            have the same number of rows, which may be 0.
        series_start: Training step of the first of these rows.
        diverged: The loss of this step is not finite; no frame comes after.
        length: Steps of the longest sequence, where it may be shorter than the layouts' T.
    """

    step: int
    arrays: Mapping[str, Array]
    series: Mapping[str, Array]
    series_start: int
    diverged: bool = False
    length: int | None = None
