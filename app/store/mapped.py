"""Reads chunks by mapping their files: a step of a large chunk costs its own bytes alone.

Our chunks are not compressed, so a chunk's file is the array itself (Zarr v3, codec `bytes`, little
endian, in C order). Reading through Zarr loads the whole chunk, up to 8 MB for one step of 160 kB:
1.3 ms against 0.06 ms. Chunks are replaced whole by renaming, so a mapped file never shrinks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from app.store.indexing import Where, count_of, take
from app.store.layouts import StoredLayout


class MappedArray:
    """One recorded array of one run, read-only."""

    def __init__(self, folder: Path, layout: StoredLayout) -> None:
        """Read the size of its chunks from Zarr's own description."""
        self._chunk_rows = int(zarr.open_array(store=folder, mode="r").chunks[0])
        self._chunks = folder / "c"
        self._rest = ("0",) * len(layout.row_shape)
        self._row_shape = layout.row_shape
        self._dtype = np.dtype(layout.dtype).newbyteorder("<")

    def read(self, rows: NDArray[np.intp], others: Sequence[Where]) -> NDArray[Any]:
        """Return the given rows, and of the other axes what is selected; NaN where unwritten."""
        shape = (len(rows), *(count_of(where) for where in others))
        values = np.full(shape, np.nan, dtype=self._dtype)
        chunk_of = rows // self._chunk_rows
        for chunk in np.unique(chunk_of):
            inside = chunk_of == chunk
            mapped = self._map(int(chunk))
            if mapped is not None:
                local = rows[inside] - chunk * self._chunk_rows
                values[inside] = take(mapped[_as_slice(local)], others)
        return values

    def _map(self, chunk: int) -> NDArray[Any] | None:
        path = self._chunks.joinpath(str(chunk), *self._rest)
        shape = (self._chunk_rows, *self._row_shape)
        try:
            return np.memmap(path, dtype=self._dtype, mode="r", shape=shape)
        except FileNotFoundError:  # a chunk of fill values only is not stored
            return None


def _as_slice(rows: NDArray[np.intp]) -> Where:
    """Return rows that follow each other as a slice, which copies nothing."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
