"""Norm of the product of all step Jacobians from T back to k: the gradient's worst case.

Definition: ‖∂s_T/∂s_k‖₂ = ‖J_T J_{T−1} … J_{k+1}‖₂, s the whole state of the layer; 1 at k = T;
    mean over samples of its log10. Of a layer that reads backwards it goes from k to 1.
Reduction: logs first, then their mean over the batch. A sample whose norm is exactly zero is
    left out (jacobian_product_norm_left_out counts them); −inf where every sample's is.
Axes: step, layer, time. Above 256 time steps time holds 64, evenly spread with the first and the
    last among them, under their true coordinates.
Scale: log10.
Range: [−inf, inf]; NaN where a Jacobian is not finite. It never underflows.
Cost: a sweep back of as many adjoints as the state has rows, and an eigenvalue problem of that
    size for each time and sample.
How to read: what no loss at T can exceed at k: where it lies decades under 0, nothing at T can be
    heard at k; beside it jacobian_product_bound is what the weights alone allow.
Exact cases: linear with W_h = ρQ, Q orthogonal: (T − k) log10 ρ,
    test_jacobian_statistics_of_a_linear_rotation; never above its bound,
    test_product_norms_lie_under_their_bound.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs
from engine.statistics.sampling import state_times


def compute(observation: Observed) -> Array:
    """Return the mean over samples of log10 ‖∂s_T/∂s_k‖₂, [S, times]."""
    times = state_times(observation.length)
    means, _ = mean_of_logs(observation.jacobians.log10_product_norms(times))
    return means


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the times that have an entry."""
    return {"time": state_times(facts.length)}


STATISTIC = StatisticDefinition(
    name="jacobian_product_norm",
    title="Norm of the product of Jacobians",
    axes=("step", "layer", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
