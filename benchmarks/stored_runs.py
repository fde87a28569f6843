"""What a run of the service costs beside its training alone: frames, series, checkpoints, lease.

The same configuration is trained by `engine.train`, looked at by nobody, and as a worker trains it:
with the defaults of a recording (a frame every 50 steps), a checkpoint every 30 seconds and at the
end, the heartbeat's thread, and everything written to a store. H = 64, B = 32, T = 100. Both are
whole trainings; CPU time of all threads is counted.
"""

import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import engine
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.training import train_run
from app.runs.worker import collect_rarely
from app.settings import Settings
from app.store import Store, open_store
from benchmarks.tables import Row, Table

STEPS = 3000
GOAL = 0.03
CELLS = (("tanh", "elman", "tanh"), ("relu", "elman", "relu"), ("lstm", "lstm", None))


def configuration(cell: str, activation: str | None) -> dict[str, Any]:
    """Return a run with all the defaults of its recording."""
    return {
        "name": "as a worker trains it",
        "task": {"kind": "adding", "length": 100},
        "model": {"cell": cell, "activation": activation, "hidden_size": 64},
        "training": {"steps": STEPS, "batch_size": 32},
    }


def train_alone(config: dict[str, Any]) -> float:
    """Train without looking; return CPU seconds."""
    began = time.process_time()
    deque(engine.train(engine.RunConfig.from_dict(config)), maxlen=0)
    return time.process_time() - began


def train_stored(store: Store, settings: Settings, config: dict[str, Any]) -> float:
    """Train as a worker does; return CPU seconds."""
    complete, facts, layouts = described(config)
    run, _ = store.runs.create(complete, facts, layouts)
    began = time.process_time()
    claim = store.attempts.claim(run.id, "a benchmark")
    if claim is None:
        raise RuntimeError("the run was not to be had")
    with controlled(store, claim) as control:
        status = train_run(store, claim, control, checkpoint_seconds=settings.checkpoint_seconds)
    taken = time.process_time() - began
    if status != "succeeded":
        raise RuntimeError(f"the run is {status}")
    return taken


def measure(rounds: int) -> list[Row]:
    """Return a row for each cell; `ratio` is the stored run's time over the bare training's."""
    rows: list[Row] = []
    collect_rarely()  # as a worker does
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        store = open_store(settings)
        for name, cell, activation in CELLS:
            config = configuration(cell, activation)
            pairs = [
                (train_alone(config), train_stored(store, settings, config)) for _ in range(rounds)
            ]
            alone, stored = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
            rows.append(
                {
                    "cell": name,
                    "alone_ms": 1e3 * alone / STEPS,
                    "stored_ms": 1e3 * stored / STEPS,
                    "cost": stored / alone - 1,
                    "goal_cost": GOAL,
                }
            )
        store.close()
    return rows


TABLE = Table(
    name="stored_runs",
    measure=measure,
    columns={
        "cell": "{cell}",
        "training alone, ms a step": "{alone_ms:.2f}",
        "as a stored run": "{stored_ms:.2f}",
        "costs": "{cost:.1%}",
        "goal": "{goal_cost:.0%}",
    },
    rounds=3,
)
