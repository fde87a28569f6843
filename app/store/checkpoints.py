"""Checkpoints: safetensors files, written whole or not at all, and their rows."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
import structlog
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app.store.database import Database
from app.store.errors import CheckpointNotFound
from app.store.files import Files
from app.store.records import CheckpointInfo
from app.store.tables import checkpoints, runs

Part = Literal["recurrent", "readout", "probe"]
PARTS: tuple[Part, ...] = ("recurrent", "readout", "probe")
KEPT_FOR_RESUMING = 2
Tensors = Mapping[str, NDArray[Any]]
Resumable = tuple[int, dict[str, NDArray[Any]], str]

log = structlog.get_logger()


class DamagedFile(Exception):
    """A file that is missing, or not what its checksum says."""


class CheckpointStore:
    """Checkpoints for users (`model`), those that a run goes on from (`resume`), its `probe`."""

    def __init__(self, database: Database, files: Files) -> None:
        """Keep checkpoints among the given files."""
        self._database = database
        self.files = files

    def list(self, run_id: str) -> list[CheckpointInfo]:
        """Return what can be downloaded, in the order of steps."""
        query = (
            sa.select(checkpoints)
            .where(checkpoints.c.run_id == run_id, checkpoints.c.kind == "model")
            .order_by(checkpoints.c.step)
        )
        with self._database.read() as connection:
            return [
                CheckpointInfo(
                    step=row.step, bytes=row.bytes, sha256=row.sha256, created_at=row.created_at
                )
                for row in connection.execute(query)
            ]

    def read(self, run_id: str, step: int, parts: Sequence[str] | None = None) -> bytes:
        """Return a checkpoint as safetensors, whole or some parts of it.

        `recurrent` has PyTorch's keys alone, so that a strict `load_state_dict` takes it.

        Raises:
            CheckpointNotFound: There is none at this step.
            ValueError: There is no such part; the parts are those of `PARTS`.
        """
        unknown = set(parts or ()) - set(PARTS)
        if unknown:
            raise ValueError(f"unknown part {min(unknown)!r}; known: {', '.join(PARTS)}")
        query = sa.select(checkpoints.c.file).where(
            checkpoints.c.run_id == run_id,
            checkpoints.c.kind == "model",
            checkpoints.c.step == step,
        )
        with self._database.read() as connection:
            file = connection.scalar(query)
        if file is None:
            raise CheckpointNotFound(f"run {run_id} has no checkpoint at step {step}")
        try:
            content = self.files.read(f"{run_id}/{file}")
        except FileNotFoundError as err:
            raise CheckpointNotFound(f"run {run_id} has lost its checkpoint at {step}") from err
        if parts is None:
            return content
        tensors = load(content)
        return bytes(save({key: tensors[key] for key in tensors if _part_of(key) in parts}))

    def write_model(self, run_id: str, step: int, tensors: Tensors) -> None:
        """Keep a checkpoint for users; one of the same step is replaced."""
        self._write(run_id, "model", step, f"model-{step}.safetensors", save(_solid(tensors)))

    def write_probe(self, run_id: str, tensors: Tensors) -> None:
        """Keep the probe batch of a run that keeps no checkpoint at step 0."""
        self._write(run_id, "probe", 0, "probe.safetensors", save(_solid(tensors)))

    def probe(self, run_id: str) -> dict[str, NDArray[Any]]:
        """Return the probe batch of a run: inputs, targets, mask.

        Raises:
            CheckpointNotFound: The run has not begun, or its files are lost.
        """
        rows = (row for row in self._rows(run_id) if row.kind in ("probe", "model"))
        for row in rows:
            try:
                tensors = load(self._content_of(run_id, row))
            except (DamagedFile, SafetensorError):
                continue
            return {
                key.removeprefix("probe."): value
                for key, value in tensors.items()
                if _part_of(key) == "probe"
            }
        raise CheckpointNotFound(f"run {run_id} has no probe batch yet")

    def write_resume(
        self, run_id: str, attempt: int, step: int, tensors: Tensors, metadata: str
    ) -> None:
        """Keep what the run can go on from, and drop all but the two newest of these."""
        content = save(_solid(tensors), {"state": metadata})
        self._write(run_id, "resume", step, f"resume-{attempt}-{step}.safetensors", content)
        for row in self._resume_rows(run_id)[KEPT_FOR_RESUMING:]:
            self._drop(run_id, row)

    def newest_resume(self, run_id: str) -> Resumable | None:
        """Return step, tensors and metadata of the newest whole checkpoint to go on from."""
        return next(self.resumable(run_id), None)

    def resumable(self, run_id: str) -> Iterator[Resumable]:
        """Yield step, tensors and metadata of the whole checkpoints, the newest first.

        One that is missing or damaged is passed over, and the log says so.
        """
        for row in self._resume_rows(run_id):
            try:
                content = self._content_of(run_id, row)
                found = row.step, load(content), _metadata_of(content)["state"]
            except (DamagedFile, SafetensorError, KeyError) as err:
                log.warning(
                    "a checkpoint is passed over", run=run_id, step=row.step, reason=str(err)
                )
                continue
            yield found

    def damaged(self) -> Sequence[tuple[str, str, int]]:
        """Return run, kind and step of every checkpoint whose file is missing or not as written."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(checkpoints)).all()
        found = []
        for row in rows:
            try:
                self._content_of(row.run_id, row)
            except DamagedFile:
                found.append((row.run_id, row.kind, row.step))
        return found

    def forget(self, run_id: str, kind: str, step: int) -> None:
        """Drop a checkpoint that cannot be read; the one before takes its place."""
        for row in self._rows(run_id):
            if (row.kind, row.step) == (kind, step):
                self._drop(run_id, row)

    def _rows(self, run_id: str) -> Sequence[sa.Row[Any]]:
        query = sa.select(checkpoints).where(checkpoints.c.run_id == run_id)
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _content_of(self, run_id: str, row: sa.Row[Any]) -> bytes:
        try:
            content = self.files.read(f"{run_id}/{row.file}")
        except FileNotFoundError as err:
            raise DamagedFile(f"{row.file} is missing") from err
        if hashlib.sha256(content).hexdigest() != row.sha256:
            raise DamagedFile(f"{row.file} is not as it was written")
        return content

    def drop_resume(self, run_id: str, *, keep: int = 0) -> None:
        """Drop what only an unfinished run needs, but for the newest few."""
        for row in self._resume_rows(run_id)[keep:]:
            self._drop(run_id, row)

    def _write(self, run_id: str, kind: str, step: int, file: str, content: bytes) -> None:
        self.files.write(f"{run_id}/{file}", content)
        key = {"run_id": run_id, "kind": kind, "step": step}
        values = {
            "file": file,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "created_at": datetime.now(UTC),
        }
        with self._database.write() as connection:
            connection.execute(sa.delete(checkpoints).filter_by(**key))
            connection.execute(sa.insert(checkpoints).values(**key, **values))
            if kind == "resume":  # the run has moved on: what failed before counts no more
                connection.execute(sa.update(runs).where(runs.c.id == run_id).values(failures=0))

    def _resume_rows(self, run_id: str) -> Sequence[sa.Row[Any]]:
        query = (
            sa.select(checkpoints)
            .where(checkpoints.c.run_id == run_id, checkpoints.c.kind == "resume")
            .order_by(checkpoints.c.step.desc())
        )
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _drop(self, run_id: str, row: sa.Row[Any]) -> None:
        key = {"run_id": run_id, "kind": row.kind, "step": row.step}
        with self._database.write() as connection:
            connection.execute(sa.delete(checkpoints).filter_by(**key))
        self.files.remove(f"{run_id}/{row.file}")


def _part_of(key: str) -> Part:
    if key.startswith("readout."):
        return "readout"
    return "probe" if key.startswith("probe.") else "recurrent"


def _solid(tensors: Tensors) -> dict[str, NDArray[Any]]:
    return {key: np.ascontiguousarray(value) for key, value in tensors.items()}


def _metadata_of(content: bytes) -> dict[str, str]:
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return {str(key): str(value) for key, value in metadata.items()}
