"""Singular values of the step Jacobian: by how much one step stretches or shrinks a gradient.

Definition: singular values of J_t = ∂s_t/∂s_{t−1}, s the whole state of the layer (2H × 2H for an
    LSTM; a skip through s steps has s·H rows), largest first; mean over samples of their log10.
Reduction: logs first, then their mean over the batch. A sample whose value is exactly zero is
    left out (jacobian_singular_values_left_out counts them); −inf where every sample's is.
Axes: step, layer, time, rank. Above 256 time steps time holds 64, evenly spread with the first
    and the last among them, under their true coordinates.
Scale: log10.
Range: [−inf, inf]; NaN where a Jacobian is not finite. Values under the type's resolution of the
    largest (1e-7 of it in float32) are rounding.
Cost: a singular value problem of the state's size for each time and sample.
How to read: all near 0 (10⁰ = 1): the step hands a gradient on as it is; the whole fan under 0
    means vanishing whatever the direction; a largest value above 0 beside small ones means that
    some directions explode while others vanish.
Exact cases: tanh with orthogonal W_h: the sorted 1 − h_{t,i}²,
    test_singular_values_of_tanh_with_orthogonal_weights_are_its_slopes; linear with orthogonal
    W_h: 0, test_jacobian_statistics_of_a_linear_rotation.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063; Pennington, Schoenholz & Ganguli 2017,
    arXiv:1711.04735 (the spectrum of Jacobians).
"""

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs
from engine.statistics.sampling import state_times


def compute(observation: Observed) -> Array:
    """Return the mean over samples of log10 of the singular values, [S, times, n]."""
    times = state_times(observation.length)
    means, _ = mean_of_logs(observation.jacobians.log10_singular_values(times))
    return means


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the times that have an entry."""
    return {"time": state_times(facts.length)}


STATISTIC = StatisticDefinition(
    name="jacobian_singular_values",
    title="Singular values of the step Jacobian",
    axes=("step", "layer", "time", "rank"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
