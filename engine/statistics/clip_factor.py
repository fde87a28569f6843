"""Factor by which clipping shortened the gradient.

Definition: ‖clipped gradient‖ / ‖gradient‖ of the training batch; 1 where the gradient is zero or
    nothing clips.
Reduction: none.
Axes: step (every training step).
Scale: plain.
Range: [0, 1]; NaN where the gradient is not finite.
How to read: 1 means that clipping did nothing; far below 1 at nearly every step means that the
    threshold, and not the learning rate, sets the length of the updates.
Exact cases: no clipping: 1 at every step, test_series_are_the_training_s_own_numbers.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="clip_factor",
    title="Clip factor",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
