"""The weights of recorded frames, so that what was not recorded can be computed of them later.

One file a run beside its checkpoints, a record for each frame at a place of its own: eight bytes
that say how long every record is, then at row · length the weights as safetensors and their CRC.
A frame whose weights were not kept is a hole. Until they are flushed, weights lie with their frame
in the database, as a part named `WEIGHTS`.
"""

import os
import zlib
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app.store.database import Database
from app.store.tables import frame_steps, frames, runs

WEIGHTS: Final = "weights"
FILE: Final = "weights.bin"
KEPT_BYTES: Final = 64 * 2**20
"""Most that is kept of a run: of larger ones the weights of every second, third, … frame."""

_HEAD: Final = 8
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

    def __init__(self, folder: Path) -> None:
        """Write into a run's folder of checkpoints."""
        self._path = folder / FILE
        self._touched = False

    def write(self, row: int, payload: bytes) -> None:
        """Write the weights of the frame at `row`; those of another length are left out."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        length = len(payload) + _CRC
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            head = os.pread(descriptor, _HEAD, 0) or length.to_bytes(_HEAD, "little")
            if int.from_bytes(head, "little") != length:
                return
            os.pwrite(descriptor, head, 0)
            crc = zlib.crc32(payload).to_bytes(_CRC, "little")
            os.pwrite(descriptor, payload + crc, _HEAD + row * length)
        finally:
            os.close(descriptor)
        self._touched = True

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        if not self._touched:
            return
        for path in (self._path, self._path.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._touched = False


class WeightStore:
    """Reads the weights of recorded frames."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Read from the folder of checkpoints."""
        self._database, self._folder = database, folder

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
        flushed = self._rows(run_id, [row for row, _ in known if row not in fresh])
        return sorted(step for row, step in known if row in fresh or row in flushed)

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
        try:
            with (self._folder / run_id / FILE).open("rb") as file:
                length = int.from_bytes(file.read(_HEAD), "little")
                content = os.pread(file.fileno(), length, _HEAD + row * length)
        except FileNotFoundError:
            return None
        payload, crc = content[:-_CRC], content[-_CRC:]
        whole = len(content) == length and zlib.crc32(payload).to_bytes(_CRC, "little") == crc
        return payload if whole else None

    def _rows(self, run_id: str, rows: list[int]) -> set[int]:
        """Return those of the rows that the file has."""
        try:
            with (self._folder / run_id / FILE).open("rb") as file:
                length = int.from_bytes(file.read(_HEAD), "little")
                # safetensors begin with the length of their header: never zeros, as a hole does.
                begins = {row: os.pread(file.fileno(), _HEAD, _HEAD + row * length) for row in rows}
        except FileNotFoundError:
            return set()
        return {row for row, begin in begins.items() if any(begin)}
