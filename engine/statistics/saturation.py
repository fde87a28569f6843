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

SMALL_SLOPE = 0.1  # of the largest slope: under it a step back loses more than a factor of ten


def compute(observation: Observed) -> Array:
    """Return the share of saturated units, [S, T]."""
    slopes = observation.slopes
    activation = observation.cell.activation
    if activation.saturation is None:
        return np.full(slopes.shape[:2], np.nan)
    if activation.saturation == "zero":
        saturated = slopes == 0
    else:
        saturated = slopes < activation.gamma * SMALL_SLOPE
    # Bytes add up several times as fast as truth values, and in one run, as they lie in memory.
    run = saturated.view(np.uint8).swapaxes(2, 3).reshape(*slopes.shape[:2], -1)
    counts = np.add.reduce(run, axis=-1, dtype=np.uint32)
    share: Array = counts / (slopes.shape[2] * slopes.shape[3])
    if np.isnan(slopes).any():
        share[np.isnan(slopes).any(axis=(2, 3))] = np.nan
    return share


STATISTIC = StatisticDefinition(
    name="saturation",
    title="Saturation",
    axes=("step", "layer", "time"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
