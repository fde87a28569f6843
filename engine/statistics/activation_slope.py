"""Mean slope of the activation function at each hidden unit.

Definition: mean over samples of φ′(a_{t,i}), a the pre-activation (the candidate's in gated cells).
Reduction: mean over the batch.
Axes: step, layer, time, unit.
Scale: plain.
Range: [0, γ], γ = sup φ′: 1/4 for the sigmoid, 1 for tanh, ReLU and the identity; NaN where
    a is not a number.
How to read: the factor that φ puts on the gradient at every step back; well under 1 everywhere
    means that the gradient shrinks whatever the weights do.
Exact cases: tanh: 1 − h_t², test_activation_slope_of_tanh_is_one_minus_h_squared.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import sample_mean


def compute(observation: Observed) -> Array:
    """Return the mean over samples of φ′, [S, T, H]."""
    return sample_mean(observation.slopes)


STATISTIC = StatisticDefinition(
    name="activation_slope",
    title="Slope of the activation",
    axes=("step", "layer", "time", "unit"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
)
