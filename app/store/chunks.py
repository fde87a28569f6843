"""Zarr groups, one an attempt, made at full size, so that writing changes no shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from app.store.claims import Claim
from app.store.files import Files
from app.store.layouts import StoredLayout
from app.store.mapped import MappedArray, chunk_name
from app.store.segments import Segments, folder_of


class ChunkWriter:
    """Writes rows into the arrays of one attempt and makes them durable.

    An attempt that never comes to write leaves nothing. One that does takes over the rows that its
    forerunners wrote into the chunks where its own rows begin: readers find every chunk whole in
    one place, and a forerunner that is not dead after all writes in another.
    """

    def __init__(
        self,
        files: Files,
        claim: Claim,
        layouts: Sequence[StoredLayout],
        *,
        frames: int,
        steps: int,
    ) -> None:
        """Prepare to write; nothing is made yet.

        Args:
            files: Where arrays are kept.
            claim: The hold on the run.
            layouts: What will be recorded.
            frames: Rows of an array with a row a frame.
            steps: Rows of an array with a row at every training step.
        """
        self._files = files
        self._run_id = claim.run_id
        self._before: Segments = claim.segments[:-1]
        self._own = claim.segments[-1]
        self._folder = folder_of(claim.run_id, claim.attempt)
        self._layouts = {layout.name: layout for layout in layouts}
        self._rows = {False: max(1, frames), True: max(1, steps)}
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._touched: set[str] = set()

    def write(self, name: str, row: int, values: NDArray[Any]) -> None:
        """Write consecutive rows, the first at `row`."""
        if not self._arrays:
            self._begin()
        self._put(self._arrays[name], self._layouts[name], row, values)

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        self._files.sync(self._touched)
        self._touched.clear()

    def _begin(self) -> None:
        group = zarr.open_group(**self._files.zarr(self._folder), mode="a")
        # Of a captured run that is opened once more they may be there.
        there = dict(group.arrays())
        arrays = {
            name: there[name] if name in there else self._made(group, layout)
            for name, layout in self._layouts.items()
        }
        for name, layout in self._layouts.items():
            self._take_over(arrays[name], layout)
        self._arrays = arrays  # now that they are whole: a flush that failed begins anew

    def _made(self, group: zarr.Group, layout: StoredLayout) -> zarr.Array[Any]:
        rows = self._rows[layout.per_step]
        return group.create_array(
            layout.name,
            shape=(rows, *layout.row_shape),
            chunks=(min(rows, layout.chunk_rows), *(max(1, size) for size in layout.row_shape)),
            dtype=layout.dtype,
            # Gradients do not compress; what was never written reads as "not recorded".
            compressors=None,
            fill_value=float("nan"),
            attributes={"axes": list(layout.axes), "scale": layout.scale},
        )

    def _take_over(self, array: zarr.Array[Any], layout: StoredLayout) -> None:
        end = self._own.first(layout)
        start = end - end % array.chunks[0]
        if start < end:
            earlier = MappedArray(self._files, self._run_id, layout)
            others = tuple(slice(0, size) for size in layout.row_shape)
            self._put(
                array, layout, start, earlier.read(np.arange(start, end), others, self._before)
            )

    def _put(
        self, array: zarr.Array[Any], layout: StoredLayout, row: int, values: NDArray[Any]
    ) -> None:
        array[row : row + len(values)] = values
        chunk_rows = array.chunks[0]
        first, last = row // chunk_rows, (row + len(values) - 1) // chunk_rows
        self._touched |= {
            chunk_name(self._folder, layout, chunk) for chunk in range(first, last + 1)
        }
