"""The threads behind a watched loop: one keeps what it took on disk, one sends it from there.

The loop hands over and goes on at once. Sending may take as long as it likes, or wait for a
service that is away: between the two threads lies the disk.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.capture.counts import Counts
from app.capture.destinations import AwayError, Destination, OverError, RefusedError
from app.capture.spool import Spool
from app.frame_bytes import pack
from engine import Taken

QUEUED: Final = 4
"""Steps that may wait for the thread: each holds a copy of the weights."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

Step = tuple[Mapping[str, Any], Callable[[], Taken]]
"""What the run is made with, and what makes numbers of what was taken."""


class Sender:
    """Keeps steps on disk and sends them from there."""

    def __init__(self, destination: Destination, spool: Spool, counts: Counts) -> None:
        """Start the threads."""
        self._destination, self._spool, self._counts = destination, spool, counts
        self._queue: queue.Queue[Step | None] = queue.Queue(QUEUED)
        self._something, self._all_kept = threading.Event(), threading.Event()
        self._deadline = float("inf")
        self._trouble: str | None = None
        self._over: str | None = None
        self._threads = [
            threading.Thread(target=work, name=f"gradtide-capture-{name}", daemon=True)
            for name, work in (("keep", self._keep_all), ("send", self._send_all))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def run_id(self) -> str | None:
        """The run's id; None before the first step has arrived."""
        return self._spool.run_id

    @property
    def is_over(self) -> bool:
        """Whether the run takes no more steps."""
        return self._over is not None

    @property
    def trouble(self) -> str | None:
        """Why steps do not arrive, or were refused; None where all is well."""
        return self._over or self._trouble

    @property
    def waiting(self) -> int:
        """Steps that wait to be kept on disk."""
        return self._queue.qsize()

    def put(self, step: Step) -> bool:
        """Hand over a step without waiting; say whether there was room for it."""
        if self.is_over:
            return False
        try:
            self._queue.put_nowait(step)
        except queue.Full:
            return False
        return True

    def close(self, status: str, error: str | None, *, patience: float) -> None:
        """Send what is left, for so many seconds; the rest stays on disk, and how it ended."""
        keep, send = self._threads
        self._queue.put(None)
        keep.join()
        self._spool.end(status, error)
        self._deadline = time.monotonic() + patience
        self._all_kept.set()
        self._something.set()
        send.join()

    def _keep_all(self) -> None:
        while (step := self._queue.get()) is not None:
            if not self._keep(*step):
                self._counts.dropped += 1
            self._something.set()

    def _send_all(self) -> None:
        pause, is_there = FIRST_PAUSE, True
        while True:
            self._something.wait(None if is_there else pause)
            self._something.clear()
            ended = self._all_kept.is_set()
            is_there = self._deliver()
            pause = FIRST_PAUSE if is_there else min(2 * pause, LONGEST_PAUSE)
            if ended and (is_there or time.monotonic() > self._deadline):
                break
            if ended:
                pause = FIRST_PAUSE
        self._destination.close()

    def _keep(self, config: Mapping[str, Any], make: Callable[[], Taken]) -> bool:
        """Keep a step on disk; say whether that went well, or is no more wanted."""
        if self.is_over:
            return True
        try:
            if not self._spool.has_begun:
                self._spool.begin(config)
            taken = make()
            return self._spool.keep(taken.step, pack(taken))
        except Exception as err:  # whatever it is, the training loop goes on
            self._trouble = f"a step could not be kept: {type(err).__name__}: {err}"
            return self.is_over

    def _deliver(self) -> bool:
        """Send what is on disk; say whether the destination was there."""
        if self.is_over:
            self._spool.drop()  # what was on its way to the disk when that was said
            return True
        refused = self._counts.refused
        try:
            self._spool.send(self._destination, self._counts)
        except AwayError as err:
            self._trouble = str(err)
            return False
        except (OverError, RefusedError) as err:
            self._over = str(err)
            return True
        except Exception as err:  # whatever it is, the steps stay on disk
            self._trouble = f"{type(err).__name__}: {err}"
            return False
        refused = self._counts.refused - refused
        self._trouble = f"{refused} steps were refused" if refused else None
        return True
