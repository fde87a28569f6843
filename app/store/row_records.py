"""A record for some of a run's frames, each found by its row: in one file, or an object each."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from app.store.files import Files, FolderFiles

FILE: Final = "weights.bin"
TOP: Final = "weights"
_HEAD: Final = 8


class Records(Protocol):
    """Records of one attempt at a run, of one length all; a row may have none."""

    def write(self, row: int, content: bytes) -> None:
        """Write the record of a row; one of another length than the first is left out."""

    def read(self, row: int) -> bytes | None:
        """Return the record of a row, whole or not; None where there is none."""

    def among(self, rows: Iterable[int]) -> set[int]:
        """Return those of the rows that have a record."""

    def erase(self, row: int) -> None:
        """Make a row one without a record, if it has one."""

    def is_lost(self) -> bool:
        """Say whether there is something that no record can be told from."""

    def remove(self) -> None:
        """Remove all of it."""

    def sync(self) -> None:
        """Make what was written survive a power cut."""


def records_of(files: Files, folder: str) -> Records:
    """Return the records in a folder, where its files are."""
    if isinstance(files, FolderFiles):
        return FileRecords(files.path_of(f"{folder}/{FILE}"))
    return ObjectRecords(files, f"{folder}/{TOP}")


class FileRecords:
    """A file with eight bytes that say how long every record is, then a place for every row.

    A row without a record is a hole.
    """

    def __init__(self, path: Path) -> None:
        """Use a file, which need not be there."""
        self._path = path
        self._touched = False

    def write(self, row: int, content: bytes) -> None:
        """Write at row · length."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        length = len(content)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            head = os.pread(descriptor, _HEAD, 0) or length.to_bytes(_HEAD, "little")
            if int.from_bytes(head, "little") != length:
                return
            os.pwrite(descriptor, head, 0)
            os.pwrite(descriptor, content, _HEAD + row * length)
        finally:
            os.close(descriptor)
        self._touched = True

    def read(self, row: int) -> bytes | None:
        """Read at row · length."""
        try:
            with self._path.open("rb") as file:
                length = _length(file.fileno())
                content = os.pread(file.fileno(), length, _HEAD + row * length)
        except FileNotFoundError:
            return None
        return content if content else None

    def among(self, rows: Iterable[int]) -> set[int]:
        """Look which rows are no holes."""
        try:
            with self._path.open("rb") as file:
                length = _length(file.fileno())
                if length == 0:
                    return set()
                # safetensors begin with the length of their header: never zeros, as a hole does.
                begins = {row: os.pread(file.fileno(), _HEAD, _HEAD + row * length) for row in rows}
        except FileNotFoundError:
            return set()
        return {row for row, begin in begins.items() if any(begin)}

    def erase(self, row: int) -> None:
        """Write zeros where the record is: what cannot be told from a hole is one."""
        with self._path.open("r+b") as file:
            length, end = _length(file.fileno()), os.fstat(file.fileno()).st_size
            start = _HEAD + row * length
            os.pwrite(file.fileno(), bytes(max(0, min(length, end - start))), start)
        self._touched = True

    def is_lost(self) -> bool:
        """Look whether the head says a length that the file can have."""
        try:
            with self._path.open("rb") as file:
                return _length(file.fileno()) == 0
        except FileNotFoundError:
            return False

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Bring the file and its folder to the disk."""
        if not self._touched:
            return
        for path in (self._path, self._path.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._touched = False


def _length(descriptor: int) -> int:
    """Return how long every record is; 0 where the head says what cannot be."""
    length = int.from_bytes(os.pread(descriptor, _HEAD, 0), "little")
    return length if length <= os.fstat(descriptor).st_size else 0


class ObjectRecords:
    """An object a row, for storage that writes objects as a whole."""

    def __init__(self, files: Files, top: str) -> None:
        """Keep objects under a name."""
        self._files, self._top = files, top

    def write(self, row: int, content: bytes) -> None:
        """Put the row's object."""
        self._files.write(f"{self._top}/{row}", content)

    def read(self, row: int) -> bytes | None:
        """Fetch the row's object."""
        try:
            return self._files.read(f"{self._top}/{row}")
        except FileNotFoundError:
            return None

    def among(self, rows: Iterable[int]) -> set[int]:
        """Look which rows have an object."""
        return {int(name) for name in self._files.names(self._top)} & set(rows)

    def erase(self, row: int) -> None:
        """Remove the row's object."""
        self._files.remove(f"{self._top}/{row}")

    def is_lost(self) -> bool:
        """Say no: every object is found by its name."""
        return False

    def remove(self) -> None:
        """Remove every object."""
        self._files.remove_all(self._top)

    def sync(self) -> None:
        """Do nothing: an object is durable once it is there."""
