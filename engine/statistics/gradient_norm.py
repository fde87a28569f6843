"""Norm of the whole gradient before clipping.

Definition: ‖∂L/∂θ‖₂ over all parameters θ, of the training batch, before any clipping.
Reduction: none (the gradient is that of the batch's loss).
Axes: step (every training step).
Scale: log10.
Range: [−inf, inf]; −inf is an exact zero, inf and NaN are kept.
How to read: spikes that tower over the ordinary level are exploding gradients; a level that sinks
    towards nothing while the loss stays high is a network that has stopped hearing its loss.
Exact cases: zero gradient: −inf, test_a_gradient_of_zero_is_recorded_as_minus_infinity.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="gradient_norm",
    title="Gradient norm",
    axes=("step",),
    scale="log10",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
