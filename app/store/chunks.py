"""Zarr groups, one a run: made at full size by the worker, so that writing changes no shape."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from app.store.layouts import StoredLayout


def create(folder: Path, layouts: Sequence[StoredLayout], *, frames: int, steps: int) -> None:
    """Make the arrays of a run, if they are not there; nothing in them is written yet.

    Those of a run that was extended get longer: their chunks stay as they are.

    Args:
        folder: The run's own folder.
        layouts: What will be recorded.
        frames: Rows of an array with a row a frame.
        steps: Rows of an array with a row at every training step.
    """
    group = zarr.open_group(store=folder, mode="a")
    present = set(group.array_keys())
    for layout in layouts:
        rows = max(1, steps if layout.per_step else frames)
        if layout.name in present:
            array = group[layout.name]
            if isinstance(array, zarr.Array) and array.shape[0] < rows:
                array.resize((rows, *layout.row_shape))
            continue
        group.create_array(
            layout.name,
            shape=(rows, *layout.row_shape),
            chunks=(min(rows, layout.chunk_rows), *(max(1, size) for size in layout.row_shape)),
            dtype=layout.dtype,
            # Gradients do not compress; what was never written reads as "not recorded".
            compressors=None,
            fill_value=float("nan"),
            attributes={"axes": list(layout.axes), "scale": layout.scale},
        )


class ChunkWriter:
    """Writes rows into the arrays of one run and makes them durable."""

    def __init__(self, folder: Path, layouts: Sequence[StoredLayout]) -> None:
        """Open the group that `create` made."""
        self._folder = folder
        self._layouts = {layout.name: layout for layout in layouts}
        self._group = zarr.open_group(store=folder, mode="r+")
        self._arrays: dict[str, Any] = {}
        self._touched: set[Path] = set()

    def write(self, name: str, row: int, values: NDArray[Any]) -> None:
        """Write consecutive rows, the first at `row`."""
        if name not in self._arrays:
            self._arrays[name] = self._group[name]
        self._arrays[name][row : row + len(values)] = values
        chunk_rows = self._arrays[name].chunks[0]
        first, last = row // chunk_rows, (row + len(values) - 1) // chunk_rows
        rest = ["0"] * len(self._layouts[name].row_shape)
        for chunk in range(first, last + 1):
            self._touched.add(self._folder.joinpath(name, "c", str(chunk), *rest))

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        for path in self._touched:
            if path.exists():  # a chunk of fill values only is not stored
                _sync(path)
                _sync(path.parent)
        self._touched.clear()


def rows_of(layout: StoredLayout, payload: bytes) -> NDArray[Any]:
    """Return the rows that a payload of bytes holds."""
    return np.frombuffer(payload, dtype=layout.dtype).reshape(-1, *layout.row_shape)


def payload_of(layout: StoredLayout, values: NDArray[Any]) -> bytes:
    """Return the bytes of rows in the layout's type."""
    return np.ascontiguousarray(values, dtype=layout.dtype).tobytes()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
