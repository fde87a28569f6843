"""What can be read of a run's arrays at one moment, as one transaction saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import sqlalchemy as sa

from app.store.errors import StatisticNotFound
from app.store.layouts import StoredLayout
from app.store.mapped import MappedArray
from app.store.records import ArrayInfo, Run
from app.store.segments import Segments, segments_of
from app.store.tables import runs

EXTENT_COLUMNS = (
    runs.c.attempt,
    runs.c.recorded_rows,
    runs.c.recorded_series,
    runs.c.flushed_rows,
    runs.c.flushed_series,
    runs.c.segments,
)


@dataclass(slots=True)
class OpenRun:
    """What never changes of a run's arrays: layouts, open Zarr arrays, steps of its frames."""

    layouts: Mapping[str, StoredLayout]
    arrays: dict[str, MappedArray] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the arrays reach: rows a frame, and rows a training step."""

    attempt: int
    recorded: tuple[int, int]
    flushed: tuple[int, int]
    segments: Segments

    @classmethod
    def of(cls, row: "sa.RowMapping") -> Self:
        """Return what a row with the columns above says."""
        return cls(
            row["attempt"],
            (row["recorded_rows"], row["recorded_series"]),
            (row["flushed_rows"], row["flushed_series"]),
            segments_of(row["segments"]),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """A run and its arrays, with the coordinates so far."""

    run: Run
    opened: OpenRun
    extent: Extent
    frame_coords: Sequence[int]

    def infos(self) -> list[ArrayInfo]:
        """Return what is recorded, and what will be."""
        return [self._info(layout) for layout in self.opened.layouts.values()]

    def info(self, name: str) -> ArrayInfo:
        """Return the same of one array.

        Raises:
            StatisticNotFound: The run records nothing of this name.
        """
        layout = self.opened.layouts.get(name)
        if layout is None:
            known = ", ".join(self.opened.layouts)
            raise StatisticNotFound(f"this run records no statistic {name[:60]!r}; known: {known}")
        return self._info(layout)

    def _info(self, layout: StoredLayout) -> ArrayInfo:
        steps = step_coords(layout, self.extent, self.frame_coords)
        coords: dict[str, Sequence[Any]] = {layout.axes[0]: steps, **layout.coords}
        return ArrayInfo(
            name=layout.name,
            axes=layout.axes,
            coords=coords,
            shape=(len(steps), *layout.row_shape),
            dtype=layout.dtype,
            scale=layout.scale,
            per_step=layout.per_step,
        )


def step_coords(layout: StoredLayout, extent: Extent, frame_coords: Sequence[int]) -> Sequence[int]:
    """Return the training steps of an array's rows."""
    return range(extent.recorded[1]) if layout.per_step else frame_coords
