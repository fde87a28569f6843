"""Gradient of the last asked loss at each state before it: the row that verdicts read.

Definition: mean over samples of ‖dℓ_τ/dh_k‖₂, τ the last time at which anything is asked; k > τ
    is not defined. It is row τ of loss_state_gradient, made at every frame. Of a layer that reads
    backwards τ is the last asked time that it comes to, the first of all.
Reduction: norm of each sample first, then the mean over the batch.
Axes: step, layer, state_time.
Scale: log10.
Range: [−inf, inf]; NaN where k > τ or not finite.
How to read: from τ to the left: a straight fall is exponential vanishing, a rise explosion; the
    distance at which it has lost two decades is the reach.
Exact cases: linear cell, W_h = ρQ: ρ^(τ−k) times its value at τ,
    test_last_loss_row_of_a_linear_cell_scales_by_rho.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.loss_rows import loss_rows


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of ‖dℓ_τ/dh_k‖, [S, T]."""
    if not observation.asked_times:  # gradients of the final state alone: there is no τ
        return np.full((observation.layers, observation.length), np.nan)
    first, last = observation.asked_times[0], observation.asked_times[-1]
    backwards = np.array(observation.network.backwards)
    if not backwards.any():
        return loss_rows(observation, [last])[:, 0]
    rows = loss_rows(observation, sorted({first, last}))
    return np.where(backwards[:, None], rows[:, 0], rows[:, -1])


STATISTIC = StatisticDefinition(
    name="last_loss_gradient",
    title="Gradient of the last loss at each state",
    axes=("step", "layer", "state_time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    always=True,
)
