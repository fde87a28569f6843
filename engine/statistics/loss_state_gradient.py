"""Gradient of the loss of each time step at each state before it.

Definition: mean over samples of ‖dℓ_t/dh_k‖₂ for loss time t and state time k ≤ t, along all
    paths from h_k to ℓ_t; k > t is not defined. ℓ_t is the share of t in a sample's loss, so that
    Σ_t ℓ_t = ℓ: with the mean over M asked steps of B samples B/M times the raw loss of t. Of a
    layer that reads backwards k ≥ t, and in a stack of layers of two directions every t and k.
Reduction: norm of each sample first, then the mean over the batch.
Axes: step, layer, loss_time, state_time. Above 256 time steps loss_time holds 64 of the asked
    times (all, where fewer are asked), evenly spread with the first and the last among them,
    under their true coordinates.
Scale: log10.
Range: [−inf, inf]; −inf where nothing is asked at t; NaN where k > t or not finite.
Cost: about a tenth of a training step for each loss time.
How to read: along a row from right to left: how far back the loss of one time step is heard; rows
    that go dark near the diagonal are vanishing gradients.
Exact cases: linear cell, W_h = ρQ: ρ^(t−k) times the diagonal,
    test_loss_state_rows_of_a_linear_cell_scale_by_rho; the row of the only asked time is
    hidden_gradient_norm, test_the_row_of_the_only_asked_time_is_the_whole_gradient.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063 (the terms ∂ℓ_t/∂h_k of its sums).
"""

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.loss_rows import loss_rows
from engine.statistics.sampling import loss_times


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of ‖dℓ_t/dh_k‖, [S, loss times, T]."""
    times = loss_times(observation.length, observation.asked_times)
    return loss_rows(observation, times)


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the loss times that have a row."""
    return {"loss_time": loss_times(facts.length, facts.asked_times)}


STATISTIC = StatisticDefinition(
    name="loss_state_gradient",
    title="Gradient of each loss at each state",
    axes=("step", "layer", "loss_time", "state_time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
