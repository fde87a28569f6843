"""Watched steps on disk: a folder for each loop, from which they are sent in their order.

    config.json     what the run is made with, its key, and whose process the loop is
    run             the run's id at a service, as soon as it has one
    recorded        its id in a store of this machine
    00000050.frame  a step that has not arrived yet
    00000050.kept   one that is recorded on this machine, and may be sent to a service later
    end.json        how the loop ended

A step is deleted when it is known to have arrived at a service, and sent again when that is not
known: the service takes each once.
"""

import contextlib
import fcntl
import json
import os
import platform
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from app.capture.counts import Counts
from app.capture.destinations import AwayError, Destination, OverError, RefusedError

MOST_BYTES: Final = 2 * 2**30
Loop = Literal["ended", "gone", "running", "elsewhere"]
CONFIG: Final = "config.json"
_RUN, _RECORDED, _END, _FRAME, _KEPT = "run", "recorded", "end.json", ".frame", ".kept"


class Spool:
    """The steps of one loop, on disk.

    Attributes:
        run_id: The run's id; None before it is known here.
        is_done: Whether all has arrived, the end too.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Use a folder, which `begin` makes."""
        self.folder = folder
        self.run_id: str | None = None
        self.is_done = False
        self._most = most_bytes
        self._stayed = 0

    @classmethod
    def within(cls, parent: Path, *, most_bytes: int = MOST_BYTES) -> "Spool":
        """Return a new spool below a folder."""
        return cls(parent / str(uuid.uuid4()), most_bytes=most_bytes)

    @property
    def has_begun(self) -> bool:
        """Whether it says yet what its run is made with."""
        return (self.folder / CONFIG).exists()

    def begin(self, config: Mapping[str, Any]) -> None:
        """Make the folder and say what the run is made with."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whose = {"pid": os.getpid(), "host": platform.node()}
        told = {"config": dict(config), "key": self.folder.name, **whose}
        self._write(CONFIG, json.dumps(told).encode())

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

    def steps(self, *, recorded: bool = False) -> list[Path]:
        """Return the steps that have not arrived yet, in their order; also those recorded here."""
        found = [*self.folder.glob(f"*{_FRAME}")]
        if recorded:
            found += self.folder.glob(f"*{_KEPT}")
        return sorted(found)

    def send(
        self,
        destination: Destination,
        counts: Counts,
        arrived: Callable[[], object] = lambda: None,
    ) -> None:
        """Send all that is kept, and the end where there is one; then nothing is left.

        What is refused would be again, so it is counted and dropped. Where the destination is of
        this machine, what is recorded there stays here, as far as there is room, for a service
        that it may be sent to later.

        Raises:
            AwayError: The destination could not be reached, or somebody else is sending; what was
                not sent is kept.
            OverError: The run takes no more steps; they are dropped.
            RefusedError: There can be no such run.
        """
        if not self.has_begun:
            return
        with self._alone():
            ended = self.has_ended  # asked first: what it ended with is on disk then
            try:
                run_id = self._run(destination)
                for path in self.steps(recorded=not destination.stays):
                    self._send_step(path, destination, run_id, counts)
                    arrived()
                if ended:
                    self._send_end(destination, run_id)
            except OverError:
                self.drop()
                raise

    def _send_step(self, path: Path, destination: Destination, run_id: str, counts: Counts) -> None:
        body = path.read_bytes()
        try:
            destination.add(run_id, body)
        except RefusedError:
            counts.refused += 1
            path.unlink()
            return
        counts.sent += 1
        if destination.stays and self._stayed + len(body) <= self._most:
            self._stayed += len(body)
            path.replace(path.with_suffix(_KEPT))
        else:
            path.unlink()

    def _send_end(self, destination: Destination, run_id: str) -> None:
        told = json.loads((self.folder / _END).read_bytes())
        destination.finish(run_id, told["status"], told["error"])
        self.is_done = True
        if not destination.stays:
            self.drop()

    def drop(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from sending the same steps meanwhile.

        Raises:
            AwayError: Another one is sending them.
        """
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise AwayError("another process is sending these steps") from err
            yield
        finally:
            os.close(folder)

    @property
    def service_run(self) -> str | None:
        """The run's id at the service that some steps have gone to; None before that."""
        path = self.folder / _RUN
        return path.read_text(encoding="ascii") if path.exists() else None

    @property
    def loop(self) -> Loop:
        """How the loop is: ended, gone without having said so, running, or of another machine.

        Raises:
            ValueError: The folder is none that a watched loop has written; so KeyError, TypeError.
        """
        if self.has_ended:
            return "ended"
        told = self._told()
        if told.get("host", platform.node()) != platform.node():
            return "elsewhere"
        try:
            os.kill(int(told["pid"]), 0)
        except ProcessLookupError:
            return "gone"
        except PermissionError:
            return "running"
        return "running"

    @property
    def has_ended(self) -> bool:
        """Whether the loop has said that it ended."""
        return (self.folder / _END).exists()

    def _run(self, destination: Destination) -> str:
        name = _RECORDED if destination.stays else _RUN
        path = self.folder / name
        if self.run_id is None and path.exists():
            self.run_id = path.read_text(encoding="ascii")
        if self.run_id is None:
            told = self._told()
            self.run_id = destination.create(told["config"], told["key"])
            self._write(name, self.run_id.encode("ascii"))
        return self.run_id

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / CONFIG).read_bytes())
        return told

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
