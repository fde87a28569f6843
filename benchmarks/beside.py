"""How much a training loses to a page that polls, streams and reads beside it."""

import asyncio
import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.settings import Settings
from app.store import open_store
from benchmarks.clients import listen
from benchmarks.serving import PATIENCE, Serving

LOOK_SECONDS = 0.005
PAIRS = 8  # of stretches of training, with and without a page
STRETCH_SECONDS = 2.0
TRAINING: dict[str, Any] = {
    "name": "beside",
    "task": {"kind": "adding", "length": 100},
    "model": {"cell": "elman", "hidden_size": 64},
    "training": {"steps": 1_000_000},
}


class Watched:
    """A run whose pace is measured without asking its server.

    A run says how far it is four times a second: a stretch of time begins and ends at such a word,
    else a twentieth of a stretch would hang on when one looked.
    """

    def __init__(self, data: Path, run: str) -> None:
        """Look at a run in a store."""
        self._store = open_store(Settings(data=data), migrate=False)
        self._run = run

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def word(self) -> tuple[int, float]:
        """Wait for the run's next word; return its step, and when it came."""
        deadline = time.monotonic() + PATIENCE
        last = self._step()
        while (step := self._step()) == last:
            if time.monotonic() > deadline:
                raise TimeoutError("the run does not go on")
            time.sleep(LOOK_SECONDS)
        return step, time.perf_counter()

    def rate(self, seconds: float) -> float:
        """Return training steps a second, over so many seconds at least."""
        first, began = self.word()
        time.sleep(seconds)
        last, ended = self.word()
        return (last - first) / (ended - began)

    def _step(self) -> int:
        return self._store.runs.get(self._run).step


def slowdown(
    server: Serving, data: Path, *, seconds: float = STRETCH_SECONDS, pairs: int = PAIRS
) -> dict[str, Any]:
    """Return L13: how much a training loses to a page that polls, streams and reads.

    Stretches with and without the page follow each other so that the order turns from pair to
    pair: a machine that grows slower meanwhile takes as much from either.
    """
    run = str(server.client.post("/runs", json=TRAINING).json()["id"])
    watched = Watched(data, run)
    while watched.word()[0] < 200:
        pass

    def rate(busy: bool) -> float:
        with page(server, run) if busy else contextlib.nullcontext():
            return watched.rate(seconds)

    found = []
    for number in range(pairs):
        order = (False, True) if number % 2 == 0 else (True, False)
        rates = {busy: rate(busy) for busy in order}
        found.append((rates[False], rates[True]))
    watched.close()
    server.client.post(f"/runs/{run}/cancel")
    losses = sorted(1 - busy / quiet for quiet, busy in found)
    middle = statistics.median(losses)
    return {
        "what": "training steps a second, with and without a page that polls and reads at 10/s",
        "pairs": [[round(quiet, 1), round(busy, 1)] for quiet, busy in found],
        "slowdown": round(middle, 3),
        "quartiles": [round(each, 3) for each in statistics.quantiles(losses, n=4)[::2]],
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
