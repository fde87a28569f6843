"""Mean of every gate: how far it is open.

Definition: mean over samples of every gate's value after its activation function, the candidate
    among them; a cell without gates has its candidate φ(a_t) alone.
Reduction: mean over the batch.
Axes: step, layer, gate, time, unit.
Scale: plain.
Range: [0, 1] for sigmoid gates, [−1, 1] for candidates of tanh, (−inf, inf) for other φ; inf and
    NaN are kept.
How to read: a forget or update gate at 1 hands the state on, at 0 it cuts it off; a gate that
    never moves carries no information.
Exact cases: weights of zero: σ and tanh of the biases, test_gates_without_weights_are_their_biases.
Source: definition.
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition


def compute(observation: Observed) -> Array:
    """Return the mean over samples of every gate, [S, gates, T, H]."""
    return observation.gate_means


STATISTIC = StatisticDefinition(
    name="gate",
    title="Gates",
    axes=("step", "layer", "gate", "time", "unit"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
)
