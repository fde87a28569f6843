"""Loss of the best answer without memory.

Definition: the loss that the task's best memoryless predictor reaches, in the units of the run's
    loss: with the reduction "sum" it counts once for every asked entry of the batch.
Reduction: as the loss's.
Axes: step (every training step).
Scale: plain.
Range: [0, inf); NaN where the task has none.
How to read: a loss that stays at it has learned nothing that needs memory.
Exact cases: the adding problem: 1/6, test_the_baseline_of_the_adding_problem_is_a_sixth.
Source: Arjovsky, Shah & Bengio 2016, arXiv:1511.06464 (adding and copy).
"""

from engine.statistics.base import StatisticDefinition

STATISTIC = StatisticDefinition(
    name="baseline",
    title="Memoryless baseline",
    axes=("step",),
    scale="plain",
    doc=__doc__ or "",
    per_step=True,
    always=True,
)
