"""Size of the loss gradient at each hidden unit.

Definition: mean over samples of |dℓ/dh_{t,i}|, along all paths.
Reduction: absolute value of each sample first, then the mean over the batch.
Axes: step, layer, time, unit.
Scale: log10.
Range: [−inf, inf]; −inf is an exact zero; entries far under their row's largest are stored at the
    resolution's floor.
How to read: dark rows are units through which no gradient passes (dead or saturated); a pattern
    that fades to the left is vanishing.
Exact cases: linear cell with W_h = ρI, loss at T alone: every unit falls by ρ a step,
    test_diagonal_linear_cell_scales_every_unit_by_rho.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of |dℓ/dh_{t,i}|, [S, T, H]."""
    return observation.log10_hidden_means


STATISTIC = StatisticDefinition(
    name="hidden_gradient",
    title="Gradient at each hidden unit",
    axes=("step", "layer", "time", "unit"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
)
