"""Norm of the loss gradient at each hidden state: the vanishing-gradient curve.

Definition: s[t] = mean over samples of ‖dℓ/dh_t‖₂, t = 1 … T, along all paths (the total
    derivative); ℓ is the loss of one sample, so that L is the mean of ℓ.
Reduction: norm of each sample first, then the mean over the batch (not the norm of the mean), so
    that the value does not depend on the size of the batch.
Axes: step, layer, time.
Scale: log10.
Range: [−inf, inf]; −inf is an exact zero, inf and NaN are kept, never clipped.
Cost: O(T·B) on norms that the sweep leaves.
How to read: a straight line that falls to the left is exponential vanishing; its slope is the mean
    log contraction of a step.
Exact cases: linear cell, W_h = ρQ with Q orthogonal, loss at T alone: s[t] = ρ^(T−t) s[T],
    test_linear_cell_scales_by_rho_at_every_step; W_h = 0: −inf for t < T,
    test_zero_recurrent_weights_stop_the_gradient_before_the_last_time_step.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of ‖dℓ/dh_t‖, [S, T]."""
    return observation.log10_hidden_norm_means


STATISTIC = StatisticDefinition(
    name="hidden_gradient_norm",
    title="Gradient norm at each hidden state",
    axes=("step", "layer", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
)
