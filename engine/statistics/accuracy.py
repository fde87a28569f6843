"""Share of right answers in the training batch.

Definition: share of the asked entries of the training batch at which the largest read-out is the
    target class.
Reduction: mean over what is asked.
Axes: step (every training step).
Scale: plain.
Range: [0, 1]; NaN where the task has no classes.
How to read: chance is 1 over the number of classes; the task is solved where it reaches 1.
Exact cases: NaN for a regression task: test_accuracy_of_a_regression_is_not_defined.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="accuracy",
    title="Accuracy",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
