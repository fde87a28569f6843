"""The weights of recorded frames, so that what was not recorded can be computed of them later.

A record a frame beside an attempt's checkpoints: the weights as safetensors, and their CRC. Until
they are flushed, weights lie with their frame in the database, as a part named `WEIGHTS`.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from sqlalchemy.engine import Connection

from app.store.claims import Claim
from app.store.database import Database
from app.store.files import Files
from app.store.row_records import Records, records_of
from app.store.segments import folder_of, in_use, segments_of
from app.store.tables import frame_steps, frames, runs

WEIGHTS: Final = "weights"
KEPT_BYTES: Final = 64 * 2**20
"""Most that is kept of a run: of larger ones the weights of every second, third, … frame."""

_CRC: Final = 4
Weights = dict[str, NDArray[Any]]


def packed(parameters: Weights) -> bytes:
    """Return weights as one payload: of one network all have the same length."""
    return bytes(save(parameters))


def stride_of(size: int, frames: int) -> int:
    """Return of every how many frames the weights are kept."""
    return max(1, -(-size * frames // KEPT_BYTES))


def kept_bytes(size: int, frames: int) -> int:
    """Return what the weights of so many frames take, of `size` bytes each."""
    return size * -(-frames // stride_of(size, frames))


class WeightWriter:
    """Writes the weights of the frames of one attempt."""

    def __init__(self, files: Files, claim: Claim) -> None:
        """Write beside an attempt's checkpoints."""
        self._records = records_of(files, folder_of(claim.run_id, claim.attempt))

    def write(self, row: int, payload: bytes) -> None:
        """Write the weights of the frame at `row`; those of another length are left out."""
        self._records.write(row, payload + _crc_of(payload))

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        self._records.sync()


class _Place(NamedTuple):
    """Rows, and the records of the attempt that they are read from."""

    records: Records
    rows: range


class WeightStore:
    """Reads the weights of recorded frames."""

    def __init__(self, database: Database, files: Files) -> None:
        """Read from the files of checkpoints."""
        self._database, self._files = database, files

    def read(self, run_id: str, step: int) -> Weights | None:
        """Return the weights after `step` updates; None where they were not kept, or are lost."""
        row_of = sa.select(frame_steps.c.row).join(runs, runs.c.id == frame_steps.c.run_id)
        row_of = row_of.where(
            runs.c.id == run_id,
            frame_steps.c.step == step,
            frame_steps.c.row < runs.c.recorded_rows,
        )
        with self._database.read() as connection:
            row = connection.scalar(row_of)
            if row is None:
                return None
            payload = connection.scalar(
                sa.select(frames.c.payload).where(
                    frames.c.run_id == run_id, frames.c.name == WEIGHTS, frames.c.row == row
                )
            )
            places = self._places(connection, run_id, row + 1)
        if payload is None:
            payload = _payload_of(places[-1].records, row)
        try:
            return None if payload is None else load(payload)
        except SafetensorError:
            return None

    def steps(self, run_id: str) -> list[int]:
        """Return the training steps whose weights are kept, ascending."""
        kept = sa.select(frames.c.row).where(frames.c.run_id == run_id, frames.c.name == WEIGHTS)
        rows = sa.select(frame_steps.c.row, frame_steps.c.step).where(
            frame_steps.c.run_id == run_id
        )
        with self._database.read() as connection:
            fresh = set(connection.scalars(kept))
            known = [(row.row, row.step) for row in connection.execute(rows)]
            places = self._places(connection, run_id, len(known))
        flushed: set[int] = set()
        for place in places:
            flushed |= place.records.among(set(place.rows) - fresh)
        return sorted(step for row, step in known if row in fresh or row in flushed)

    def drop_damaged(self) -> Iterator[tuple[str, int | None]]:
        """Drop what is not as it was written; yield run and step, None for all that a run had.

        What is not flushed yet lies in the database, which sees to its own.
        """
        flushed = sa.select(runs.c.id, runs.c.flushed_rows).where(runs.c.flushed_rows > 0)
        with self._database.read() as connection:
            places = {
                row.id: self._places(connection, row.id, row.flushed_rows)
                for row in connection.execute(flushed).all()
            }
        for run_id, of_run in places.items():
            for place in of_run:
                for row in _drop_damaged(place):
                    yield run_id, None if row is None else self._step_at(run_id, row)

    def _step_at(self, run_id: str, row: int) -> int | None:
        query = sa.select(frame_steps.c.step).where(
            frame_steps.c.run_id == run_id, frame_steps.c.row == row
        )
        with self._database.read() as connection:
            return connection.scalar(query)

    def _places(self, connection: Connection, run_id: str, end: int) -> list[_Place]:
        """Return where a run's rows below `end` are, if they are flushed, in their order."""
        query = sa.select(runs.c.segments).where(runs.c.id == run_id)
        segments = in_use(segments_of(connection.scalar(query) or ()))
        ends = [*(segment.frames for segment in segments[1:]), end]
        return [
            _Place(
                records_of(self._files, folder_of(run_id, segment.attempt)),
                range(segment.frames, min(until, end)),
            )
            for segment, until in zip(segments, ends, strict=True)
            if segment.frames < end
        ]


def _drop_damaged(place: _Place) -> Iterator[int | None]:
    """Drop an attempt's damaged records; yield their rows, None for all of them."""
    records = place.records
    if records.is_lost():
        records.remove()
        yield None
        return
    for row in sorted(records.among(place.rows)):
        if _payload_of(records, row) is None:
            records.erase(row)
            yield row
    records.sync()


def _payload_of(records: Records, row: int) -> bytes | None:
    content = records.read(row) or b""
    payload, crc = content[:-_CRC], content[-_CRC:]
    return payload if len(content) > _CRC and _crc_of(payload) == crc else None


def _crc_of(payload: bytes) -> bytes:
    return zlib.crc32(payload).to_bytes(_CRC, "little")
