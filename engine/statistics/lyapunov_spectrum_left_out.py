"""How many samples the mean Lyapunov exponents leave out.

Definition: number of samples of the batch with an R_ii of exactly zero at some step.
Reduction: count over the batch.
Axes: step, layer, rank.
Scale: counts.
Range: 0 … B.
How to read: above 0 these samples pass a step that closes at least one direction for good.
Exact cases: ReLU whose units are all off: B at every rank,
    test_closed_steps_are_left_out_and_counted.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs


def compute(observation: Observed) -> Array:
    """Return the number of samples left out, [S, n]."""
    _, left_out = mean_of_logs(observation.jacobians.lyapunov)
    return left_out.astype(np.float64)


STATISTIC = StatisticDefinition(
    name="lyapunov_spectrum_left_out",
    title="Samples left out of the Lyapunov spectrum",
    axes=("step", "layer", "rank"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    accompanies="lyapunov_spectrum",
)
