"""Reads rows of chunks in their files: a step of a large chunk costs its own bytes alone.

Our chunks are not compressed, so a chunk's file is the array itself (Zarr v3, codec `bytes`, little
endian, in C order). Reading through Zarr loads the whole chunk, up to 8 MB for one step of 160 kB:
1.3 ms against 0.06 ms. Chunks are replaced whole by renaming, so a mapped file never shrinks.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from app.store.chunks import chunk_name
from app.store.files import Files
from app.store.indexing import Where, count_of, take
from app.store.layouts import StoredLayout


class MappedArray:
    """One recorded array of one run, read-only."""

    def __init__(self, files: Files, run_id: str, layout: StoredLayout) -> None:
        """Read the size of its chunks from Zarr's own description."""
        described = zarr.open_array(**files.zarr(f"{run_id}/{layout.name}"), mode="r")
        self._chunk_rows = int(described.chunks[0])
        self._files, self._run_id, self._layout = files, run_id, layout
        self._row_shape = layout.row_shape
        self._dtype = np.dtype(layout.dtype).newbyteorder("<")

    def read(self, rows: NDArray[np.intp], others: Sequence[Where]) -> NDArray[Any]:
        """Return the given rows, and of the other axes what is selected; NaN where unwritten."""
        shape = (len(rows), *(count_of(where) for where in others))
        values = np.full(shape, np.nan, dtype=self._dtype)
        chunk_of = rows // self._chunk_rows
        for chunk in np.unique(chunk_of):
            inside = chunk_of == chunk
            local = rows[inside] - chunk * self._chunk_rows
            first = int(local.min())
            found = self._rows(int(chunk), first, int(local.max()) + 1)
            if found is not None:
                values[inside] = take(found[_as_slice(local - first)], others)
        return values

    def _rows(self, chunk: int, start: int, stop: int) -> NDArray[Any] | None:
        """Return some rows of a chunk; None for one of fill values only, which is not stored."""
        row_bytes = self._dtype.itemsize * math.prod(self._row_shape)
        found = self._files.part(
            chunk_name(self._run_id, self._layout, chunk),
            start * row_bytes,
            (stop - start) * row_bytes,
        )
        if found is None:
            return None
        return found.view(self._dtype).reshape(-1, *self._row_shape)


def _as_slice(rows: NDArray[np.intp]) -> Where:
    """Return rows that follow each other as a slice, which copies nothing."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
