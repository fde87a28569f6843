"""Runs on this machine: one spawned process each, so that none takes another with it."""

import contextlib
import multiprocessing
import signal
import threading
import time
import uuid
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final

import structlog

from app.blas import pinned_for_children
from app.runs.executor import STOP_SECONDS
from app.runs.worker import wait_for_work
from app.settings import Settings
from app.store import Store
from app.trainer.failures import ending_of

LOOP_SECONDS = 0.25
PAUSE_AFTER_ERROR = 1.0
LAST_SECONDS = 0.5  # of the time to stop: for workers to be killed, and accounted for

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Worker:
    """A process and its order.

    Attributes:
        run_id: The run that was ordered.
        runs: All that are trained beside it, itself included.
    """

    run_id: str
    runs: frozenset[str]
    owner: str
    process: SpawnProcess


class LocalExecutor:
    """Takes queued runs in order, so many at once; notices at once when a worker dies."""

    name: Final = "local"

    def __init__(self, store: Store, settings: Settings) -> None:
        """Prepare; nothing runs before `start`."""
        self._store = store
        # A worker needs no token, and what it has nobody can read from it.
        self._settings = settings.model_copy(update={"token": None})
        self._workers: dict[str, _Worker] = {}
        self._spare: tuple[SpawnProcess, Connection] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._bell: tuple[Connection, Connection] | None = None
        self._context = multiprocessing.get_context("spawn")
        self._reaped_at = -float("inf")
        self._gone_at = float("inf")

    def prepare(self) -> None:
        """Nothing need be found out: this machine is here."""

    def start(self) -> None:
        """Take back what a dead server left, then begin to take queued runs."""
        self._stopping.clear()
        self._gone_at = float("inf")
        self._bell = multiprocessing.Pipe(duplex=False)
        self._reap()
        self._thread = threading.Thread(target=self._loop, name="executor", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Take no more runs and tell the workers; their runs go on at the next start."""
        if not self._stopping.is_set():
            self._gone_at = time.monotonic() + STOP_SECONDS
            self._stopping.set()
            self.wake()

    def stop(self) -> None:
        """Let running workers save and go; who has not by then is killed."""
        self.leave()
        if self._thread is not None:
            self._thread.join(max(0.0, self._gone_at - time.monotonic()))
            if self._thread.is_alive():  # it waits for the database, and need not be waited for
                for worker in tuple(self._workers.values()):
                    worker.process.kill()
                return
            self._thread = None
        if self._bell is not None:
            for end in self._bell:
                end.close()
            self._bell = None

    def wake(self) -> None:
        """Say that a run was queued or is to be cancelled."""
        if self._bell is not None:
            with contextlib.suppress(OSError):
                self._bell[1].send_bytes(b"!")

    @property
    def is_alive(self) -> bool:
        """Whether queued runs are being taken."""
        return self._thread is not None and self._thread.is_alive()

    def pid_of(self, run_id: str) -> int | None:
        """Return the process that a run is in; None where it is in none."""
        worker = self._worker_of(run_id)
        return None if worker is None else worker.process.pid

    def _worker_of(self, run_id: str) -> _Worker | None:
        return next((each for each in self._workers.values() if run_id in each.runs), None)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:
                # A locked database passes; the service must not lose its executor over it.
                log.exception("the executor stumbles")
                self._stopping.wait(PAUSE_AFTER_ERROR)
        self._end_workers()

    def _turn(self) -> None:
        self._collect()
        if time.monotonic() - self._reaped_at >= self._settings.lease / 4:
            self._reap()
        self._enforce_cancels()
        self._fill()
        self._wait()

    def _wait(self) -> None:
        bell = self._bell[0] if self._bell else None
        sentinels = [worker.process.sentinel for worker in self._workers.values()]
        ready = wait([*sentinels, bell] if bell else sentinels, timeout=LOOP_SECONDS)
        if bell is not None and bell in ready:
            while bell.poll():
                bell.recv_bytes()

    def _fill(self) -> None:
        """Start what is queued; while runs are at work, keep one process ready for the next.

        A process takes a second to load what it needs: a run whose worker was killed goes on at
        once in the one that has it loaded.
        """
        free = self._settings.workers - len(self._workers)
        taken = frozenset[str]().union(*(worker.runs for worker in self._workers.values()))
        for run_id in self._store.queue.next(free, without=taken):
            owner = str(uuid.uuid4())
            runs = frozenset(each for each in self._store.ensembles.beside(run_id) if each)
            process = self._hire(f"{run_id} {owner}")
            self._workers[run_id] = _Worker(run_id=run_id, runs=runs, owner=owner, process=process)
        if self._workers and self._spare is None:
            self._spare = self._start_process()
        elif not self._workers:
            self._dismiss_spare()

    def _hire(self, order: str) -> SpawnProcess:
        """Give an order to the process that waits for one, or to a new one."""
        waiting, self._spare = self._spare, None
        if waiting is None or not waiting[0].is_alive():
            waiting = self._start_process()
        process, orders = waiting
        # One that dies now is accounted for like any other that never came to its claim.
        with orders, contextlib.suppress(BrokenPipeError):
            orders.send_bytes(order.encode())
        return process

    def _start_process(self) -> tuple[SpawnProcess, Connection]:
        theirs, ours = multiprocessing.Pipe(duplex=False)
        with theirs:
            process = self._context.Process(
                target=wait_for_work, args=(theirs, self._settings), daemon=True
            )
            with pinned_for_children():
                process.start()
        return process, ours

    def _dismiss_spare(self) -> None:
        """Let the waiting process go; it ends by itself when nobody can order anything."""
        if self._spare is not None:
            process, orders = self._spare
            orders.close()
            process.kill()
            process.join()
            self._spare = None

    def _collect(self) -> None:
        for worker in [w for w in self._workers.values() if not w.process.is_alive()]:
            worker.process.join()
            self._account(worker)
            del self._workers[worker.run_id]

    def _account(self, worker: _Worker) -> None:
        """Give runs back that their dead worker still holds, or never came to claim."""
        code = worker.process.exitcode
        reason = f"its worker {ending_of(code)}"
        found = [
            self._store.queue.lose(run_id, worker.owner, reason) for run_id in sorted(worker.runs)
        ]
        for lost in filter(None, found):
            log.warning("worker lost", run=lost.run_id, exitcode=code, status=lost.status)
        if not any(found) and code not in (0, -signal.SIGTERM):
            self._store.queue.fail_waiting(worker.run_id, worker.owner, reason)

    def _reap(self) -> None:
        self._reaped_at = time.monotonic()
        # First of all: one that was frozen while it wrote holds the lock that taking back needs.
        for run_id in self._store.queue.overdue_leases():
            self._kill(run_id)
        for lost in self._store.queue.reap():
            log.info("run taken back", run=lost.run_id, status=lost.status)
            worker = self._worker_of(lost.run_id)
            if worker is not None and len(worker.runs) == 1:
                # Frozen or starved: it must not hold a place, nor wake up beside its successor.
                # (The leases of an ensemble run out together: it was ended above.)
                worker.process.kill()

    def _kill(self, run_id: str) -> None:
        """End the process that a run is in, where that is one of ours."""
        worker = self._worker_of(run_id)
        if worker is not None:
            worker.process.kill()

    def _enforce_cancels(self) -> None:
        if not self._workers:
            return
        for run_id in self._store.queue.overdue_cancels(self._settings.cancel_grace):
            self._kill(run_id)

    def _end_workers(self) -> None:
        self._dismiss_spare()
        for worker in self._workers.values():
            worker.process.terminate()
        deadline = self._gone_at - LAST_SECONDS
        for worker in self._workers.values():
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            with contextlib.suppress(Exception):  # the lease finds it at the next start
                self._account(worker)
        self._workers.clear()
