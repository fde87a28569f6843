"""How many samples the factors of a step back leave out.

Definition: number of samples of the batch in which one of the norms that gain_factors divides is
    exactly zero at t.
Reduction: count over the batch.
Axes: step, layer, time.
Scale: counts.
Range: 0 … B.
How to read: where it is B no gradient passes this step at all: everything after the last asked
    time, a layer whose units are all dead, a gate that is closed.
Exact cases: loss at τ < T: B at every t > τ, test_samples_without_a_gradient_are_counted.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the number of samples left out, [S, T]."""
    _, left_out = observation.gains
    counts: Array = left_out.sum(axis=-1, dtype=np.float64)
    return counts


STATISTIC = StatisticDefinition(
    name="gain_factors_left_out",
    title="Samples left out of the factors",
    axes=("step", "layer", "time"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
