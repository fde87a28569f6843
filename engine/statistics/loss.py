"""Loss of the training batch.

Definition: L = Σ m e / M, the mean of the raw losses e over the asked entries (m = 1) of the
    training batch from which the next update is made; their sum where reduction is "sum".
Reduction: as the task's loss: mean over what is asked.
Axes: step (every training step).
Scale: plain.
Range: [0, inf]; inf and NaN are kept, they say that the run diverged.
How to read: it should fall below the task's baseline; at the baseline the network has learned
    nothing that needs memory.
Exact cases: recorded equal to the training's own, bit for bit:
    test_series_are_the_training_s_own_numbers.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="loss",
    title="Loss",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
