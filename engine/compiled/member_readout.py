"""The read-out of an ensemble whose members have one sample each, and its way back.

Equations as numbered in engine/bptt/readout.py. The members lie side by side, as in products.py.
"""

from engine.arrays import Array
from engine.compiled.kernel import kernel


@kernel
def outputs(weights: Array, states: Array, out: Array) -> None:
    """Write y (n, K, S) of states h (n, H, S), with weights and bias (K, H + 1, S)."""  # (1)
    hidden = states.shape[1]
    for t in range(states.shape[0]):
        for k in range(out.shape[1]):
            total, bias = out[t, k], weights[k, hidden]
            for s in range(total.size):
                total[s] = bias[s]
            for h in range(hidden):
                weight, value = weights[k, h], states[t, h]
                for s in range(total.size):
                    total[s] += weight[s] * value[s]


@kernel
def back(weights: Array, dy: Array, states: Array, gradient: Array, direct: Array) -> None:
    """Write the read-outs' gradient and the immediate derivatives.

    Args:
        weights: And bias, (K, H + 1, S).
        dy: (n, K, S).
        states: h, (n, H, S).
        gradient: As the weights.
        direct: As the states.
    """
    hidden = states.shape[1]
    gradient[:] = 0
    direct[:] = 0
    for t in range(states.shape[0]):
        for k in range(dy.shape[1]):
            delta, of_bias = dy[t, k], gradient[k, hidden]
            for s in range(delta.size):
                of_bias[s] += delta[s]
            for h in range(hidden):
                own, value = gradient[k, h], states[t, h]
                weight, immediate = weights[k, h], direct[t, h]
                for s in range(delta.size):
                    own[s] += delta[s] * value[s]  # (3)
                for s in range(delta.size):
                    immediate[s] += weight[s] * delta[s]  # (2)
