"""The terms of the gradient's sums over paths: what the loss at t owes to the parameter at step k.

Definition: Frobenius norm of A_{t,k}(P) = mean over samples of λ_{t,k} · ∂⁺s_k/∂P for every
    parameter P, λ_{t,k} = dℓ_t/ds_k, ∂⁺ the immediate derivative: s_{k−1} and the layer's input
    held. Over k they sum to ∂L_t/∂P, over both to ∂L/∂P. The read-out's parameters have k = t
    alone. Where W_h is a function of its parameter the terms are of W_h. Of a layer that reads
    backwards it is s_{k+1} that is held.
Reduction: mean over the batch of the matrices, then the norm of the mean; with the reduction
    "sum" the sum over the batch.
Axes: step, parameter, loss_time, state_time. Above 256 time steps loss_time holds 64 of the asked
    times (all, where fewer are asked), evenly spread with the first and the last among them,
    under their true coordinates.
Scale: log10.
Range: [−inf, inf]; −inf where nothing is asked at t; NaN where k > t, for the read-out where
    k ≠ t, or where not finite.
Cost: about a third of a training step for each loss time.
How to read: a bright diagonal over a dark triangle is a parameter that learns from the last few
    steps alone: the terms far from the diagonal are what long memories are learned from.
Exact cases: the norm of trace.path_terms, test_path_norms_are_those_of_the_terms; linear cell,
    W_h = 0: −inf off the diagonal, test_without_recurrent_weights_there_are_no_far_terms.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063 (its sum over k of temporal contributions).
"""

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.sampling import loss_times


def compute(observation: Observed) -> Array:
    """Return log10 ‖A_{t,k}(P)‖, [parameters, loss times, T]."""
    times = loss_times(observation.length, observation.asked_times)
    return observation.log10_path_norms(times)


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the loss times that have a row."""
    return {"loss_time": loss_times(facts.length, facts.asked_times)}


STATISTIC = StatisticDefinition(
    name="path_gradient",
    title="Gradient of each loss by each step's parameter",
    axes=("step", "parameter", "loss_time", "state_time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
