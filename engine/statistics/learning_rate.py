"""Learning rate that the schedule gave.

Definition: the schedule's value with which the next update is made.
Reduction: none.
Axes: step (every training step).
Scale: plain.
Range: [0, inf).
How to read: read it beside the loss: a fall of the loss where the rate falls points to a rate
    that was too high before.
Exact cases: constant schedule: the configured rate at every step,
    test_series_are_the_training_s_own_numbers.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="learning_rate",
    title="Learning rate",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
