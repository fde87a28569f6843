"""Recorded arrays as readers see them: flushed rows in Zarr, the newest in the database."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from app.store.attempts import FINISHED
from app.store.chunks import rows_of
from app.store.database import Database
from app.store.errors import RunNotFound, StatisticNotFound
from app.store.files import Files
from app.store.indexing import Index, count_of, index_of, selected_coords, take
from app.store.layouts import StoredLayout, layout_of
from app.store.mapped import MappedArray
from app.store.records import ArrayInfo
from app.store.segments import Segments, folder_of, in_use, segments_of
from app.store.slices import Selection, Slice
from app.store.tables import frame_steps, frames, runs

MAX_OPEN_RUNS = 256


@dataclass(slots=True)
class _OpenRun:
    """What never changes of a run's arrays: layouts, open Zarr arrays, steps of its frames."""

    layouts: Mapping[str, StoredLayout]
    arrays: dict[str, MappedArray] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far the arrays reach at the moment of a read."""

    attempt: int
    recorded: tuple[int, int]
    flushed: tuple[int, int]
    segments: Segments


class ArrayStore:
    """Reads slices of recorded arrays, addressed by coordinates."""

    def __init__(self, database: Database, files: Files) -> None:
        """Read from the given files; nothing is opened yet."""
        self._database = database
        self.files = files
        self._open: OrderedDict[str, _OpenRun] = OrderedDict()
        self._lock = Lock()

    def forget(self, run_id: str) -> None:
        """Drop what is held open of a run."""
        with self._lock:
            self._open.pop(run_id, None)

    def frame_steps(self, run_id: str) -> list[int]:
        """Return the training steps of the frames that can be read.

        Raises:
            RunNotFound: There is no such run.
        """
        with self._database.read() as connection:
            extent = self._extent(connection, run_id)
            opened = self._opened(connection, run_id, extent)
            return list(self._frame_coords(connection, run_id, opened, extent))

    def describe(self, run_id: str) -> list[ArrayInfo]:
        """Return what is recorded of a run, and what will be, with the coordinates so far.

        Raises:
            RunNotFound: There is no such run.
        """
        with self._database.read() as connection:
            extent = self._extent(connection, run_id)
            opened = self._opened(connection, run_id, extent)
            frame_coords = self._frame_coords(connection, run_id, opened, extent)
        found = []
        for layout in opened.layouts.values():
            coords = _step_coords(layout, extent, frame_coords)
            found.append(
                ArrayInfo(
                    name=layout.name,
                    axes=layout.axes,
                    coords={layout.axes[0]: coords, **layout.coords},
                    shape=(len(coords), *layout.row_shape),
                    dtype=layout.dtype,
                    scale=layout.scale,
                    per_step=layout.per_step,
                )
            )
        return found

    def lost(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the runs of which arrays that have rows are gone, with the names of these."""
        query = sa.select(runs.c.id, runs.c.layouts, runs.c.segments).where(runs.c.flushed_rows > 0)
        with self._database.read() as connection:
            known = connection.execute(query).all()
        for row in known:
            used = in_use(segments_of(row.segments))
            folders = [folder_of(row.id, segment.attempt) for segment in used]
            gone = [
                layout["name"]
                for layout in row.layouts
                if not all(self.files.has(f"{at}/{layout['name']}/zarr.json") for at in folders)
            ]
            if gone:
                yield row.id, gone

    def drop_abandoned(self) -> Iterator[tuple[str, int]]:
        """Remove what attempts wrote that lost their run before it counted; yield run and attempt.

        Only of runs that are over: no attempt is left then whose writing could count yet.
        """
        query = sa.select(runs.c.id, runs.c.segments, runs.c.attempt)
        with self._database.read() as connection:
            over = connection.execute(query.where(runs.c.status.in_(FINISHED))).all()
        for row in over:
            used = {segment.attempt for segment in segments_of(row.segments)}
            for attempt in sorted(set(range(1, row.attempt + 1)) - used):
                folder = folder_of(row.id, attempt)
                if self.files.has(f"{folder}/zarr.json"):
                    self.files.remove_all(folder)
                    yield row.id, attempt

    def read(
        self, run_id: str, name: str, selection: Mapping[str, Selection] | None = None
    ) -> Slice:
        """Read a part of an array; an axis that is not selected comes whole.

        Raises:
            RunNotFound: There is no such run.
            StatisticNotFound: The run records nothing of this name.
            SelectionError: The array has no such axis or coordinate.
        """
        selection = selection or {}
        with self._database.read() as connection:
            extent = self._extent(connection, run_id)
            opened = self._opened(connection, run_id, extent)
            layout = opened.layouts.get(name)
            if layout is None:
                known = ", ".join(opened.layouts)
                raise StatisticNotFound(f"run {run_id} records no {name!r}; known: {known}")
            frame_coords = self._frame_coords(connection, run_id, opened, extent)
            steps = _step_coords(layout, extent, frame_coords)
            index = index_of(layout, steps, selection)
            fresh = self._fresh(connection, run_id, layout, extent, index)
        # The arrays are read after the transaction: rows below the flushed mark never change.
        values = self._values(run_id, opened, layout, extent, index, fresh)
        return Slice(
            name=name,
            axes=layout.axes,
            coords=selected_coords(layout, steps, index),
            values=values,
            scale=layout.scale,
        )

    def _extent(self, connection: Connection, run_id: str) -> _Extent:
        query = sa.select(
            runs.c.attempt,
            runs.c.recorded_rows,
            runs.c.recorded_series,
            runs.c.flushed_rows,
            runs.c.flushed_series,
            runs.c.segments,
        ).where(runs.c.id == run_id)
        row = connection.execute(query).first()
        if row is None:
            self.forget(run_id)
            raise RunNotFound(run_id)
        return _Extent(
            row.attempt,
            (row.recorded_rows, row.recorded_series),
            (row.flushed_rows, row.flushed_series),
            segments_of(row.segments),
        )

    def _opened(self, connection: Connection, run_id: str, extent: _Extent) -> _OpenRun:
        with self._lock:
            opened = self._open.get(run_id)
            if opened is not None:
                self._open.move_to_end(run_id)
                return opened
        data = connection.scalar(sa.select(runs.c.layouts).where(runs.c.id == run_id))
        opened = _OpenRun({each["name"]: layout_of(each) for each in data or ()})
        # Before the first claim the worker may still say otherwise (another engine version).
        if extent.attempt > 0 and extent.recorded[0] > 0:
            with self._lock:
                opened = self._open.setdefault(run_id, opened)
                while len(self._open) > MAX_OPEN_RUNS:
                    self._open.popitem(last=False)
        return opened

    def _frame_coords(
        self, connection: Connection, run_id: str, opened: _OpenRun, extent: _Extent
    ) -> list[int]:
        recorded = extent.recorded[0]
        with self._lock:
            known = len(opened.steps)
            if known >= recorded:
                return opened.steps[:recorded]
        query = (
            sa.select(frame_steps.c.step)
            .where(frame_steps.c.run_id == run_id, frame_steps.c.row >= known)
            .order_by(frame_steps.c.row)
        )
        new = list(connection.scalars(query))
        with self._lock:
            opened.steps[known:] = new
            return opened.steps[:recorded]

    def _fresh(
        self,
        connection: Connection,
        run_id: str,
        layout: StoredLayout,
        extent: _Extent,
        index: Index,
    ) -> dict[int, NDArray[Any]]:
        """Return the selected rows that are in the database, by their first row."""
        kind = int(layout.per_step)
        if extent.flushed[kind] >= extent.recorded[kind] or index.last < extent.flushed[kind]:
            return {}
        query = (
            sa.select(frames.c.row, frames.c.payload)
            .where(frames.c.run_id == run_id, frames.c.name == layout.name)
            .where(frames.c.row <= index.last, frames.c.row + frames.c.rows > index.first)
        )
        return {row.row: rows_of(layout, row.payload) for row in connection.execute(query)}

    def _values(
        self,
        run_id: str,
        opened: _OpenRun,
        layout: StoredLayout,
        extent: _Extent,
        index: Index,
        fresh: Mapping[int, NDArray[Any]],
    ) -> NDArray[Any]:
        flushed = extent.flushed[int(layout.per_step)]
        if 0 <= index.last < flushed:
            array = self._array(run_id, opened, layout)
            return array.read(index.positions, index.others, extent.segments)
        rows = index.positions
        shape = (len(rows), *(count_of(each) for each in index.others))
        values = np.full(shape, np.nan, dtype=layout.dtype)
        below = rows < flushed
        if below.any():
            array = self._array(run_id, opened, layout)
            values[below] = array.read(rows[below], index.others, extent.segments)
        for first, block in fresh.items():
            inside = (rows >= first) & (rows < first + len(block)) & ~below
            if inside.any():
                values[inside] = take(block[rows[inside] - first], index.others)
        return values

    def _array(self, run_id: str, opened: _OpenRun, layout: StoredLayout) -> MappedArray:
        array = opened.arrays.get(layout.name)
        if array is None:
            array = MappedArray(self.files, run_id, layout)
            opened.arrays[layout.name] = array
        return array


def _step_coords(
    layout: StoredLayout, extent: _Extent, frame_coords: Sequence[int]
) -> Sequence[int]:
    return range(extent.recorded[1]) if layout.per_step else frame_coords
