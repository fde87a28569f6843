"""Norm of the loss gradient at each cell state c: the error carousel of an LSTM.

Definition: mean over samples of ‖dℓ/dc_t‖₂ along all paths, c_t → h_t included: λ^c_t +
    (∂h_t/∂c_t)ᵀ λ^h_t, what an autograd tool calls the gradient of c_t.
Reduction: norm of each sample first, then the mean over the batch.
Axes: step, layer, time.
Scale: log10.
Range: [−inf, inf]; −inf is an exact zero; NaN where the cell has no state c beside h: a second
    state of another kind (z of an oscillator) is none.
Cost: about a backward sweep without its weight products.
How to read: beside hidden_gradient_norm: where this curve stays flat while that one falls, the
    gradient travels along c and the forget gates are open.
Exact cases: an LSTM without weights, f = σ(b_f), loss at T alone: it falls by f a step,
    test_without_weights_the_cell_gradient_falls_by_the_forget_gate.
Source: Hochreiter & Schmidhuber 1997, Neural Computation 9 (the constant error carousel).
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import log10_mean


def compute(observation: Observed) -> Array:
    """Return log10 of the mean over samples of ‖dℓ/dc_t‖, [S, T]."""
    return log10_mean(observation.log10_cell_norms)


STATISTIC = StatisticDefinition(
    name="cell_gradient_norm",
    title="Gradient norm at each cell state",
    axes=("step", "layer", "time"),
    scale="log10",
    doc=__doc__ or "",
    compute=compute,
)
