"""Kills of everything that can be killed: no run is lost, and each ends as if nobody had done it.

The suites F1 to F6, over both executors; in the short form one strike of each kind that no other
test has. Every one says what it did in a line: kills, runs, seconds until somebody noticed.
"""

import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.store import DATABASE_FILE, Run
from tests.app.runs.sites import (
    LEASE,
    PATIENCE,
    Site,
    Tally,
    kill_worker,
    lasting,
    require_undisturbed,
    site_of,
    strike_often,
)
from tests.app.runs.small_runs import configuration, eventually, pid_of
from tests.app.runs.test_workers import is_alive

LONG = pytest.mark.long
# Of what is counted on a machine with other work on it; the goals are in the lines.
SLACK = 30.0
EXIT_SECONDS = 8.0


@pytest.fixture
def tally(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Tally]:
    counted = Tally(request.node.name.removeprefix("test_"))
    yield counted
    with capsys.disabled():
        sys.stdout.write(f"\n{counted.line()}\n")


def url_of(request: pytest.FixtureRequest, database: str) -> str | None:
    if database == "sqlite":
        return None
    return str(request.getfixturevalue("postgres").new_database())


@LONG
@pytest.mark.parametrize(
    ("executor", "database", "kills"),
    [
        ("local", "sqlite", 20),
        ("dask", "sqlite", 20),
        ("local", "postgres", 20),
        ("dask", "postgres", 20),
    ],
)
def test_f1_killed_workers(
    executor: str,
    database: str,
    kills: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rng: np.random.Generator,
    tally: Tally,
) -> None:
    with site_of(tmp_path, executor, url_of(request, database)) as site:
        strike_often(site, tally, kill_worker, kills=kills, rng=rng, each=2)
    goal = 1.0 if executor == "local" else LEASE + 2
    assert max(tally.seconds) <= goal + SLACK


def kill_server(site: Site, run: Run) -> float | None:
    """Kill the server and start it again; of its own workers none may train on meanwhile."""
    worker = pid_of(site.store, run.id)
    site.kill_server()
    if site.cluster is None:
        eventually(lambda: not is_alive(worker))
    site.start()
    return time.monotonic() if site.cluster is None else None


@LONG
@pytest.mark.parametrize(("executor", "kills"), [("local", 10), ("dask", 10)])
def test_f2_killed_servers(
    executor: str, kills: int, tmp_path: Path, rng: np.random.Generator, tally: Tally
) -> None:
    with site_of(tmp_path, executor) as site:
        strike_often(site, tally, kill_server, kills=kills, rng=rng)


def kill_all(site: Site, _run: Run) -> float:
    site.kill_all()
    site.revive()
    site.start()
    return time.monotonic()


@LONG
@pytest.mark.parametrize(("executor", "kills"), [("local", 10), ("dask", 10)])
def test_f3_all_killed_at_once(
    executor: str, kills: int, tmp_path: Path, rng: np.random.Generator, tally: Tally
) -> None:
    with site_of(tmp_path, executor) as site:
        strike_often(site, tally, kill_all, kills=kills, rng=rng)


def files_of(site: Site, run: Run, loser: int) -> dict[Path, tuple[int, int]]:
    """Return every file of a run but an attempt's own, with its size and its last change."""
    folders = [site.store.folder / kind / run.id for kind in ("arrays", "checkpoints")]
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != str(loser)
    }


def weights_of(site: Site, run: Run) -> dict[int, dict[str, bytes]]:
    """Return the weights of every recorded frame."""
    kept = site.store.weights
    return {
        step: {name: each.tobytes() for name, each in (kept.read(run.id, step) or {}).items()}
        for step in kept.steps(run.id)
    }


def holds_the_only_lock(site: Site) -> bool:
    """Say whether whoever is frozen is so in the midst of a write to an embedded database.

    Nobody can take over then before he goes on: a process of ours the executor would end, and a
    database server ends the transaction of a client that says nothing.
    """
    if not site.store.database.is_sqlite:
        return False
    file = site.store.folder / DATABASE_FILE
    with contextlib.closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


def freeze_often(site: Site, tally: Tally, *, times: int, rng: np.random.Generator) -> None:
    """Freeze workers at random points and thaw them when another has brought their run to its end.

    Nothing may change then that anybody reads: the row, the checkpoints, the arrays, the weights.
    What the loser still writes lies in its own folder.
    """
    frozen = 0
    while frozen < times:
        config = lasting(tally.runs)
        run = site.queue(config)
        tally.runs += 1
        wanted = int(rng.integers(1, 9))
        eventually(lambda: site.row(run).recorded_rows >= wanted, PATIENCE)  # noqa: B023
        loser, moment = pid_of(site.store, run.id), time.monotonic()
        lost = site.row(run).attempt
        with contextlib.suppress(ProcessLookupError):
            os.kill(loser, signal.SIGSTOP)
        if site.cluster is not None and holds_the_only_lock(site):
            os.kill(loser, signal.SIGCONT)
        eventually(lambda: site.row(run).attempt > 1 or site.is_over(run), PATIENCE)  # noqa: B023
        if site.row(run).attempt > 1:  # else it was over before it could be frozen
            frozen += 1
            tally.kills += 1
            tally.seconds.append(time.monotonic() - moment)
        eventually(lambda: site.is_over(run), PATIENCE)  # noqa: B023
        row, files, weights = site.row(run), files_of(site, run, lost), weights_of(site, run)
        thaw(site, loser)
        assert site.row(run) == row
        assert files_of(site, run, lost) == files
        assert weights_of(site, run) == weights != {}
        require_undisturbed(site, run, config)
        tally.identical += 1


@LONG
@pytest.mark.parametrize(
    ("executor", "database", "times"),
    [
        ("local", "sqlite", 5),
        ("dask", "sqlite", 5),
        ("local", "postgres", 5),
        ("dask", "postgres", 5),
    ],
)
def test_f4_frozen_workers_write_nothing_that_is_read_when_they_thaw(
    executor: str,
    database: str,
    times: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rng: np.random.Generator,
    tally: Tally,
) -> None:
    with site_of(tmp_path, executor, url_of(request, database)) as site:
        freeze_often(site, tally, times=times, rng=rng)


def thaw(site: Site, loser: int) -> None:
    """Let a frozen process go on, until it has had its say."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(loser, signal.SIGCONT)
    if site.cluster is None:  # killed before, by whoever gave its run away
        eventually(lambda: not is_alive(loser))
        return
    for _ in range(20):  # until it has taken a run anew, and so left the old one
        made = [site.queue(configuration(seed=seed)) for seed in range(3)]
        eventually(lambda: all(site.is_over(run) for run in made), PATIENCE)  # noqa: B023
        if loser in {pid_of(site.store, run.id) for run in made}:
            return
    raise AssertionError("the worker that was frozen takes no run any more")


@contextlib.contextmanager
def streams(site: Site, count: int) -> Iterator[None]:
    """Keep event streams open and read them."""

    def read() -> None:
        with contextlib.suppress(OSError), urllib.request.urlopen(opened[-1]) as answer:
            ready.release()
            while answer.readline():
                pass

    opened = [f"{site.address}api/v1/events"]
    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=read, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert ready.acquire(timeout=PATIENCE)
    yield
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@LONG
@pytest.mark.parametrize(
    ("executor", "times"),
    [pytest.param("local", 5, marks=LONG), pytest.param("dask", 5, marks=LONG)],
)
def test_f5_servers_asked_to_end_with_streams_open(
    executor: str, times: int, tmp_path: Path, rng: np.random.Generator, tally: Tally
) -> None:
    took: list[float] = []

    def end(site: Site, run: Run) -> None:
        with streams(site, 3):
            took.append(site.end_server())
        # A worker of the server's own has saved; one of a cluster trains on.
        expected = {"interrupted"} if site.cluster is None else {"running"}
        assert site.row(run).status in expected | {"succeeded"}
        site.start()

    with site_of(tmp_path, executor) as site:
        strike_often(site, tally, end, kills=times, rng=rng)
    tally.seconds = took
    assert max(took) <= EXIT_SECONDS + SLACK


def kill_scheduler(site: Site, _run: Run) -> float:
    assert site.cluster is not None
    site.cluster.scheduler.kill()
    site.cluster.scheduler.wait()
    moment = time.monotonic()
    site.cluster.start_scheduler()
    # The workers end by themselves, having saved, and are started again.
    for worker in site.cluster.workers:
        worker.wait(PATIENCE)
    return moment


@LONG
@pytest.mark.parametrize("kills", [5])
def test_f6_killed_schedulers(
    kills: int, tmp_path: Path, rng: np.random.Generator, tally: Tally
) -> None:
    with site_of(tmp_path, "dask") as site:
        strike_often(site, tally, kill_scheduler, kills=kills, rng=rng)


def test_dasks_parts_are_killed_one_after_the_other_and_all_at_once(
    tmp_path: Path, rng: np.random.Generator, tally: Tally
) -> None:
    with site_of(tmp_path, "dask") as site:
        strikes = (kill_scheduler, kill_server, kill_all)
        strike_often(site, tally, *strikes, kills=len(strikes), rng=rng, each=len(strikes))
        freeze_often(site, tally, times=1, rng=rng)
