"""Files by name, whole or not at all: in a folder of this machine, or elsewhere (`objects`)."""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest
from zarr.storage import LocalStore

Bytes = NDArray[np.uint8]
PARTIAL = ".partial"
# Mapping a file costs a tenth of a millisecond, and then a fault at each of its pages.
READ_AT_ONCE = 2**20


class Files(Protocol):
    """What the store asks of a place for files; names are parts joined by `/`, a run's id first."""

    def check(self) -> None:
        """Find out whether files can be kept.

        Raises:
            StorageError: They cannot.
        """

    def read(self, name: str) -> bytes:
        """Return a file.

        Raises:
            FileNotFoundError: There is none of this name.
        """

    def part(self, name: str, start: int, length: int) -> Bytes | None:
        """Return some bytes of a file, read when they are looked at; None where there is none."""

    def has(self, name: str) -> bool:
        """Say whether there is such a file."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file that is there whole or not at all, also after a power cut."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def names(self, top: str) -> set[str]:
        """Return the files right under a name, without it."""

    def tops(self) -> set[str]:
        """Return the first parts of all names."""

    def remove_all(self, top: str) -> None:
        """Remove every file whose name begins with this part."""

    def remove_partial(self) -> list[str]:
        """Remove what a crash left half written; return its names."""

    def sync(self, names: Iterable[str]) -> None:
        """Make files that others than this wrote survive a power cut."""

    def zarr(self, name: str) -> dict[str, Any]:
        """Return what Zarr is to be given to open an array or a group: its store and path."""


class FolderFiles:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Keep files under a folder that is there."""
        self.folder = folder

    def path_of(self, name: str) -> Path:
        """Return where a file is, or would be."""
        return self.folder / name

    def check(self) -> None:
        """Find out nothing: who made the folder knows."""

    def read(self, name: str) -> bytes:
        """Return a file."""
        return self.path_of(name).read_bytes()

    def part(self, name: str, start: int, length: int) -> Bytes | None:
        """Return some bytes of a file; of many, what is not looked at costs nothing."""
        try:
            with self.path_of(name).open("rb", buffering=0) as file:
                if length <= READ_AT_ONCE:
                    content = os.pread(file.fileno(), length, start)
                    if len(content) == length:
                        return np.frombuffer(content, dtype=np.uint8)
                return np.memmap(file, dtype=np.uint8, mode="r", offset=start, shape=(length,))
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """Say whether there is such a file."""
        return self.path_of(name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside the name it gets in the end."""
        path = self.path_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self.path_of(name).unlink(missing_ok=True)

    def names(self, top: str) -> set[str]:
        """Return the files right under a name."""
        folder = self.path_of(top)
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def tops(self) -> set[str]:
        """Return the folders right under this one."""
        return {path.name for path in self.folder.iterdir()}

    def remove_all(self, top: str) -> None:
        """Remove a folder."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path_of(top))

    def remove_partial(self) -> list[str]:
        """Remove what never got its name."""
        found = sorted(self.folder.rglob(f"*{PARTIAL}"))
        for path in found:
            path.unlink()
        return [str(path.relative_to(self.folder)) for path in found]

    def sync(self, names: Iterable[str]) -> None:
        """Bring files and their folders to the disk."""
        for name in names:
            path = self.path_of(name)
            if path.exists():  # a chunk of fill values only is not stored
                _sync(path)
                _sync(path.parent)

    def zarr(self, name: str) -> dict[str, Any]:
        """Return the folder."""
        return {"store": FolderStore(self.path_of(name))}


class FolderStore(LocalStore):
    """A folder for Zarr that reads and writes where it is asked.

    Zarr's own hands every file to another thread, which takes longer than the file does.
    """

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return a file, or a part of it; None where there is none."""
        return self.get_sync(key, prototype=prototype, byte_range=byte_range)

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file beside the name it gets in the end."""
        self.set_sync(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file where there is none: nobody else writes into an attempt's folder."""
        if not await self.exists(key):
            self.set_sync(key, value)

    async def exists(self, key: str) -> bool:
        """Say whether there is such a file."""
        return (self.root / key).is_file()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
