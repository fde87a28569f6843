"""What a run of the service costs beside its training alone: frames, series, checkpoints, lease.

The same configuration is trained by `engine.train`, looked at by nobody, and as a worker trains it:
with the defaults of a recording (a frame every 50 steps), a checkpoint every 30 seconds and at the
end, the heartbeat's thread, and everything written to a store. H = 64, B = 32, T = 100. Both are
whole trainings, by the clock; what the second takes of all processors together is told beside it:
that is what it costs by the clock, too, where none of them is idle.
"""

import contextlib
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import engine
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import Store, open_store
from app.trainer.collecting import collect_rarely
from benchmarks.tables import Row, Table

SECONDS = 30.0
"""Of a training alone: a run that is as long as those that people wait for."""

GOAL = 0.03
CELLS = (("tanh", "elman", "tanh"), ("relu", "elman", "relu"), ("lstm", "lstm", None))


class Taken(NamedTuple):
    """Seconds by the clock, and of processors: of this process and of those that it has hired."""

    clock: float
    processors: float


@contextlib.contextmanager
def timed(taken: list[Taken]) -> Iterator[None]:
    """Add what passes meanwhile."""

    def now() -> Taken:
        spent = os.times()
        processors = spent.user + spent.system + spent.children_user + spent.children_system
        return Taken(time.perf_counter(), processors)

    began = now()
    yield
    ended = now()
    taken.append(Taken(ended.clock - began.clock, ended.processors - began.processors))


def configuration(cell: str, activation: str | None, steps: int) -> dict[str, Any]:
    """Return a run with all the defaults of its recording."""
    return {
        "name": "as a worker trains it",
        "task": {"kind": "adding", "length": 100},
        "model": {"cell": cell, "activation": activation, "hidden_size": 64},
        "training": {"steps": steps, "batch_size": 32},
    }


def train_alone(config: dict[str, Any]) -> Taken:
    """Train without looking."""
    taken: list[Taken] = []
    with timed(taken):
        deque(engine.train(engine.RunConfig.from_dict(config)), maxlen=0)
    return taken[0]


def steps_for(cell: str, activation: str | None) -> int:
    """Return how many steps take about as long as a training should."""
    few = 500
    taken = train_alone(configuration(cell, activation, few))
    return int(few * SECONDS / taken.clock)


def train_stored(store: Store, settings: Settings, config: dict[str, Any]) -> Taken:
    """Train as a worker does."""
    complete, facts, layouts = described(config)
    run, _ = store.runs.create(complete, facts, layouts)
    taken: list[Taken] = []
    with timed(taken):
        claim = store.attempts.claim(run.id, "a benchmark")
        if claim is None:
            raise RuntimeError("the run was not to be had")
        seconds = settings.checkpoint_seconds
        with controlled(store, claim) as control:
            status = train_run(store, claim, control, checkpoint_seconds=seconds)
    if status != "succeeded":
        raise RuntimeError(f"the run is {status}")
    return taken[0]


def fastest(turns: Sequence[Taken]) -> Taken:
    """Return the least of each, which others at work have disturbed least."""
    return Taken(min(turn.clock for turn in turns), min(turn.processors for turn in turns))


def measure(rounds: int) -> list[Row]:
    """Return a row for each cell; `cost` is the stored run's time over the bare training's, − 1."""
    rows: list[Row] = []
    collect_rarely()  # as a worker does
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        store = open_store(settings)
        for name, cell, activation in CELLS:
            steps = steps_for(cell, activation)
            config = configuration(cell, activation, steps)
            pairs = [
                (train_alone(config), train_stored(store, settings, config)) for _ in range(rounds)
            ]
            alone, stored = (fastest(side) for side in zip(*pairs, strict=True))
            rows.append(
                {
                    "cell": name,
                    "alone_ms": 1e3 * alone.clock / steps,
                    "stored_ms": 1e3 * stored.clock / steps,
                    "cost": stored.clock / alone.clock - 1,
                    "goal_cost": GOAL,
                    "processor_cost": stored.processors / alone.processors - 1,
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
        "of all processors": "{processor_cost:.1%}",
    },
    rounds=2,
    clock="wall seconds, the least of alternated turns",
)
