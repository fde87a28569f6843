"""Zarr groups, one a run: made at full size by the worker, so that writing changes no shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from app.store.files import Files
from app.store.layouts import StoredLayout


def create(
    files: Files, run_id: str, layouts: Sequence[StoredLayout], *, frames: int, steps: int
) -> None:
    """Make the arrays of a run, if they are not there; nothing in them is written yet.

    Those of a run that was extended get longer: their chunks stay as they are.

    Args:
        files: Where arrays are kept.
        run_id: The run.
        layouts: What will be recorded.
        frames: Rows of an array with a row a frame.
        steps: Rows of an array with a row at every training step.
    """
    group = zarr.open_group(**files.zarr(run_id), mode="a")
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

    def __init__(self, files: Files, run_id: str, layouts: Sequence[StoredLayout]) -> None:
        """Open the group that `create` made."""
        self._files = files
        self._run_id = run_id
        self._layouts = {layout.name: layout for layout in layouts}
        self._group = zarr.open_group(**files.zarr(run_id), mode="r+")
        self._arrays: dict[str, Any] = {}
        self._touched: set[str] = set()

    def write(self, name: str, row: int, values: NDArray[Any]) -> None:
        """Write consecutive rows, the first at `row`."""
        if name not in self._arrays:
            self._arrays[name] = self._group[name]
        self._arrays[name][row : row + len(values)] = values
        chunk_rows = self._arrays[name].chunks[0]
        first, last = row // chunk_rows, (row + len(values) - 1) // chunk_rows
        layout = self._layouts[name]
        self._touched |= {
            chunk_name(self._run_id, layout, chunk) for chunk in range(first, last + 1)
        }

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        self._files.sync(self._touched)
        self._touched.clear()


def chunk_name(run_id: str, layout: StoredLayout, chunk: int) -> str:
    """Return the name of the file that a chunk is in (Zarr v3)."""
    return "/".join((run_id, layout.name, "c", str(chunk), *("0" for _ in layout.row_shape)))


def rows_of(layout: StoredLayout, payload: bytes) -> NDArray[Any]:
    """Return the rows that a payload of bytes holds."""
    return np.frombuffer(payload, dtype=layout.dtype).reshape(-1, *layout.row_shape)


def payload_of(layout: StoredLayout, values: NDArray[Any]) -> bytes:
    """Return the bytes of rows in the layout's type."""
    return np.ascontiguousarray(values, dtype=layout.dtype).tobytes()
