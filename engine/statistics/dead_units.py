"""Share of units that pass no gradient at any time for any sample.

Definition: share of a layer's units with φ′(a_t) = 0 at every time and every sample of the batch;
    defined for ReLU alone: other flat parts (hard_tanh) are what saturation counts.
Reduction: every time and sample of the batch have to agree; then the mean over the units.
Axes: step, layer.
Scale: plain.
Range: [0, 1]; NaN where it is not defined or a state is not a number, whose slope would be 0.
How to read: a unit that is off for the whole batch learns nothing from it and seldom comes back;
    over two thirds is trouble. A network that starts at the identity on inputs ≥ 0 may have a
    quarter to a half.
Exact cases: ReLU without weights and with the biases (−1, 0, 1, 2): one half,
    test_units_that_are_off_for_every_sample_are_dead.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the share of dead units, [S]."""
    if observation.cell.activation.saturation != "zero":
        return np.full(observation.layers, np.nan)
    slopes = observation.slopes
    share: Array = (slopes == 0).all(axis=(1, 2)).mean(axis=-1)
    return np.where(np.isnan(observation.activity).any(axis=(1, 2, 3)), np.nan, share)


STATISTIC = StatisticDefinition(
    name="dead_units",
    title="Dead units",
    axes=("step", "layer"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
