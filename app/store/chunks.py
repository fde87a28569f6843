"""Zarr groups, one an attempt, made at full size, so that writing changes no shape.

Arrays are made and written side by side, in one event loop: Zarr's own, which runs in a thread of
its own, is handed every call by itself, and storage elsewhere would be waited for once an array.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from zarr import AsyncArray, AsyncGroup
from zarr.api.asynchronous import open_group

from app.store.claims import Claim
from app.store.files import Files
from app.store.layouts import StoredLayout
from app.store.mapped import MappedArray, chunk_name
from app.store.segments import Segments, folder_of


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Do asynchronous work to its end, also for who is within an event loop, as a notebook is."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


class Block(NamedTuple):
    """Rows of one array that follow each other."""

    name: str
    row: int
    values: NDArray[Any]


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
        self._arrays: dict[str, AsyncArray[Any]] = {}
        self._touched: set[str] = set()

    def write(self, blocks: Iterable[Block]) -> None:
        """Write rows; those of one array in the order in which they come."""
        of_arrays: dict[str, list[Block]] = {}
        for block in blocks:
            of_arrays.setdefault(block.name, []).append(block)
        _finish(self._write(of_arrays))

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        self._files.sync(self._touched)
        self._touched.clear()

    async def _write(self, of_arrays: Mapping[str, Sequence[Block]]) -> None:
        if not self._arrays:
            await self._begin()
        await asyncio.gather(*(self._put_each(*each) for each in of_arrays.items()))

    async def _begin(self) -> None:
        group = await open_group(**self._files.zarr(self._folder), mode="a")
        # Of a captured run that is opened once more they may be there.
        there = {name: array async for name, array in group.arrays()}
        missing = [layout for name, layout in self._layouts.items() if name not in there]
        made = await asyncio.gather(*(self._made(group, layout) for layout in missing))
        arrays = there | {layout.name: array for layout, array in zip(missing, made, strict=True)}
        await asyncio.gather(
            *(self._take_over(arrays[name], layout) for name, layout in self._layouts.items())
        )
        self._arrays = arrays  # now that they are whole: a flush that failed begins anew

    async def _made(self, group: AsyncGroup, layout: StoredLayout) -> AsyncArray[Any]:
        rows = self._rows[layout.per_step]
        return await group.create_array(
            layout.name,
            shape=(rows, *layout.row_shape),
            chunks=(min(rows, layout.chunk_rows), *(max(1, size) for size in layout.row_shape)),
            dtype=layout.dtype,
            # Gradients do not compress; what was never written reads as "not recorded".
            compressors=None,
            fill_value=float("nan"),
            attributes={"axes": list(layout.axes), "scale": layout.scale},
        )

    async def _take_over(self, array: AsyncArray[Any], layout: StoredLayout) -> None:
        end = self._own.first(layout)
        start = end - end % array.chunks[0]
        if start < end:
            earlier = MappedArray(self._files, self._run_id, layout)
            others = tuple(slice(0, size) for size in layout.row_shape)
            await self._put(
                array, layout, start, earlier.read(np.arange(start, end), others, self._before)
            )

    async def _put_each(self, name: str, blocks: Sequence[Block]) -> None:
        for block in blocks:
            await self._put(self._arrays[name], self._layouts[name], block.row, block.values)

    async def _put(
        self, array: AsyncArray[Any], layout: StoredLayout, row: int, values: NDArray[Any]
    ) -> None:
        await array.setitem(slice(row, row + len(values)), values)
        chunk_rows = array.chunks[0]
        first, last = row // chunk_rows, (row + len(values) - 1) // chunk_rows
        self._touched |= {
            chunk_name(self._folder, layout, chunk) for chunk in range(first, last + 1)
        }
