"""What each step back does to the gradient: which factor of the recurrence shrinks or grows it.

Definition: per sample, with v = λ_t the total derivative by the whole state, δ the deltas at the
    pre-activations, w what returns through the recurrent weights and r = J_tᵀ v − w what passes
    beside them: slope = ln ‖δ‖/‖v‖ and weights = ln ‖w‖/‖δ‖ where there is no r (where the state
    is the pre-activation: weights = ln ‖w‖/‖v‖, slope the rest); carry = ln ‖r‖/‖v‖ and
    recurrent = ln ‖J_tᵀ v‖/‖r‖ where there is; arriving = ln ‖λ_{t−1}‖/‖J_tᵀ v‖, what the losses
    and layers beside the recurrence add. The entry at t is the step from λ_t to λ_{t−1}; together
    the factors are ln ‖λ_{t−1}‖/‖λ_t‖.
Reduction: logs first, then their mean over the batch. A sample in which one of these norms is
    exactly zero is left out of all factors at that t (gain_factors_left_out counts them); −inf
    where every sample is, as at t = w + 1, 2w + 1, … of a truncation: nothing goes on to λ_w.
Axes: step, layer, time, factor.
Scale: ln.
Range: [−inf, inf]; 0 where a factor is not the cell's; NaN where a norm is not finite.
Cost: a copy of what passes beside the weights and one look at the slopes: about a tenth of the
    backward sweep where the loss asks once, a third where it asks everywhere.
How to read: below 0 a factor shrinks the gradient at that step, above 0 it makes it grow: slope
    is the activation's doing, weights that of the recurrent matrix, carry that of the gates.
Exact cases: linear cell, W_h = ρQ, loss at T alone: slope 0, weights ln ρ, arriving 0,
    test_gain_factors_of_a_linear_cell_are_those_of_its_weights; they sum to the measured gain,
    test_gain_factors_sum_to_the_measured_gain.
Source: definition; the factors of Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

import numpy as np

from engine.arrays import Array
from engine.bptt.gains import FACTORS
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the mean over the samples that count of each factor's log, [S, T, 5]."""
    logs, left_out = observation.gains
    if not left_out.any():
        plain: Array = logs.mean(axis=-1)
        return plain
    counted = (~left_out).sum(axis=-1)
    kept = np.where(left_out[:, :, None, :], 0.0, logs)
    means: Array = kept.sum(axis=-1) / np.maximum(counted, 1)[..., None]
    means[counted == 0] = -np.inf
    return means


def own_coordinates(_facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the names of the factors."""
    return {"factor": FACTORS}


STATISTIC = StatisticDefinition(
    name="gain_factors",
    title="Factors of each step back",
    axes=("step", "layer", "time", "factor"),
    scale="ln",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
    always=True,
)
