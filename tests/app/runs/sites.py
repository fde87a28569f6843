"""A whole installation in processes of its own: `gradtide serve`, its executor's workers, a store.

Whatever of it is killed can be started again, and what its runs came to is compared with runs that
nobody disturbed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.runs import RunStatus
from app.runs.service import described
from app.settings import Settings
from app.store import Run, Store, open_store
from tests.app.runs.dask_cluster import DaskCluster
from tests.app.runs.small_runs import (
    configuration,
    eventually,
    pid_of,
    recorded,
    require_same_bits,
    settings_for,
    train_here,
)

LEASE = 4.0
PATIENCE = 300.0  # six processes share the processors here, and others
SEVEN_KILLS_AND_MORE = 100
UNHURRIED = 600.0


def lasting(seed: int) -> dict[str, Any]:
    """Return a run that ends, but not before it was looked at a few times."""
    return configuration(steps=2000, every=40, seed=seed)


class Site:
    """A service with its workers; `server` is started anew by `start`, the rest by itself."""

    def __init__(self, folder: Path, executor: str, database_url: str | None = None) -> None:
        self.folder, self.executor = folder, executor
        data = folder / "data"
        options = {
            "DATA": str(data),
            "LEASE": str(LEASE),
            "CHECKPOINT_SECONDS": "0.2",
            "MAX_ATTEMPTS": str(SEVEN_KILLS_AND_MORE),
            "WORKERS": "2",
        }
        if database_url is not None:
            options["DATABASE_URL"] = database_url
        self.store: Store = open_store(Settings(data=data, database_url=database_url))
        self.cluster: DaskCluster | None = None
        variables = {f"GRADTIDE_{name}": value for name, value in options.items()}
        if executor == "dask":
            self.cluster = DaskCluster(folder, variables)
            variables |= {
                "GRADTIDE_EXECUTOR": "dask",
                "GRADTIDE_DASK_ADDRESS": self.cluster.address,
            }
        self._variables = variables
        self.address = ""
        self.start()

    def start(self) -> None:
        """Start the server; return when it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve", "--port", "0"],
                env={**os.environ, **self._variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line.startswith("Gradtide is at http://127.0.0.1:"), line
        self.address = line.split()[-1]

    def queue(self, config: dict[str, Any]) -> Run:
        return self.store.runs.create(*described(config))[0]

    def row(self, run: Run) -> Run:
        return self.store.runs.get(run.id)

    def is_over(self, run: Run) -> bool:
        return RunStatus(self.row(run).status).is_terminal

    def kill_server(self) -> None:
        """Kill the server, and with a local executor leave its workers orphans."""
        self.server.kill()
        self._collect_server()

    def kill_all(self) -> None:
        """Kill the server and every worker at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        if self.cluster is not None:
            for process in self.cluster.processes():
                process.kill()
        self._collect_server()

    def end_server(self) -> float:
        """Ask the server to end; return the seconds it took."""
        began = time.monotonic()
        self.server.terminate()
        self._collect_server()
        return time.monotonic() - began

    def revive(self) -> None:
        """Start what has ended but for the server, as a container engine does."""
        if self.cluster is not None:
            for process in self.cluster.processes():
                process.poll()
            self.cluster.restart_ended()

    def close(self) -> None:
        if self.server.poll() is None:
            self.kill_all()
        if self.cluster is not None:
            self.cluster.close()
        self.store.close()

    def _collect_server(self) -> None:
        self.server.wait()
        assert self.server.stdout is not None
        self.server.stdout.close()


@contextlib.contextmanager
def site_of(folder: Path, executor: str, database_url: str | None = None) -> Iterator[Site]:
    site = Site(folder, executor, database_url)
    try:
        yield site
    finally:
        site.close()


@dataclass
class Tally:
    """What a suite did and saw."""

    name: str
    kills: int = 0
    identical: int = 0
    runs: int = 0
    seconds: list[float] = field(default_factory=list)
    claimed: list[float] = field(default_factory=list)

    def line(self) -> str:
        found = [f"{self.name}: {self.kills} kills, {self.identical} of {self.runs} runs identical"]
        for what, seconds in (("noticed", self.seconds), ("claimed again", self.claimed)):
            if seconds:
                middle, worst = np.median(seconds), max(seconds)
                found.append(f"{what} after {middle:.1f} s (median), {worst:.1f} s (worst)")
        return ", ".join(found)


Strike = Callable[[Site, Run], float | None]


def strike_often(
    site: Site,
    tally: Tally,
    *strikes: Strike,
    kills: int,
    rng: np.random.Generator,
    each: int = 1,
) -> None:
    """Strike runs at random points of their way until there were so many strikes.

    Args:
        site: Where the runs are.
        tally: Gets what was seen.
        strikes: What is done, in turn; each returns the moment from which noticing it is counted,
            if it is.
        kills: Strikes in all.
        rng: Says when.
        each: Strikes a run.
    """
    made: list[tuple[Run, dict[str, Any]]] = []
    while tally.kills < kills:
        config = lasting(len(made))
        run = site.queue(config)
        made.append((run, config))
        for _ in range(min(each, kills - tally.kills)):
            if not _is_at_work(site, run, int(rng.integers(1, 9))):
                break  # over before its turn: another run gets the strike
            before = site.row(run).attempt
            moment = strikes[tally.kills % len(strikes)](site, run)
            tally.kills += 1
            site.revive()
            if moment is not None:
                _watch(site, run, before, moment, tally)
    tally.runs += len(made)
    for run, config in made:
        eventually(lambda: site.is_over(run), PATIENCE)  # noqa: B023
        require_undisturbed(site, run, config)
        tally.identical += 1


def _watch(site: Site, run: Run, before: int, moment: float, tally: Tally) -> None:
    """Wait until a strike is noticed, and until a worker, which has to be free, is at it again."""
    eventually(
        lambda: site.row(run).status != "running" or site.row(run).attempt > before, PATIENCE
    )
    tally.seconds.append(time.monotonic() - moment)
    eventually(lambda: site.row(run).attempt > before or site.is_over(run), PATIENCE)
    tally.claimed.append(time.monotonic() - moment)


def _is_at_work(site: Site, run: Run, more_frames: int) -> bool:
    """Wait until a worker has brought a run some frames on; False where it was over by then."""
    wanted = site.row(run).recorded_rows + more_frames

    def reached() -> bool:
        row = site.row(run)
        return site.is_over(run) or (row.status == "running" and row.recorded_rows >= wanted)

    eventually(reached, PATIENCE)
    return not site.is_over(run)


def kill_worker(site: Site, run: Run) -> float:
    """Kill the process that a run is in."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid_of(site.store, run.id), signal.SIGKILL)
    return time.monotonic()


def require_undisturbed(site: Site, run: Run, config: dict[str, Any]) -> None:
    """Compare records and weights with those of a run that nobody disturbed."""
    row = site.row(run)
    assert row.status == "succeeded", (row.status, row.error)
    require_same_bits(site.store, run.id, config)
    with tempfile.TemporaryDirectory() as folder:
        # With a lease that this process keeps however seldom it gets a turn.
        settings = settings_for(Path(folder), checkpoint_seconds=1000.0, lease=UNHURRIED)
        store, alone = train_here(settings, config)
        assert store.runs.get(alone).status == "succeeded"
        steps = [info.step for info in store.checkpoints.list(alone)]
        assert [info.step for info in site.store.checkpoints.list(run.id)] == steps
        assert len(steps) >= 1
        for step in steps:
            found = site.store.checkpoints.read(run.id, step)
            assert found == store.checkpoints.read(alone, step), step
        assert recorded(site.store, run.id).keys() == recorded(store, alone).keys()
        store.close()
