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

from app.store.claims import Claim, write_under
from app.store.database import Database
from app.store.errors import CheckpointNotFound, LeaseLost
from app.store.files import Files
from app.store.records import CheckpointInfo
from app.store.segments import folder_of
from app.store.tables import checkpoints

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
        content = self._model(run_id, step)
        if parts is None:
            return content
        tensors = load(content)
        return bytes(save({key: tensors[key] for key in tensors if _part_of(key) in parts}))

    def write_model(self, claim: Claim, step: int, tensors: Tensors) -> None:
        """Keep a checkpoint for users; one of the same step is replaced.

        Raises:
            LeaseLost: The run is no longer this attempt's; nothing has changed.
        """
        self._write(claim, "model", step, f"model-{step}.safetensors", save(_solid(tensors)))

    def write_probe(self, claim: Claim, tensors: Tensors) -> None:
        """Keep the probe batch of a run that keeps no checkpoint at step 0.

        Raises:
            LeaseLost: The run is no longer this attempt's; nothing has changed.
        """
        self._write(claim, "probe", 0, "probe.safetensors", save(_solid(tensors)))

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

    def write_resume(self, claim: Claim, step: int, tensors: Tensors, metadata: str) -> None:
        """Keep what the run can go on from, and drop all but the two newest of these.

        Raises:
            LeaseLost: The run is no longer this attempt's; nothing has changed.
        """
        content = save(_solid(tensors), {"state": metadata})
        self._write(claim, "resume", step, f"resume-{step}.safetensors", content)
        for row in self._resume_rows(claim.run_id)[KEPT_FOR_RESUMING:]:
            self._drop(claim.run_id, row)

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

    def _model(self, run_id: str, step: int) -> bytes:
        query = sa.select(checkpoints.c.file).filter_by(run_id=run_id, kind="model", step=step)
        sought = None
        while True:
            with self._database.read() as connection:
                file = connection.scalar(query)
            if file is None:
                raise CheckpointNotFound(f"run {run_id} has no checkpoint at step {step}")
            try:
                return self.files.read(f"{run_id}/{file}")
            except FileNotFoundError as err:
                if file == sought:
                    raise CheckpointNotFound(
                        f"run {run_id} has lost its checkpoint at {step}"
                    ) from err
                sought = file  # or another attempt has put its own in its place: look again

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

    def _write(self, claim: Claim, kind: str, step: int, file: str, content: bytes) -> None:
        """Write a file of the attempt's own, then name it in the table while the run is its."""
        name = f"{folder_of(claim.run_id, claim.attempt)}/{file}"
        self.files.write(name, content)
        key = {"run_id": claim.run_id, "kind": kind, "step": step}
        values = {
            "file": name.removeprefix(f"{claim.run_id}/"),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "created_at": datetime.now(UTC),
        }
        # With a state to go on from, the run has moved on: what failed before counts no more.
        fence = {"failures": 0} if kind == "resume" else {"attempt": claim.attempt}
        replaced = sa.select(checkpoints.c.file).filter_by(**key)
        try:
            with self._database.write() as connection:
                write_under(connection, claim, **fence)
                before = connection.scalar(replaced)
                connection.execute(sa.delete(checkpoints).filter_by(**key))
                connection.execute(sa.insert(checkpoints).values(**key, **values))
        except LeaseLost:
            self.files.remove(name)
            raise
        if before not in (None, values["file"]):
            self.files.remove(f"{claim.run_id}/{before}")

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
