"""Bound on the norm of the product of Jacobians that the weights alone give.

Definition: β^(T−k) with ‖J_t‖₂ ≤ β: γ‖W‖₂ for one-path cells with one product (elman,
    preactivation, orthogonal), γ max |u| for indrnn, 1 − α + αγ‖W‖₂ for leaky, 1 + αγ‖W‖₂ for
    residual, γ = sup φ′; no bound for other cells.
Reduction: none: it depends on the weights alone.
Axes: step, layer, time. Above 256 time steps time holds 64, evenly spread with the first and the
    last among them, under their true coordinates.
Scale: log10.
Range: [−inf, inf]; NaN where the cell has no bound or a weight is not finite.
How to read: where it falls to the left the gradient must vanish, whatever the inputs; where it
    rises explosion is possible and no more than that.
Exact cases: linear with W_h = ρQ, Q orthogonal: the product's norm itself,
    test_jacobian_statistics_of_a_linear_rotation.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.sampling import state_times


def compute(observation: Observed) -> Array:
    """Return log10 of the bound on ‖∂s_T/∂s_k‖₂, [S, times]."""
    times = np.array(state_times(observation.length))
    backwards = np.array(observation.network.backwards)[:, None]
    steps = np.where(backwards, times - 1, observation.length - times)
    bounds = observation.jacobians.log10_bounds[:, None]
    # A bound of exactly zero says nothing of k = T, where no step is taken.
    with np.errstate(invalid="ignore"):
        found: Array = np.where((steps == 0) & ~np.isnan(bounds), 0.0, bounds * steps)
    return found


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the times that have an entry."""
    return {"time": state_times(facts.length)}


STATISTIC = StatisticDefinition(
    name="jacobian_product_bound",
    title="Bound on the product of Jacobians",
    axes=("step", "layer", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
    accompanies="jacobian_product_norm",
)
