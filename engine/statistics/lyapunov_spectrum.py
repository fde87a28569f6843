"""Lyapunov exponents: the mean log stretch of a step along each direction the network follows.

Definition: exponent i = 1/T Σ_t ln |R_{t,ii}| with Q_t R_t = J_t Q_{t−1}, Q_0 = I, t = 1 … T
    (forward in time), J_t = ∂s_t/∂s_{t−1} of the whole state; mean over samples.
Reduction: mean over the batch. A sample with an R_ii of exactly zero is left out
    (lyapunov_spectrum_left_out counts them); −inf where every sample has one.
Axes: step, layer, rank.
Scale: ln.
Range: [−inf, inf]; NaN where a Jacobian is not finite.
Cost: a QR decomposition of the state's size for each time step and sample.
How to read: the first exponent is the network's long-run gain a step: e to its T is what a whole
    sequence does to the largest gradient; near 0 is the edge on which long memories live, all
    under 0 vanishing, above 0 chaos. At small T the order may not be sorted yet.
Exact cases: linear with W_h = ρQ, Q orthogonal: ln ρ,
    test_jacobian_statistics_of_a_linear_rotation; they sum to the mean ln |det J_t|,
    test_lyapunov_exponents_sum_to_the_mean_log_determinant.
Source: Benettin, Galgani, Giorgilli & Strelcyn 1980, Meccanica 15; Engelken, Wolf & Abbott 2023,
    arXiv:2006.02427 (recurrent networks).
"""

from engine.arrays import Array
from engine.statistics.base import Observed, StatisticDefinition
from engine.statistics.reductions import mean_of_logs


def compute(observation: Observed) -> Array:
    """Return the mean over samples of the exponents, [S, n]."""
    means, _ = mean_of_logs(observation.jacobians.lyapunov)
    return means


STATISTIC = StatisticDefinition(
    name="lyapunov_spectrum",
    title="Lyapunov spectrum",
    axes=("step", "layer", "rank"),
    scale="ln",
    doc=__doc__ or "",
    compute=compute,
)
