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

from app.store.files import Files
from app.store.indexing import Where, count_of, take
from app.store.layouts import StoredLayout
from app.store.segments import Segments, folder_of, in_use


class MappedArray:
    """One recorded array of one run, read-only, wherever the attempts at the run have left it."""

    def __init__(self, files: Files, run_id: str, layout: StoredLayout) -> None:
        """Read nothing yet."""
        self._files, self._run_id, self._layout = files, run_id, layout
        self._row_shape = layout.row_shape
        self._dtype = np.dtype(layout.dtype).newbyteorder("<")
        self._chunk_rows: dict[int, int] = {}

    def read(
        self, rows: NDArray[np.intp], others: Sequence[Where], segments: Segments
    ) -> NDArray[Any]:
        """Return the given rows, and of the other axes what is selected; NaN where unwritten."""
        shape = (len(rows), *(count_of(where) for where in others))
        values = np.full(shape, np.nan, dtype=self._dtype)
        left = np.ones(len(rows), dtype=bool)
        for segment in reversed(in_use(segments)):
            chunk_rows = self._chunk_rows_of(segment.attempt)
            first = segment.first(self._layout)
            # An attempt has taken over what was in its first chunk.
            theirs = left & (rows >= first - first % chunk_rows)
            for chunk in np.unique(rows[theirs] // chunk_rows):
                inside = theirs & (rows // chunk_rows == chunk)
                local = rows[inside] - chunk * chunk_rows
                start, stop = int(local.min()), int(local.max()) + 1
                found = self._rows(segment.attempt, int(chunk), start, stop)
                if found is not None:
                    values[inside] = take(found[_as_slice(local - start)], others)
            left &= ~theirs
            if not left.any():
                break
        return values

    def _chunk_rows_of(self, attempt: int) -> int:
        """Return the size of an attempt's chunks, of which Zarr's own description tells."""
        known = self._chunk_rows.get(attempt)
        if known is None:
            name = f"{folder_of(self._run_id, attempt)}/{self._layout.name}"
            described = zarr.open_array(**self._files.zarr(name), mode="r")
            known = self._chunk_rows[attempt] = int(described.chunks[0])
        return known

    def _rows(self, attempt: int, chunk: int, start: int, stop: int) -> NDArray[Any] | None:
        """Return some rows of a chunk; None for one of fill values only, which is not stored."""
        row_bytes = self._dtype.itemsize * math.prod(self._row_shape)
        found = self._files.part(
            chunk_name(folder_of(self._run_id, attempt), self._layout, chunk),
            start * row_bytes,
            (stop - start) * row_bytes,
        )
        if found is None:
            return None
        return found.view(self._dtype).reshape(-1, *self._row_shape)


def chunk_name(folder: str, layout: StoredLayout, chunk: int) -> str:
    """Return the name of the file that a chunk is in (Zarr v3), among those in a folder."""
    return "/".join((folder, layout.name, "c", str(chunk), *("0" for _ in layout.row_shape)))


def _as_slice(rows: NDArray[np.intp]) -> Where:
    """Return rows that follow each other as a slice, which copies nothing."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
