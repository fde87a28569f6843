"""What the series that cost no sweep of their own take at every training step.

Of the training batch itself: the norm of dℓ/dh_t for every time and sample, its mean over samples
for every time, the share of saturated units for every time, and the norms of the parameters'
gradients, which the training takes whether anybody looks or not. Steps of one training with them
and without follow each other by turns, and the price is the whole difference: what the sweep counts
on its way, the look itself, and what it costs the next step that a look has used the caches.
"""

import time
from dataclasses import replace

import numpy as np

import engine
from benchmarks.processes import backends_in_turn
from benchmarks.tables import Row, Table
from benchmarks.workloads import CELLS, Workload
from engine.bptt.observation import Observation
from engine.learning.training import Training
from engine.statistics.saturation import compute as saturation

STRETCH = 6
"""Training steps that follow each other with the series, or without; the first is not timed."""

STRETCHES = 4
"""Of either kind in a round."""

SIZES = (
    ("tiny", "adding", 1, 50, 16, 10.0),
    ("adding", "adding", 32, 100, 64, 6.0),
    ("copy", "copy", 32, 100, 128, 3.0),
)
"""Name, task, B, T, H, and per cent of a step that should not be passed."""


class CheaplySeen(Training):
    """A training whose sweeps keep what the cheap series are made of, and nothing else.

    Attributes:
        is_seen: Whether anybody is going to look at the next step.
    """

    is_seen = False

    def prepare(self, looked_at: bool) -> None:
        """Let the next sweep count on its way."""
        self.sweep.count_saturated(self.is_seen)


def prices(workload: Workload, stretches: int) -> tuple[float, float]:
    """Return CPU seconds of a training step, and how many more with its series: of medians."""
    config = engine.RunConfig.from_dict(workload.config(batch="training", every=10_000_000))
    training = CheaplySeen(config)
    snapshots = training.snapshots()
    taken: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * stretches * STRETCH):
        training.is_seen = number // STRETCH % 2 == 1
        start = time.process_time()
        snapshot = next(snapshots)
        if training.is_seen:
            _look(snapshot)
        if number % STRETCH:
            taken[training.is_seen].append(time.process_time() - start)
    bare, seen = (float(np.median(taken[kind])) for kind in (False, True))
    return bare, seen - bare


def _look(snapshot: engine.Snapshot) -> list[object]:
    if snapshot.sweep is None or snapshot.batch is None:
        raise RuntimeError("a training step without a batch")
    asked = snapshot.task.asked_times
    seen = Observation.of_sweep(snapshot.sweep, snapshot.batch, asked_times=asked)
    return [
        seen.log10_hidden_norms,
        seen.log10_hidden_norm_means,
        saturation(seen),
        snapshot.parameter_gradient_norms,
    ]


def measure(rounds: int) -> list[Row]:
    """Return a row for each backend, size and cell."""
    rows: list[Row] = []
    for backend in backends_in_turn():
        for name, task, batch, length, hidden, bound in SIZES:
            for cell, activation, _ in CELLS:
                workload = Workload(task=task, cell=cell, activation=activation)
                sized = replace(workload, batch=batch, length=length, hidden=hidden)
                step, series = prices(sized, STRETCHES * rounds)
                rows.append(
                    {
                        "backend": backend,
                        "size": name,
                        "cell": activation or cell,
                        "step": 1e6 * step,
                        "series": 1e6 * series,
                        "price": 100 * series / step,
                        "bound": bound,
                    }
                )
    return rows


TABLE = Table(
    name="cheap",
    measure=measure,
    columns={
        "ours": "{backend}",
        "size": "{size}",
        "cell": "{cell}",
        "a step µs": "{step:.0f}",
        "its series µs": "{series:.0f}",
        "%": "{price:.1f}",
        "goal %": "{bound:g}",
    },
)
