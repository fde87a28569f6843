"""Norm of the loss gradient at each output: what the loss says before any weight has touched it.

Definition: mean over samples of ‖∂ℓ_t/∂y_t‖₂, y_t the read-out (logits or values).
Reduction: norm of each sample first, then the mean over the batch.
Axes: step, time.
Scale: log10.
Range: [−inf, inf]; −inf where nothing is asked at t, and where every answer is exactly right.
How to read: where it sinks the answers are becoming right, and a gradient that is small further
    back is no vanishing gradient; a level of its own at some times says where the errors are.
Exact cases: cross-entropy, weights of zero, K classes: √(1 − 1/K) B/M,
    test_output_gradient_of_a_silent_network_is_that_of_equal_classes.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import log10_mean


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of ‖∂ℓ_t/∂y_t‖, [T]."""
    return log10_mean(observation.log10_output_norms)


STATISTIC = StatisticDefinition(
    name="output_gradient_norm",
    title="Gradient norm at each output",
    axes=("step", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
)
