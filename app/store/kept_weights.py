"""The weights of recorded frames, so that what was not recorded can be computed of them later.

A record a frame beside a run's checkpoints: the weights as safetensors, and their CRC. Until they
are flushed, weights lie with their frame in the database, as a part named `WEIGHTS`.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app.store.database import Database
from app.store.files import Files
from app.store.row_records import records_of
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
    """Writes the weights of one run's frames."""

    def __init__(self, files: Files, run_id: str) -> None:
        """Write beside a run's checkpoints."""
        self._records = records_of(files, run_id)

    def write(self, row: int, payload: bytes) -> None:
        """Write the weights of the frame at `row`; those of another length are left out."""
        self._records.write(row, payload + _crc_of(payload))

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        self._records.sync()


class WeightStore:
    """Reads the weights of recorded frames."""

    def __init__(self, database: Database, files: Files) -> None:
        """Read from the files of checkpoints."""
        self._database, self._files = database, files

    def read(self, run_id: str, step: int) -> Weights | None:
        """Return the weights after `step` updates; None where they were not kept, or are lost."""
        row, fresh = self._find(run_id, step)
        if row is None:
            return None
        payload = self._record(run_id, row) if fresh is None else fresh
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
        missing = [row for row, _ in known if row not in fresh]
        flushed = records_of(self._files, run_id).among(missing)
        return sorted(step for row, step in known if row in fresh or row in flushed)

    def drop_damaged(self) -> Iterator[tuple[str, int | None]]:
        """Drop what is not as it was written; yield run and step, None for all that a run had.

        What is not flushed yet lies in the database, which sees to its own.
        """
        flushed = sa.select(runs.c.id, runs.c.flushed_rows).where(runs.c.flushed_rows > 0)
        with self._database.read() as connection:
            known = connection.execute(flushed).all()
        for run in known:
            records = records_of(self._files, run.id)
            if records.is_lost():
                records.remove()
                yield run.id, None
                continue
            for row in sorted(records.among(range(run.flushed_rows))):
                if self._record(run.id, row) is None:
                    records.erase(row)
                    yield run.id, self._step_at(run.id, row)
            records.sync()

    def _step_at(self, run_id: str, row: int) -> int | None:
        query = sa.select(frame_steps.c.step).where(
            frame_steps.c.run_id == run_id, frame_steps.c.row == row
        )
        with self._database.read() as connection:
            return connection.scalar(query)

    def _find(self, run_id: str, step: int) -> tuple[int | None, bytes | None]:
        """Return the row of a recorded step, and its payload where it is not flushed."""
        recorded = sa.select(runs.c.recorded_rows).where(runs.c.id == run_id).scalar_subquery()
        row_of = sa.select(frame_steps.c.row).where(
            frame_steps.c.run_id == run_id, frame_steps.c.step == step, frame_steps.c.row < recorded
        )
        with self._database.read() as connection:
            row = connection.scalar(row_of)
            if row is None:
                return None, None
            payload = connection.scalar(
                sa.select(frames.c.payload).where(
                    frames.c.run_id == run_id, frames.c.name == WEIGHTS, frames.c.row == row
                )
            )
        return int(row), payload

    def _record(self, run_id: str, row: int) -> bytes | None:
        content = records_of(self._files, run_id).read(row) or b""
        payload, crc = content[:-_CRC], content[-_CRC:]
        return payload if len(content) > _CRC and _crc_of(payload) == crc else None


def _crc_of(payload: bytes) -> bytes:
    return zlib.crc32(payload).to_bytes(_CRC, "little")
