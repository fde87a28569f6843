"""How many samples the mean log norm of the product of Jacobians leaves out.

Definition: number of samples of the batch for which ‖∂s_T/∂s_k‖₂ is exactly zero.
Reduction: count over the batch.
Axes: step, layer, time.
Scale: counts.
Range: 0 … B.
How to read: where it is above 0, a step between k and T is closed for these samples altogether:
    nothing of the state at k is left at T.
Exact cases: ReLU whose units are all off: B but for k = T,
    test_closed_steps_are_left_out_and_counted.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs
from engine.statistics.sampling import state_times


def compute(observation: Observed) -> Array:
    """Return the number of samples left out, [S, times]."""
    times = state_times(observation.length)
    _, left_out = mean_of_logs(observation.jacobians.log10_product_norms(times))
    return left_out.astype(np.float64)


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the times that have an entry."""
    return {"time": state_times(facts.length)}


STATISTIC = StatisticDefinition(
    name="jacobian_product_norm_left_out",
    title="Samples left out of the product's norm",
    axes=("step", "layer", "time"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
    accompanies="jacobian_product_norm",
)
