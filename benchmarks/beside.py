"""How much a training loses to a page that polls, streams and reads beside it."""

import asyncio
import contextlib
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.settings import Settings
from app.store import open_store
from app.store.tables import runs
from benchmarks.clients import listen
from benchmarks.serving import PATIENCE, Serving

LOOK_SECONDS = 0.005
MOST_WAITED = 0.05
PAIRS = 8  # of stretches of training, with and without a page
STRETCH_SECONDS = 2.0
TRAINING: dict[str, Any] = {
    "name": "beside",
    "task": {"kind": "adding", "length": 100},
    "model": {"cell": "elman", "hidden_size": 64},
    "training": {"steps": 1_000_000},
}


class Word(NamedTuple):
    """What a run has said: its step, when that came, and how long it had waited by then."""

    step: int
    at: float
    waited: float


class Stretch(NamedTuple):
    """Training steps a second, and the share of the time without a processor to run on."""

    rate: float
    waited: float


class Watched:
    """A run whose pace is measured without asking its server.

    A run says how far it is twice a second: a stretch of time begins and ends at such a word, else
    a quarter of a stretch would hang on when one looked.
    """

    def __init__(self, data: Path, run: str) -> None:
        """Look at a run in a store."""
        self._store = open_store(Settings(data=data), migrate=False)
        self._run = run
        self._pid: int | None = None

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def word(self) -> Word:
        """Wait for the run's next word."""
        deadline = time.monotonic() + PATIENCE
        last = self._store.runs.get(self._run).step
        while (run := self._store.runs.get(self._run)).step == last:
            if time.monotonic() > deadline:
                raise TimeoutError("the run does not go on")
            time.sleep(LOOK_SECONDS)
        return Word(run.step, time.perf_counter(), self._waited())

    def stretch(self, seconds: float) -> Stretch:
        """Return the pace over so many seconds at least."""
        first = self.word()
        time.sleep(seconds)
        last = self.word()
        length = last.at - first.at
        return Stretch((last.step - first.step) / length, (last.waited - first.waited) / length)

    def _waited(self) -> float:
        """Return how long the worker has been ready and without a processor, so far."""
        if self._pid is None:
            query = sa.select(runs.c.pid).where(runs.c.id == self._run)
            with self._store.database.read() as connection:
                self._pid = connection.scalar(query)
        return int(Path(f"/proc/{self._pid}/schedstat").read_text().split()[1]) / 1e9


def slowdown(
    server: Serving, data: Path, *, seconds: float = STRETCH_SECONDS, pairs: int = PAIRS
) -> dict[str, Any]:
    """Return L13: how much a training loses to a page that polls, streams and reads.

    Stretches with and without the page follow each other so that the order turns from pair to
    pair: a machine that grows slower meanwhile takes as much from either.
    """
    run = str(server.client.post("/runs", json=TRAINING).json()["id"])
    watched = Watched(data, run)
    while watched.word().step < 200:
        pass

    def stretch(busy: bool) -> Stretch:
        with page(server, run) if busy else contextlib.nullcontext():
            return watched.stretch(seconds)

    found = []
    for number in range(pairs):
        order = (False, True) if number % 2 == 0 else (True, False)
        each = {busy: stretch(busy) for busy in order}
        found.append((each[False], each[True]))
    watched.close()
    server.client.post(f"/runs/{run}/cancel")
    return told(found)


def told(found: Sequence[tuple[Stretch, Stretch]]) -> dict[str, Any]:
    """Return the figure of pairs of stretches, without a page and with one.

    A training that waits for a processor though no page is open shares the machine with something
    else, and such a pair tells of that: it does not count, as long as others do.
    """
    alone = [pair for pair in found if pair[0].waited <= MOST_WAITED]
    losses = [1 - busy.rate / quiet.rate for quiet, busy in alone or found]
    middle = statistics.median(losses)
    return {
        "what": "training steps a second, with and without a page that polls and reads at 10/s",
        "pairs": [[round(quiet.rate, 1), round(busy.rate, 1)] for quiet, busy in found],
        "waited": [[round(quiet.waited, 2), round(busy.waited, 2)] for quiet, busy in found],
        "undisturbed": len(alone),
        "slowdown": round(middle, 3),
        "goal": 0.05,
        "met": middle <= 0.05,
    }


@contextlib.contextmanager
def page(server: Serving, run: str) -> Iterator[None]:
    """Do what an open page does: hold a stream, poll the run and read a statistic, ten a second."""
    left = threading.Event()

    async def follow() -> None:
        stream = f"/api/v1/events?run={run}"
        following = asyncio.create_task(
            listen(server.port, stream, clients=1, seconds=PATIENCE, sent={})
        )
        while not left.is_set():
            await asyncio.sleep(0.05)
        following.cancel()

    def poll() -> None:
        while not left.wait(0.1):
            server.client.get(f"/runs/{run}")
            server.client.get(f"/runs/{run}/statistics/hidden_gradient_norm?step=last")

    threads = [
        threading.Thread(target=lambda: asyncio.run(follow())),
        threading.Thread(target=poll),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        left.set()
        for thread in threads:
            thread.join()
