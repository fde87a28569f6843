"""How many samples the mean log singular values leave out.

Definition: number of samples of the batch whose singular value of that rank is exactly zero.
Reduction: count over the batch.
Axes: step, layer, time, rank.
Scale: counts.
Range: 0 … B.
How to read: ranks at which it is B are directions that every sample's step closes: dead units.
Exact cases: ReLU whose units are all off: B everywhere,
    test_closed_steps_are_left_out_and_counted.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs
from engine.statistics.sampling import state_times


def compute(observation: Observed) -> Array:
    """Return the number of samples left out, [S, times, n]."""
    times = state_times(observation.length)
    _, left_out = mean_of_logs(observation.jacobians.log10_singular_values(times))
    return left_out.astype(np.float64)


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the times that have an entry."""
    return {"time": state_times(facts.length)}


STATISTIC = StatisticDefinition(
    name="jacobian_singular_values_left_out",
    title="Samples left out of the singular values",
    axes=("step", "layer", "time", "rank"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
    accompanies="jacobian_singular_values",
)
