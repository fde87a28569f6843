"""A service that is used for a long time holds on to nothing: files, memory, log, processes.

Ten minutes at full length. A developer takes `-k "20 s"`.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest

from app.client import Client
from app.store import DATABASE_FILE
from benchmarks.serving import Serving

pytestmark = pytest.mark.long

SAMPLES = 120
USERS = 2
KEPT_RUNS = 3  # of each user; older ones are deleted
FORMATS = ("json", "npy", "npz", "csv", "f4")
FIGURES = ("hidden_gradient_norm", "loss", "hidden_gradient")
MEBIBYTE = 2**20
# Of what may be more at the end than after the first third: the next request's sockets, the next
# worker's pipes, what an allocator keeps, a log that is emptied at a thousand pages.
MORE_FILES, MORE_PROCESSES, MORE_MEMORY, MORE_LOG = 16, 3, 20 * MEBIBYTE, 8 * MEBIBYTE
CONFIG: dict[str, Any] = {
    "name": "one of many",
    "task": {"kind": "adding", "length": 20},
    "model": {"cell": "lstm", "hidden_size": 8},
    "training": {"steps": 60, "batch_size": 8},
    "recording": {"every": 10, "probe_size": 4},
}


class Held(NamedTuple):
    """What a server holds at a moment."""

    files: int
    processes: int
    memory: int
    log: int


def held_by(server: Serving, data: Path) -> Held:
    process = Path("/proc") / str(server.process.pid)
    children = " ".join(path.read_text() for path in process.glob("task/*/children"))
    log = data / f"{DATABASE_FILE}-wal"
    return Held(
        files=len(os.listdir(process / "fd")),
        processes=len(children.split()),
        memory=server.resident,
        log=log.stat().st_size if log.exists() else 0,
    )


def use(client: Client, seed: int, other: str | None) -> str:
    """Do with one run what a user and their pages do; return it."""
    run: str = client.create_run({**CONFIG, "seed": seed}, idempotency_key=f"soak {seed}")["id"]
    watch(client, run)
    assert client.run(run)["status"] == "succeeded"
    client.verdict(run)
    client.chain(run)
    client.statistics(run)
    for step in client.checkpoints(run):
        client.checkpoint(run, step["step"])
    for name in FIGURES:
        client.figure(name, runs=[run])
    slice_ = f"/api/v1/runs/{run}/statistics/hidden_gradient?step=20&format="
    pages = ("/", f"/runs/{run}", "/runs/new", "/metrics", "/readyz", f"/api/v1/runs/{run}/export")
    for path in (*pages, *(slice_ + format_ for format_ in FORMATS)):
        client._http.get(path).raise_for_status()
    if other is not None:
        client.compare([other, run], "hidden_gradient_norm")
    return run


def watch(client: Client, run: str) -> None:
    """Follow a run to its end, reading each frame as it comes."""
    with contextlib.closing(client.events([run], last_event_id=0)) as events:  # type: ignore[type-var]  # a generator
        for event in events:
            if event.kind == "frame":
                client.statistic(run, "hidden_gradient_norm", step="last")
            if event.kind == "end":
                return


class Users:
    """Threads that use a service until they are let go."""

    def __init__(self, address: str) -> None:
        self._address, self._done = address, Event()
        self.runs = [0] * USERS
        self._threads = [Thread(target=self._use_on, args=(number,)) for number in range(USERS)]

    def __enter__(self) -> "Users":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    @property
    def are_well(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def _use_on(self, number: int) -> None:
        made: list[str] = []
        with Client(self._address, timeout=120.0) as client:
            while not self._done.is_set():
                seed = USERS * self.runs[number] + number
                made.append(use(client, seed, made[-1] if made else None))
                self.runs[number] += 1
                while len(made) > KEPT_RUNS:
                    client.delete(made.pop(0))


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    server = Serving(tmp_path)
    yield server
    server.close()


def rise(samples: Sequence[Held], field: str) -> float:
    """Return how much more is held in the last sixth than in the one after the first third."""
    values: list[float] = [getattr(each, field) for each in samples]
    third, sixth = len(values) // 3, len(values) // 6
    return median(values[-sixth:]) - median(values[third : third + sixth])


@pytest.mark.parametrize("seconds", [20.0, 600.0], ids=["20 s", "10 min"])
def test_l11_a_service_in_use_holds_no_more_at_the_end(
    serving: Serving, tmp_path: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{serving.port}"
    samples: list[Held] = []
    with Users(address) as users:
        began = time.monotonic()
        while len(samples) < SAMPLES:
            due = began + (len(samples) + 1) * seconds / SAMPLES
            time.sleep(max(0.0, due - time.monotonic()))
            samples.append(held_by(serving, tmp_path))
            assert users.are_well
    rises = {field: rise(samples, field) for field in Held._fields}
    with capsys.disabled():
        sys.stdout.write(
            f"\nL11, {seconds:g} s: {sum(users.runs)} runs; first {samples[0]}, last {samples[-1]},"
            f" most {Held(*map(max, zip(*samples, strict=True)))}, more at the end {rises}\n"
        )
    assert rises["files"] <= MORE_FILES
    assert rises["processes"] <= MORE_PROCESSES
    assert rises["memory"] <= MORE_MEMORY
    assert rises["log"] <= MORE_LOG
