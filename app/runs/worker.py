"""What runs in a worker: one claimed run, watched by the heartbeat and by what it runs in."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection, wait
from types import FrameType

from app.logs import log_to_stderr
from app.runs.controls import Controls
from app.runs.ensemble import train_ensemble
from app.runs.limits import limit_memory
from app.runs.training import train_run
from app.settings import Settings
from app.store import open_store
from app.trainer.collecting import collect_rarely

NICENESS = 5  # pages stay quick while every processor trains
ORPHAN_SECONDS = 8.0  # time to save after the server is gone

# Tells the control to stop when what a worker runs in is about to end.
Watch = Callable[[Controls], AbstractContextManager[None]]


def attempt(run_id: str, owner: str, settings: Settings, watch: Watch) -> str | None:
    """Claim a queued run and train it: the same in every worker, whichever executor hired it.

    The run's id says all: whatever else a worker needs is in the store, the runs too that are
    trained beside it.

    Returns:
        The state it leaves the run in; None where somebody else has it or nobody should.

    Raises:
        RunNotFound: The run is not in this worker's database.
    """
    store = open_store(settings, migrate=False)
    try:
        places = store.ensembles.beside(run_id)
        claims = store.attempts.claim_all([each for each in places if each], owner)
        if not claims:
            store.runs.get(run_id)
            return None
        seconds, longest = settings.checkpoint_seconds, settings.max_run_seconds
        with Controls(store, list(claims.values()), seconds=longest) as controls, watch(controls):
            if len(places) > 1:
                held = [claims.get(each or "") for each in places]
                return train_ensemble(store, held, controls, checkpoint_seconds=seconds).get(run_id)
            own = claims[run_id], controls.each[run_id]
            return train_run(store, *own, checkpoint_seconds=seconds)
    finally:
        store.close()


def wait_for_work(orders: Connection, settings: Settings) -> None:
    """Wait until a run is named, then work on it; the server's end closed says that none comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_id, owner = orders.recv_bytes().decode().split()
    except EOFError:
        return
    limit_memory(settings.max_run_bytes)
    work(run_id, owner, settings)


def work(run_id: str, owner: str, settings: Settings) -> None:
    """Work on a run in this process, which is there for it alone."""
    log_to_stderr()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to pass on
    early = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: early.set())
    os.nice(NICENESS)
    collect_rarely()

    @contextlib.contextmanager
    def watch(controls: Controls) -> Iterator[None]:
        def stop(_signal: int, _frame: FrameType | None) -> None:
            controls.stop("stop")

        signal.signal(signal.SIGTERM, stop)
        if early.is_set():
            controls.stop("stop")
        threading.Thread(target=_watch_parent, args=(controls,), daemon=True).start()
        yield

    attempt(run_id, owner, settings, watch)


def _watch_parent(controls: Controls) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    controls.stop("stop")
    time.sleep(ORPHAN_SECONDS)
    # Still here: one step takes longer than anybody waits. The store is whole at any moment.
    os._exit(1)
