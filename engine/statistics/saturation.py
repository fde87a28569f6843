"""Share of units at which the activation function is saturated.

Definition: share of (sample, unit) pairs with φ′(a_t) < γ/10, γ = sup φ′ (sigmoid, tanh and the
    other smooth functions, of the candidate in gated cells); with φ′(a_t) = 0 for ReLU; not
    defined for the identity and leaky ReLU, whose slopes never come near zero.
Reduction: mean over the batch and the units.
Axes: step, layer, time.
Scale: plain.
Range: [0, 1]; NaN where it is not defined or a slope is not a number.
How to read: near 1 the layer passes hardly any gradient to the step before; for ReLU one half is
    what random weights give.
Exact cases: tanh with W_h = W_x = 0 and a bias of 10: 1, of 0: 0,
    test_saturation_of_tanh_follows_its_bias.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the share of saturated units, [S, T]."""
    activation = observation.cell.activation
    if activation.saturation is None:
        return np.full((observation.layers, observation.length), np.nan)
    # ReLU has the slopes 0 and 1 alone: under a tenth is 0.
    return observation.saturated_shares


STATISTIC = StatisticDefinition(
    name="saturation",
    title="Saturation",
    axes=("step", "layer", "time"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
