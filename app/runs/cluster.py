"""Dask's scheduler and workers, as the executor sees them: who is there, and tasks for them.

A task says a run's id and nothing more. Its worker has the rest from its own GRADTIDE_ variables,
and claims the run itself. Dask's own ideas of a task's life are not relied on: it runs a task once
more when its worker dies (which then finds the run held until its lease ends), and it cannot stop
one that runs.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog

from app.runs.controls import POLL_SECONDS, Controls
from app.runs.places import Place, place_of, why_unfit
from app.runs.states import RunError
from app.runs.worker import attempt
from app.settings import Settings
from app.store import MissingDriverError, RunNotFound
from app.trainer.collecting import collect_rarely

NAME: Final = "dask"
CONNECT_SECONDS = 5.0
CALL_SECONDS = 3.0  # for an answer of the scheduler
LOOK_SECONDS = 1.0  # between two looks at which workers there are

log = structlog.get_logger()


class UnfitWorkers(RunError):
    """Workers that cannot reach what the service stores."""


@dataclass(frozen=True, slots=True)
class Task:
    """A run that was given to the cluster."""

    future: Any

    @property
    def is_pending(self) -> bool:
        """Whether it waits or runs."""
        return bool(self.future.status == "pending")

    @property
    def error(self) -> str | None:
        """Return why it ended without any work on the run; None where it ended well."""
        return str(self.future.exception()) if self.future.status == "error" else None


def introduce() -> Place:
    """Answer, in a worker, where it is."""
    return place_of(Settings())


def work(run_id: str) -> str | None:
    """Work on a run in a thread of a worker; return the state it leaves the run in."""
    from distributed import Status, get_worker

    worker = get_worker()
    collect_rarely()

    @contextlib.contextmanager
    def watch(controls: Controls) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(POLL_SECONDS):
                if worker.status not in (Status.running, Status.paused):
                    controls.stop("stop")  # asked to end, or its scheduler is gone: save first
                    return

        thread = threading.Thread(target=look, name="worker-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    try:
        return attempt(run_id, str(uuid.uuid4()), Settings(), watch)
    except RunNotFound as err:
        detail = "give it the GRADTIDE_DATABASE_URL, or the GRADTIDE_DATA, of the service"
        raise UnfitWorkers(f"the database of its worker has no such run: {detail}") from err


class Cluster:
    """A connection with the scheduler, made again whenever it is lost."""

    def __init__(
        self, settings: Settings, *, needs_one_host: bool, wake: Callable[[], None]
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            settings: Of the service; its workers have their own.
            needs_one_host: Whether workers must be on this machine.
            wake: Called when something ended.

        Raises:
            MissingDriverError: Dask is not installed.
        """
        self._dask = _distributed()
        self._settings = settings
        self._needs_one_host = needs_one_host
        self._wake = wake
        self._client: Any = None
        self._asked: dict[str, Any] = {}
        self._fit: dict[str, int] = {}
        self._looked_at = -float("inf")
        self._is_told = self._is_known = False
        self.unfit: dict[str, str] = {}

    @property
    def threads(self) -> int:
        """How many runs the workers can take at once."""
        return sum(self._fit.values())

    @property
    def is_introduced(self) -> bool:
        """Whether the workers are known, and every one has said where it is."""
        return self._is_known and not self._asked

    def is_connected(self) -> bool:
        """Say whether there is a scheduler; try to connect where there was none."""
        if self._client is not None and self._client.status != "running":
            log.warning("the Dask scheduler is gone", address=self._settings.dask_address)
            self.close()
        if self._client is None:
            self._connect()
        return self._client is not None

    def close(self) -> None:
        """Let the scheduler go, with the tasks that it has."""
        client, self._client = self._client, None
        self._is_known = False
        for known in (self._asked, self._fit, self.unfit):
            known.clear()
        if client is not None:
            with contextlib.suppress(Exception):  # it is gone either way
                client.close(timeout=CALL_SECONDS)

    def look(self) -> None:
        """Learn now and then which workers there are; who is new is asked where it is."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        client, self._looked_at = self._client, time.monotonic()
        ask = client.scheduler.identity
        try:
            found = client.sync(ask, n_workers=-1, callback_timeout=CALL_SECONDS)
        except (OSError, TimeoutError):
            return  # a scheduler that is busy; one that is gone closes the connection
        present = {each: int(about["nthreads"]) for each, about in found["workers"].items()}
        self._is_known = True
        for known in (self._fit, self.unfit, self._asked):
            for gone in known.keys() - present.keys():
                del known[gone]
        for address in present.keys() - self._fit.keys() - self.unfit.keys() - self._asked.keys():
            asked = client.submit(introduce, workers=[address], pure=False, priority=1)
            asked.add_done_callback(lambda _: self._wake())
            self._asked[address] = asked
        for address in [each for each, asked in self._asked.items() if asked.status != "pending"]:
            reason = self._why_unfit(self._asked.pop(address))
            if reason is None:
                self._fit[address] = present[address]
            else:
                self.unfit[address] = reason
                log.error("a Dask worker cannot be used", worker=address, reason=reason)

    def submit(self, run_id: str) -> Task:
        """Give a run to whichever worker is free first."""
        key = f"run-{run_id}-{uuid.uuid4().hex}"
        only = sorted(self._fit) if self.unfit else None
        future = self._client.submit(work, run_id, key=key, pure=False, retries=0, workers=only)
        # The scheduler keeps it when the service goes, and knows which workers are busy.
        self._dask.fire_and_forget(future)
        future.add_done_callback(lambda _: self._wake())
        return Task(future)

    def withdraw(self, task: Task) -> None:
        """Take a task back, which stops nobody who is at it."""
        self._client.cancel([task.future], force=True)

    def _connect(self) -> None:
        address = self._settings.dask_address
        try:
            self._client = self._dask.Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, name="gradtide"
            )
        except (OSError, TimeoutError) as err:
            if not self._is_told:
                log.warning("no Dask scheduler answers", address=address, reason=str(err))
            self._is_told = True
        else:
            log.info("connected with the Dask scheduler", address=address)
            self._is_told, self._looked_at = False, -float("inf")

    def _why_unfit(self, asked: Any) -> str | None:  # noqa: ANN401  # Dask has no types
        if asked.status != "finished":
            return f"it does not answer: {asked.exception()!r}"
        here = place_of(self._settings)
        return why_unfit(asked.result(), here, needs_one_host=self._needs_one_host)


def _distributed() -> Any:  # noqa: ANN401  # Dask has no types
    try:
        import distributed
    except ModuleNotFoundError as err:
        raise MissingDriverError("executor=dask", "dask") from err
    return distributed
