"""Watched steps on disk: a folder for each loop, from which they are sent in their order.

    config.json     what the run is made with, its key, and whose process the loop is
    run             the run's id, as soon as it has one
    00000050.frame  a step that has not arrived yet
    end.json        how the loop ended

A step is deleted when it is known to have arrived, and sent again when that is not known: the
service takes each once.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.capture.counts import Counts
from app.capture.destinations import AwayError, Destination, OverError, RefusedError, Service
from app.client import Client

MOST_BYTES: Final = 2 * 2**30
LOST: Final = "the process of the training loop was gone before the loop had ended"
_CONFIG, _RUN, _END, _FRAME = "config.json", "run", "end.json", ".frame"


class Spool:
    """The steps of one loop, on disk.

    Attributes:
        run_id: The run's id; None before it is known here.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Use a folder, which `begin` makes."""
        self.folder = folder
        self.run_id: str | None = None
        self._most = most_bytes

    @classmethod
    def within(cls, parent: Path, *, most_bytes: int = MOST_BYTES) -> "Spool":
        """Return a new spool below a folder."""
        return cls(parent / str(uuid.uuid4()), most_bytes=most_bytes)

    @property
    def has_begun(self) -> bool:
        """Whether it says yet what its run is made with."""
        return (self.folder / _CONFIG).exists()

    def begin(self, config: Mapping[str, Any]) -> None:
        """Make the folder and say what the run is made with."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = {"config": dict(config), "key": self.folder.name, "pid": os.getpid()}
        self._write(_CONFIG, json.dumps(told).encode())

    def keep(self, step: int, body: bytes) -> bool:
        """Keep a step; say whether there was room for it."""
        if len(body) + sum(_size(path) for path in self.steps()) > self._most:
            return False
        self._write(f"{step:08d}{_FRAME}", body)
        return True

    def end(self, status: str, error: str | None) -> None:
        """Say how the loop has ended."""
        if self.has_begun:
            self._write(_END, json.dumps({"status": status, "error": error}).encode())

    def steps(self) -> list[Path]:
        """Return the steps that have not arrived yet, in their order."""
        return sorted(self.folder.glob(f"*{_FRAME}"))

    def send(self, destination: Destination, counts: Counts) -> None:
        """Send all that is kept, and the end where there is one; then nothing is left.

        What is refused would be again, so it is counted and dropped.

        Raises:
            AwayError: The destination could not be reached; what was not sent is kept.
            OverError: The run takes no more steps; they are dropped.
            RefusedError: There can be no such run.
        """
        if not self.has_begun:
            return
        ended = self.has_ended  # asked first: what it ended with is on disk then
        try:
            run_id = self._run(destination)
            for path in self.steps():
                try:
                    destination.add(run_id, path.read_bytes())
                    counts.sent += 1
                except RefusedError:
                    counts.refused += 1
                path.unlink()
            if ended:
                told = json.loads((self.folder / _END).read_bytes())
                destination.finish(run_id, told["status"], told["error"])
                self.drop()
        except OverError:
            self.drop()
            raise

    def drop(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_abandoned(self) -> bool:
        """Whether the process of the loop is gone, and has not said that it ended."""
        if (self.folder / _END).exists():
            return False
        pid = int(json.loads((self.folder / _CONFIG).read_bytes())["pid"])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    @property
    def has_ended(self) -> bool:
        """Whether the loop has said that it ended."""
        return (self.folder / _END).exists()

    def _run(self, destination: Destination) -> str:
        path = self.folder / _RUN
        if self.run_id is None and path.exists():
            self.run_id = path.read_text(encoding="ascii")
        if self.run_id is None:
            told = json.loads((self.folder / _CONFIG).read_bytes())
            self.run_id = destination.create(told["config"], told["key"])
            self._write(_RUN, self.run_id.encode("ascii"))
        return self.run_id

    def _write(self, name: str, body: bytes) -> None:
        """Write a file that is there whole or not at all."""
        part = self.folder / f".{name}.part"
        part.write_bytes(body)
        part.replace(self.folder / name)


def _size(path: Path) -> int:
    """Return the bytes of a step that waits; none of one that has been sent meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def send_kept(folder: Path | str, client: Client) -> list[str]:
    """Send what loops have left in a folder while the service was away.

    What a loop that still runs has there is left to it.

    Returns:
        The ids of the runs that are complete now.

    Raises:
        AwayError: The service cannot be reached.
    """
    complete = []
    for path in sorted(Path(folder).glob(f"*/{_CONFIG}")):
        spool = Spool(path.parent)
        if spool.is_abandoned:
            spool.end("failed", LOST)
        if not spool.has_ended:
            continue
        try:
            spool.send(Service(client), Counts())
        except (OverError, RefusedError):
            continue
        if spool.run_id is not None:
            complete.append(spool.run_id)
    return complete


__all__ = ["AwayError", "Spool", "send_kept"]
