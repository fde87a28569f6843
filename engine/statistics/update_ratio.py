"""Size of each update relative to the parameter it changes.

Definition: ‖ΔP‖ / ‖P‖ (Frobenius) of every parameter P: ΔP is what the update made from this
    frame's weights changes, ‖P‖ is before it.
Reduction: none.
Axes: step (recorded steps), parameter.
Scale: log10.
Range: [−inf, inf]; −inf where the update leaves the parameter as it is, inf where it starts from
    zero; NaN at the last frame, after which no update is made.
Cost: an update on copies of the weights and of the optimizer's moments.
How to read: near 1e-3 a parameter moves as most trainings that go well do; far under it, it stands
    still, above 1e-1 it is thrown about.
Exact cases: plain SGD: rate · clip_factor · ‖g‖ / ‖P‖,
    test_update_ratio_of_plain_sgd_is_rate_times_gradient_over_weight.
Source: Karpathy, CS231n notes (ratio of weights to updates).
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="update_ratio",
    title="Size of the updates",
    axes=("step", "parameter"),
    scale="log10",
    doc=__doc__ or "",
    of_update=True,
)
