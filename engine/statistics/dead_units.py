"""Share of units that pass no gradient at any time for any sample.

Definition: share of a layer's units with φ′(a_t) = 0 at every time and every sample of the batch;
    defined for ReLU alone: other flat parts (hard_tanh) are what saturation counts.
Reduction: every time and sample of the batch have to agree; then the mean over the units.
Axes: step, layer.
Scale: plain.
Range: [0, 1]; NaN where it is not defined or a slope is not a number.
How to read: a unit that is off for the whole batch learns nothing from it and seldom comes back;
    over two thirds is trouble. A network that starts at the identity on inputs ≥ 0 may have a
    quarter to a half.
Exact cases: ReLU without weights and with the biases (−1, 0, 1, 2): one half,
    test_units_that_are_off_for_every_sample_are_dead.
Source: definition.
"""

from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the share of dead units, [S]."""
    return share([observation])


def share(observations: Sequence[Observed]) -> Array:
    """Return the share of units that are dead in every one of several sweeps, [S].

    Args:
        observations: Of one network; batches and lengths may differ.
    """
    first = observations[0]
    if first.cell.activation.saturation != "zero":
        return np.full(first.layers, np.nan)
    # φ′ ≥ 0, and a maximum that meets NaN is NaN; over time first, as memory lies.
    steepest = np.maximum.reduce([seen.slopes.max(axis=1).max(axis=1) for seen in observations])
    return np.where(np.isnan(steepest).any(axis=-1), np.nan, (steepest == 0).mean(axis=-1))


STATISTIC = StatisticDefinition(
    name="dead_units",
    title="Dead units",
    axes=("step", "layer"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
