"""Norm of the gradient of each parameter before clipping.

Definition: ‖∂L/∂P‖ (Frobenius) of every parameter P, of the training batch, before any clipping.
Reduction: none (the gradient is that of the batch's loss).
Axes: step (every training step), parameter.
Scale: log10.
Range: [−inf, inf]; −inf is an exact zero, inf and NaN are kept.
How to read: a recurrent matrix whose gradient lies orders of magnitude under the read-out's learns
    far more slowly than the read-out.
Exact cases: its squares sum to the square of gradient_norm,
    test_parameter_norms_make_up_the_gradient_norm.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="parameter_gradient_norm",
    title="Parameter gradient norm",
    axes=("step", "parameter"),
    scale="log10",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
