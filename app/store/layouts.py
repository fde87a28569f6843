"""How a recorded array lies in the store: the engine's layout, and its chunks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.store.records import Json
from engine import Layout

STEPS_PER_CHUNK = 64
MAX_CHUNK_BYTES = 8 * 2**20
# A file a chunk: scalars of many steps go together, else reading a curve opens hundreds of files.
MIN_CHUNK_BYTES = 64 * 2**10


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLayout:
    """Axes, coordinates and type of a recorded array; `axes[0]`, the step, has no coordinates."""

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]]
    scale: str
    dtype: str
    per_step: bool

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Sizes of one row's axes."""
        return tuple(len(self.coords[axis]) for axis in self.axes[1:])

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.row_shape) * np.dtype(self.dtype).itemsize

    @property
    def chunk_rows(self) -> int:
        """Rows of one chunk: 64, fewer where it would pass 8 MB, more where it would be tiny."""
        row_bytes = max(1, self.row_bytes)
        rows = max(STEPS_PER_CHUNK, MIN_CHUNK_BYTES // row_bytes)
        return max(1, min(rows, MAX_CHUNK_BYTES // row_bytes))

    def to_dict(self) -> Json:
        """Return what `layout_of` makes the same layout of."""
        return {
            "name": self.name,
            "axes": list(self.axes),
            "coords": {axis: list(self.coords[axis]) for axis in self.axes[1:]},
            "scale": self.scale,
            "dtype": self.dtype,
            "per_step": self.per_step,
        }


def stored(layout: Layout) -> StoredLayout:
    """Return the stored form of an engine's layout."""
    return StoredLayout(
        name=layout.name,
        axes=tuple(layout.axes),
        coords={axis: _plain(layout.coords[axis]) for axis in layout.axes[1:]},
        scale=str(layout.scale),
        dtype=str(layout.dtype),
        per_step=layout.per_step,
    )


def layout_of(data: Mapping[str, Any]) -> StoredLayout:
    """Return the layout that a row of the table holds."""
    return StoredLayout(
        name=data["name"],
        axes=tuple(data["axes"]),
        coords={axis: tuple(values) for axis, values in data["coords"].items()},
        scale=data["scale"],
        dtype=data["dtype"],
        per_step=data["per_step"],
    )


def frame_count(*, steps: int, every: int) -> int:
    """Return how many frames a run of `steps` updates has when it does not diverge before."""
    return steps // every + 1 + (steps % every != 0)


def _plain(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return coordinates as Python's own numbers, which JSON takes."""
    return tuple(value.item() if isinstance(value, np.generic) else value for value in values)
