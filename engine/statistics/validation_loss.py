"""Loss of the held-out set.

Definition: L of the task's held-out set, with the weights of the recorded step.
Reduction: mean over what is asked; where the run's reduction is "sum", the sum over as many
    sequences as a training batch has, so that it compares with the training loss.
Axes: step (recorded steps).
Scale: plain.
Range: [0, inf]; inf and NaN are kept.
How to read: where it parts from the training loss the network learns its batches by heart.
Exact cases: before any update it is the untrained network's loss,
    test_validation_loss_is_the_held_out_set_s.
Source: definition.
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="validation_loss",
    title="Validation loss",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    always=True,
    held_out=True,
)
