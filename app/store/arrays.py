"""Recorded arrays as readers see them: flushed rows in Zarr, the newest in the database."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from app.store.attempts import FINISHED
from app.store.database import Database
from app.store.errors import RunNotFound, StatisticNotFound
from app.store.files import Files
from app.store.indexing import Index, count_of, index_of, selected_coords, take
from app.store.layouts import StoredLayout, layout_of
from app.store.looks import EXTENT_COLUMNS, Extent, Look, OpenRun, step_coords
from app.store.mapped import MappedArray
from app.store.payloads import rows_of
from app.store.records import ArrayInfo, run_of
from app.store.remembered import Remembered
from app.store.segments import folder_of, in_use, segments_of
from app.store.slices import Selection, Slice
from app.store.tables import RUN_COLUMNS, frame_steps, frames, runs

MAX_OPEN_RUNS = 256

_EXTENT = sa.select(*EXTENT_COLUMNS).where(runs.c.id == sa.bindparam("run_id"))
_LOOK = sa.select(*RUN_COLUMNS).where(runs.c.id == sa.bindparam("run_id"))


class ArrayStore:
    """Reads slices of recorded arrays, addressed by coordinates."""

    def __init__(self, database: Database, files: Files) -> None:
        """Read from the given files; nothing is opened yet."""
        self._database = database
        self.files = files
        self._open: OrderedDict[str, OpenRun] = OrderedDict()
        self._looks: Remembered[Look] = Remembered(database.version)
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
        return self.look(run_id).infos()

    def look(self, run_id: str) -> Look:
        """Return a run and what can be read of its arrays now.

        Raises:
            RunNotFound: There is no such run.
        """
        return self._looks.get(run_id, lambda: self._look(run_id))

    def _look(self, run_id: str) -> Look:
        with self._database.read() as connection:
            row = connection.execute(_LOOK, {"run_id": run_id}).mappings().first()
            if row is None:
                self.forget(run_id)
                raise RunNotFound(run_id)
            extent = Extent.of(row)
            opened = self._opened(connection, run_id, extent)
            steps = self._frame_coords(connection, run_id, opened, extent)
        return Look(run_of(row), opened, extent, steps)  # type: ignore[arg-type]

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
            steps = step_coords(layout, extent, frame_coords)
            index = index_of(layout, steps, selection)
            fresh = self._fresh(connection, run_id, layout, extent, index)
        # The arrays are read after the transaction: rows below the flushed mark never change.
        values = self._values(run_id, opened, layout, extent, index, fresh)
        return _slice(layout, steps, index, values)

    def read_seen(self, seen: Look, name: str, selection: Mapping[str, Selection]) -> Slice:
        """Read as `read` does, of a run that was looked at; the database is asked for rows alone.

        Where all rows that are selected were in files at that look, it is not asked at all.

        Raises:
            RunNotFound: The run has been deleted since.
            StatisticNotFound: The run records nothing of this name.
            SelectionError: The array has no such axis or coordinate.
        """
        layout = seen.opened.layouts.get(name)
        if layout is None:
            return self.read(seen.run.id, name, selection)
        steps = step_coords(layout, seen.extent, seen.frame_coords)
        index = index_of(layout, steps, selection)
        if index.last >= seen.extent.flushed[int(layout.per_step)]:
            return self.read(seen.run.id, name, selection)
        values = self._values(seen.run.id, seen.opened, layout, seen.extent, index, {})
        return _slice(layout, steps, index, values)

    def _extent(self, connection: Connection, run_id: str) -> Extent:
        row = connection.execute(_EXTENT, {"run_id": run_id}).mappings().first()
        if row is None:
            self.forget(run_id)
            raise RunNotFound(run_id)
        return Extent.of(row)

    def _opened(self, connection: Connection, run_id: str, extent: Extent) -> OpenRun:
        with self._lock:
            opened = self._open.get(run_id)
            if opened is not None:
                self._open.move_to_end(run_id)
                return opened
        data = connection.scalar(sa.select(runs.c.layouts).where(runs.c.id == run_id))
        opened = OpenRun({each["name"]: layout_of(each) for each in data or ()})
        # Before the first claim the worker may still say otherwise (another engine version).
        if extent.attempt > 0 and extent.recorded[0] > 0:
            with self._lock:
                opened = self._open.setdefault(run_id, opened)
                while len(self._open) > MAX_OPEN_RUNS:
                    self._open.popitem(last=False)
        return opened

    def _frame_coords(
        self, connection: Connection, run_id: str, opened: OpenRun, extent: Extent
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
        extent: Extent,
        index: Index,
    ) -> dict[int, NDArray[Any]]:
        """Return the selected rows that are in the database, by their first row."""
        kind = int(layout.per_step)
        if extent.flushed[kind] >= extent.recorded[kind] or index.last < extent.flushed[kind]:
            return {}
        query = (
            sa.select(frames.c.row, frames.c.rows, frames.c.payload)
            .where(frames.c.run_id == run_id, frames.c.name == layout.name)
            .where(frames.c.row <= index.last, frames.c.row + frames.c.rows > index.first)
        )
        found = connection.execute(query)
        return {each.row: rows_of(layout, each.rows, each.payload) for each in found}

    def _values(
        self,
        run_id: str,
        opened: OpenRun,
        layout: StoredLayout,
        extent: Extent,
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

    def _array(self, run_id: str, opened: OpenRun, layout: StoredLayout) -> MappedArray:
        array = opened.arrays.get(layout.name)
        if array is None:
            array = MappedArray(self.files, run_id, layout)
            opened.arrays[layout.name] = array
        return array


def _slice(layout: StoredLayout, steps: Sequence[int], index: Index, values: NDArray[Any]) -> Slice:
    return Slice(
        name=layout.name,
        axes=layout.axes,
        coords=selected_coords(layout, steps, index),
        values=values,
        scale=layout.scale,
    )
