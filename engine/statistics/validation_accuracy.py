"""Share of right answers in the held-out set.

Definition: share of the asked entries of the held-out set at which the largest read-out is the
    target class, with the weights of the recorded step.
Reduction: mean over what is asked.
Axes: step (recorded steps).
Scale: plain.
Range: [0, 1]; NaN where the task has no classes.
How to read: the figure to quote for a classification task; chance is 1 over the number of classes.
Exact cases: NaN for a regression task: test_accuracy_of_a_regression_is_not_defined.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="validation_accuracy",
    title="Validation accuracy",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    always=True,
    held_out=True,
)
