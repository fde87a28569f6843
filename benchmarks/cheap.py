"""What the series that cost no sweep of their own take at every training step.

Of the training batch itself: the norm of dℓ/dh_t for every time and sample, its mean over samples
for every time, the share of saturated units for every time, and the norms of the parameters'
gradients, which the training takes whether anybody looks or not.
"""

from dataclasses import replace

import engine
from benchmarks.ours import prices_of
from benchmarks.tables import Row, Table
from benchmarks.workloads import CELLS, Workload
from engine.bptt.observation import Observation
from engine.statistics.saturation import compute as saturation

STEPS = 12
"""Training steps of a round."""

SIZES = (
    ("tiny", "adding", 1, 50, 16, 10.0),
    ("adding", "adding", 32, 100, 64, 6.0),
    ("copy", "copy", 32, 100, 128, 3.0),
)
"""Name, task, B, T, H, and per cent of a step that should not be passed."""


def prices(workload: Workload, steps: int) -> tuple[float, float]:
    """Return CPU seconds of a training step, and of its cheap series: medians."""
    config = engine.RunConfig.from_dict(workload.config(batch="training", every=10_000_000))
    return prices_of(config, _look, steps)


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
    """Return a row for each size and cell."""
    rows: list[Row] = []
    for name, task, batch, length, hidden, bound in SIZES:
        for cell, activation, _ in CELLS:
            workload = Workload(task=task, cell=cell, activation=activation)
            sized = replace(workload, batch=batch, length=length, hidden=hidden)
            step, look = prices(sized, STEPS * rounds)
            rows.append(
                {
                    "size": name,
                    "cell": activation or cell,
                    "step": 1e6 * step,
                    "look": 1e6 * look,
                    "price": 100 * look / step,
                    "bound": bound,
                }
            )
    return rows


TABLE = Table(
    name="cheap",
    measure=measure,
    columns={
        "size": "{size}",
        "cell": "{cell}",
        "a step µs": "{step:.0f}",
        "its series µs": "{look:.0f}",
        "%": "{price:.1f}",
        "goal %": "{bound:g}",
    },
)
