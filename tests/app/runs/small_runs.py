"""Small real runs, how long to wait for them, and what they must come to."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

import engine
from app.runs import RunService, executor_of
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import Store, open_store
from app.store.tables import runs

PATIENCE = 120.0  # a machine with other work on it starts a process slowly
TICK = threading.Event()


def settings_for(folder: Path, **changed: Any) -> Settings:  # noqa: ANN401  # any setting
    values: dict[str, Any] = {"lease": 4.0, "checkpoint_seconds": 0.2, "workers": 2, **changed}
    return Settings(data=folder, **values)


def configuration(
    *,
    steps: int = 40,
    every: int = 10,
    training: dict[str, Any] | None = None,
    **changed: Any,  # noqa: ANN401  # any part of a configuration
) -> dict[str, Any]:
    return {
        "name": "small",
        "task": {"kind": "adding", "length": 12},
        "model": {"cell": "elman", "hidden_size": 6},
        "training": {"steps": steps, "batch_size": 4, **(training or {})},
        "recording": {"every": every},
        **changed,
    }


def endless(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  # any part of a configuration
    """Return a configuration that no test waits for the end of."""
    return configuration(steps=1_000_000, every=100, **changed)


def eventually(what: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        TICK.wait(0.02)


def status_is(store: Store, run_id: str, *statuses: str) -> Callable[[], bool]:
    return lambda: store.runs.get(run_id).status in statuses


def pid_of(store: Store, run_id: str) -> int:
    """Return the process that claimed a run last."""
    with store.database.read() as connection:
        return int(connection.scalar(sa.select(runs.c.pid).where(runs.c.id == run_id)) or 0)


class Service:
    """A store with a service and an executor at work on it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = open_store(settings)
        self.executor = executor_of(self.store, settings)
        self.runs = RunService(self.store, self.executor, settings)
        self.runs.start()

    def close(self) -> None:
        self.runs.stop()
        self.store.close()

    def worker_pid(self, run_id: str) -> int:
        """Return the process of a running run; it is there from its claim on."""
        eventually(status_is(self.store, run_id, "running"))
        return pid_of(self.store, run_id)


def train_here(settings: Settings, config: dict[str, Any]) -> tuple[Store, str]:
    """Train in this process, without interruption; return the store and the run's id."""
    store = open_store(settings)
    run, _ = store.runs.create(*described(config))
    claim = store.attempts.claim(run.id, "here")
    assert claim is not None
    with controlled(store, claim) as control:
        train_run(store, claim, control, checkpoint_seconds=settings.checkpoint_seconds)
    return store, run.id


def recorded(store: Store, run_id: str) -> dict[str, NDArray[Any]]:
    """Return everything that is recorded of a run."""
    return {
        info.name: store.arrays.read(run_id, info.name).values
        for info in store.arrays.describe(run_id)
    }


def require_same_bits(store: Store, run_id: str, config: dict[str, Any]) -> None:
    """Compare all of a run with the engine's own record of its configuration."""
    result = engine.record(engine.RunConfig.from_dict(config))
    found = recorded(store, run_id)
    for name, values in found.items():
        expected = np.asarray(result.statistic(name).values, dtype=values.dtype)
        assert values.shape == expected.shape, name
        assert values.tobytes() == expected.tobytes(), name
