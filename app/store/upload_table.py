"""Uploaded data sets and models: a row each, and a file of tensors that any process maps."""

import hashlib
import json
import mmap
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, RowMapping

from app.store.database import Database
from app.store.errors import UploadInUse, UploadNotFound
from app.store.files import Files, FolderFiles
from app.store.listing import read_cursor, write_cursor
from app.store.records import OVER, Json
from app.store.tables import runs, uploads

Resource = Literal["dataset", "model"]
SUFFIX = ".safetensors"
INCOMING = "incoming-"
ABANDONED_SECONDS = 24 * 3600.0
PIECE = 1 << 20
NUMBER_TYPES = {
    "F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """An uploaded data set or model, as its row says.

    Attributes:
        number: Position in the order of creation.
        kind: Of a data set "series", "text" or "arrays"; of a model its cell.
        description: What was found in it.
        bytes: Size of the file of tensors.
    """

    id: str
    number: int
    resource: str
    kind: str
    name: str
    description: Json
    bytes: int
    sha256: str
    created_at: datetime


class UploadTable:
    """Uploads by id, pages of them, and their tensors."""

    def __init__(self, database: Database, folder: Path, elsewhere: Files | None = None) -> None:
        """Keep rows in a database and files in a folder.

        Args:
            database: Where the rows are.
            folder: Where files are written and mapped.
            elsewhere: Where they are kept for other machines as well, if they are.
        """
        self._database = database
        self._elsewhere = elsewhere
        self.folder = folder

    def new_place(self) -> Path:
        """Return where a file may be written that is not there yet for anybody else."""
        return self.folder / f"{INCOMING}{uuid.uuid4()}"

    def add(
        self, resource: Resource, kind: str, name: str, description: Mapping[str, Any], place: Path
    ) -> Upload:
        """Make a written file an upload; where the row cannot be made, the file stays as it was.

        Args:
            resource: "dataset" or "model".
            kind: What kind of either.
            name: What it is called.
            description: What was found in it.
            place: A file of `new_place`, written whole.
        """
        upload_id = str(uuid.uuid4())
        values = {
            "id": upload_id,
            "resource": resource,
            "kind": kind,
            "name": name,
            "description": dict(description),
            "bytes": place.stat().st_size,
            "sha256": _digest(place),
            "created_at": datetime.now(UTC),
        }
        target = self.file_of(upload_id)
        if self._elsewhere is not None:
            self._elsewhere.write(target.name, place.read_bytes())
        with self._database.write() as connection:
            connection.execute(sa.insert(uploads).values(**values))
            upload = self._get(connection, resource, upload_id)
            _flush(place)
            place.replace(target)
            _flush(self.folder)
        return upload

    def file_of(self, upload_id: str) -> Path:
        """Return where the tensors of an upload are."""
        return self.folder / f"{upload_id}{SUFFIX}"

    def get(self, resource: Resource, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            UploadNotFound: There is no such data set, or no such model.
        """
        with self._database.read() as connection:
            return self._get(connection, resource, upload_id)

    def page(
        self, resource: Resource, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Upload], str | None]:
        """Return uploads, the newest first, and a cursor for what follows, None after the last.

        Raises:
            InvalidCursor: The cursor was never handed out.
            StaleCursor: It belongs to another list.
        """
        query = (
            sa.select(uploads)
            .where(uploads.c.resource == resource)
            .order_by(uploads.c.number.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(uploads.c.number < read_cursor(cursor, resource)[1])
        with self._database.read() as connection:
            found = [_upload_of(row) for row in connection.execute(query).mappings()]
        if len(found) <= limit:
            return found, None
        number = found[limit - 1].number
        return found[:limit], write_cursor(resource, number, number)

    def tensors(self, upload_id: str) -> dict[str, NDArray[Any]]:
        """Return the tensors of an upload, mapped from its file: nothing is read before its use.

        Raises:
            UploadNotFound: Its file is gone.
        """
        path = self.file_of(upload_id)
        try:
            if self._elsewhere is not None and not path.exists():
                FolderFiles(self.folder).write(path.name, self._elsewhere.read(path.name))
            return self.mapped(path)
        except FileNotFoundError as err:
            raise UploadNotFound("upload", upload_id) from err

    def mapped(self, path: Path) -> dict[str, NDArray[Any]]:
        """Return the tensors of a file that was written here, read-only."""
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entries = json.loads(file.read(length))
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found: dict[str, NDArray[Any]] = {}
        for name, entry in entries.items():
            first, stop = entry["data_offsets"]
            dtype = np.dtype(NUMBER_TYPES[entry["dtype"]])
            count = (stop - first) // dtype.itemsize
            flat: NDArray[Any] = np.frombuffer(view, dtype, count, 8 + length + first)
            found[name] = flat.reshape(entry["shape"])
        return found

    def users_of(self, connection: Connection, upload_id: str) -> list[str]:
        """Return the runs that are not over and read an upload."""
        text = sa.type_coerce(runs.c.config, sa.Text)
        names = sa.func.replace(text, json.dumps(upload_id), "") != text
        query = (
            sa.select(runs.c.id)
            .where(names, runs.c.status.not_in(sorted(OVER)))
            .order_by(runs.c.number)
        )
        return [str(each) for each in connection.scalars(query)]

    def delete(self, resource: Resource, upload_id: str) -> None:
        """Delete an upload; runs that are over stay, and cannot be trained on any further.

        Raises:
            UploadNotFound: There is none.
            UploadInUse: A run that is not over reads it.
        """
        with self._database.write() as connection:
            self._get(connection, resource, upload_id)
            users = self.users_of(connection, upload_id)
            if users:
                raise UploadInUse(resource, upload_id, users)
            connection.execute(sa.delete(uploads).where(uploads.c.id == upload_id))
        path = self.file_of(upload_id)
        path.unlink(missing_ok=True)
        if self._elsewhere is not None:
            self._elsewhere.remove(path.name)

    def remove_orphans(self) -> list[str]:
        """Remove files without a row, and what was never finished; return their names."""
        # In this order: a file that is moved into place meanwhile has its row in the next look.
        present = list(self.folder.iterdir())
        with self._database.read() as connection:
            known = {f"{each}{SUFFIX}" for each in connection.scalars(sa.select(uploads.c.id))}
        removed = []
        for path in present:
            # One that is being written belongs to a process that is at work on it.
            if path.name not in known and _age(path) > ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return sorted(removed)

    def _get(self, connection: Connection, resource: str, upload_id: str) -> Upload:
        query = sa.select(uploads).where(uploads.c.id == upload_id, uploads.c.resource == resource)
        row = connection.execute(query).mappings().first()
        if row is None:
            raise UploadNotFound(resource, upload_id)
        return _upload_of(row)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _upload_of(row: RowMapping) -> Upload:
    return Upload(**{name: row[name] for name in Upload.__dataclass_fields__})
