"""Mean activation of each hidden unit.

Definition: mean over samples of h_{t,i} (the pre-activation where the state is one, the modulus
    where it is complex).
Reduction: mean over the batch.
Axes: step, layer, time, unit.
Scale: plain.
Range: (−inf, inf); [−1, 1] for tanh, [0, 1] for the sigmoid, [0, inf) for ReLU; inf and NaN are
    kept.
How to read: units that stand at the ends of the range are saturated; units that stand at zero for
    every input say nothing.
Exact cases: tanh with W_h = W_x = 0 and bias b: tanh b at every time step,
    test_activation_without_weights_is_that_of_the_bias.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import sample_mean


def compute(observation: Observed) -> Array:
    """Return the mean over samples of h_t, [S, T, H]."""
    return sample_mean(observation.activity)


STATISTIC = StatisticDefinition(
    name="activation",
    title="Activation",
    axes=("step", "layer", "time", "unit"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
)
