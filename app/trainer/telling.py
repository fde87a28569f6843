"""What is told of a training, and when."""

import threading
import time
from multiprocessing.connection import Connection
from typing import Final

from app.trainer.messages import send_reports
from engine import Report, RunConfig, Snapshot, report_of

TOLD_SECONDS: Final = 0.1
"""Between two messages at most, where a step does not take longer."""

SLOW_SECONDS: Final = 1.0
"""Of a step from which every snapshot is whole: who had to ask for one would wait a step longer."""


class Teller:
    """Tells of the snapshots of a training, some at a time; those that are of use are whole."""

    def __init__(self, reports: Connection, config: RunConfig) -> None:
        """Begin before the first step."""
        self._reports, self._recording = reports, config.recording
        self._kept = config.recording.kept_steps(config.training.steps)
        self._asked = threading.Event()
        self._untold: list[Report] = []
        self._told_at = self._step_began = time.monotonic()

    def ask(self) -> None:
        """Let the next snapshot be whole; any thread may ask."""
        self._asked.set()

    def tell(self, snapshot: Snapshot) -> None:
        """Take the next snapshot, and send what waits where it is whole or time for it.

        Raises:
            OSError: Nobody is at the other end any more.
        """
        now = time.monotonic()
        whole = self._asked.is_set() or self._is_looked_at(snapshot)
        whole = whole or now - self._step_began >= SLOW_SECONDS
        if whole:
            self._asked.clear()  # who asks from now on may have seen this one, and gets another
        self._untold.append(report_of(snapshot, whole=whole))
        if whole or now - self._told_at >= TOLD_SECONDS:
            send_reports(self._reports, self._untold)
            self._untold, self._told_at = [], now
        self._step_began = time.monotonic()

    def _is_looked_at(self, snapshot: Snapshot) -> bool:
        due = self._recording.is_due(snapshot.step, last=snapshot.steps)
        return due or snapshot.is_last or snapshot.step in self._kept
