"""Norm of the immediate gradient: what the loss at one time step says to the state of that step.

Definition: mean over samples of ‖dℓ_t/dh_t‖₂ through the layers above at time t alone, without
    the paths through later steps.
Reduction: norm of each sample first, then the mean over the batch.
Axes: step, layer, time.
Scale: log10.
Range: [−inf, inf]; −inf where nothing is asked at t.
Cost: O(T·B) on norms that the sweep leaves.
How to read: the input to the backward pass; hidden_gradient_norm far above it at a time step means
    that the gradient came from later steps.
Exact cases: at t = T it is the total gradient,
    test_immediate_and_total_agree_at_the_last_time_step; −inf where nothing is asked,
    test_immediate_gradient_is_zero_where_nothing_is_asked.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import log10_mean


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of the immediate derivative's norm, [S, T]."""
    return log10_mean(observation.log10_immediate_norms)


STATISTIC = StatisticDefinition(
    name="immediate_gradient_norm",
    title="Immediate gradient norm",
    axes=("step", "layer", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
)
