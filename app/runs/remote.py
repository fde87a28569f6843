"""Runs on many machines: the same work as in a process of this one, done by a cluster's workers.

What became of a run is in the database, and lost ones are found by their lease. When the service
stops its runs go on: the cluster needs no service to train.
"""

import contextlib
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Final

import structlog

from app.runs.cluster import NAME, Cluster, Task, UnfitWorkers
from app.runs.executor import STOP_SECONDS
from app.settings import Settings
from app.store import RunNotFound, Store

LOOP_SECONDS = 0.25
PAUSE_AFTER_ERROR = 1.0
PREPARE_SECONDS = 5.0  # for the workers' answers before the service starts
# A task that waits longer for its worker to begin is given to another.
UNCLAIMED_SECONDS = 60.0
# So long the scheduler believes in a worker that says nothing any more, and some more.
FROZEN_SECONDS = 330.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Given:
    task: Task
    since: float


class RemoteExecutor:
    """Gives queued runs to a cluster, as many as it has threads, and takes lost ones back."""

    name: Final = NAME

    def __init__(self, store: Store, settings: Settings) -> None:
        """Prepare; nothing is connected before `start`.

        Raises:
            MissingDriverError: What the cluster is spoken to with is not installed.
        """
        self._store = store
        self._settings = settings
        self._cluster = Cluster(settings, needs_one_host=store.is_local, wake=self.wake)
        self._given: dict[str, _Given] = {}
        self._lost: list[_Given] = []
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._reaped_at = -float("inf")

    def prepare(self) -> None:
        """Look at the workers that are there before the service starts.

        Raises:
            UnfitWorkers: One of them is on another machine, and what is stored is on this one.
        """
        deadline = time.monotonic() + PREPARE_SECONDS
        try:
            while self._cluster.is_connected() and time.monotonic() < deadline:
                self._cluster.look()
                if self._cluster.is_introduced:
                    break
                self._rest()
            if self._store.is_local and self._cluster.unfit:
                address, reason = min(self._cluster.unfit.items())
                raise UnfitWorkers(f"the worker {address} cannot be used: {reason}")
        finally:
            self._cluster.close()

    def start(self) -> None:
        """Take lost runs back, then begin to give queued ones; the scheduler may come later."""
        self._stopping.clear()
        self._reap()
        self._thread = threading.Thread(target=self._loop, name="executor", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Give no more; what the workers are at goes on."""
        self._stopping.set()
        self.wake()

    def stop(self) -> None:
        """Leave, and wait for what is being said to the cluster, but not for an answer for ever."""
        self.leave()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            self._thread = None

    def wake(self) -> None:
        """Say that there may be something to do now."""
        self._bell.set()

    @property
    def is_alive(self) -> bool:
        """Whether queued runs are being given to workers."""
        running = self._thread is not None and self._thread.is_alive()
        return running and self._cluster.threads > 0

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:
                # A locked database passes; the service must not lose its executor over it.
                log.exception("the executor stumbles")
                self._stopping.wait(PAUSE_AFTER_ERROR)
        self._cluster.close()

    def _turn(self) -> None:
        if time.monotonic() - self._reaped_at >= self._settings.lease / 4:
            self._reap()
        if self._cluster.is_connected():
            self._collect()
            self._cluster.look()
            self._fill()
        self._rest()

    def _rest(self) -> None:
        self._bell.wait(LOOP_SECONDS)
        self._bell.clear()

    def _reap(self) -> None:
        self._reaped_at = time.monotonic()
        for lost in self._store.queue.reap():
            log.info("run taken back", run=lost.run_id, status=lost.status)
            given = self._given.pop(lost.run_id, None)
            if given is not None:
                # Its worker may be frozen: while it counts as busy nothing else is sent there.
                self._lost.append(_Given(given.task, self._reaped_at))

    def _fill(self) -> None:
        free = self._cluster.threads - len(self._given) - len(self._lost)
        for run_id in self._store.queue.next(free, without=frozenset(self._given)):
            self._given[run_id] = _Given(self._cluster.submit(run_id), time.monotonic())

    def _collect(self) -> None:
        """Look which tasks have ended, or will never begin."""
        now = time.monotonic()
        for run_id, given in list(self._given.items()):
            if not given.task.is_pending:
                del self._given[run_id]
                self._account(run_id, given.task)
            elif now - given.since > UNCLAIMED_SECONDS and self._is_queued(run_id):
                del self._given[run_id]
                self._cluster.withdraw(given.task)
        for given in list(self._lost):
            if not given.task.is_pending:
                self._lost.remove(given)
            elif now - given.since > FROZEN_SECONDS:
                self._lost.remove(given)
                self._cluster.withdraw(given.task)

    def _account(self, run_id: str, task: Task) -> None:
        """Count a run that no worker could begin, so that it is not given out for ever."""
        if task.error is not None:
            log.warning("a run did not begin", run=run_id, reason=task.error)
            self._store.queue.fail_waiting(run_id, str(uuid.uuid4()), task.error)

    def _is_queued(self, run_id: str) -> bool:
        with contextlib.suppress(RunNotFound):
            return self._store.runs.get(run_id).status == "queued"
        return False
