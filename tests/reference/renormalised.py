"""Backward passes that cannot underflow, for networks of T = 1000 and T = 10,000 steps.

One layer of `elman` whose loss stands at the last step alone. The adjoint is brought back to
norm 1 after every step and the logarithms of the norms are summed:

    λ_T given,   λ_{t−1} = W_hᵀ (φ′(a_t) ⊙ λ_t),   log10 ‖λ_{t−1}‖ = log10 ‖λ_t‖ + log10 gain.

`longdouble_log10_norms` does so in the longest float of the machine, every sum written out;
`mpmath_log10_norms` in fifty decimal digits without any renormalisation.
"""

import mpmath
import numpy as np
from numpy.typing import NDArray

from tests.reference.problems import Array, Problem

Long = NDArray[np.longdouble]

DIGITS = 50
"""Far more than the 16 of a double; mpmath's exponents have no limit."""


def longdouble_log10_norms(problem: Problem) -> Array:
    """Return log10 ‖dℓ/dh_t‖ per sample [T,B], ℓ being the sample's own loss at T."""
    weight_h = _long(problem.parameters["weight_hh_l0"])
    hs = _long_forward(problem, weight_h)
    adjoint = _top_adjoint(problem, hs[-1])
    log10_scale = np.zeros(problem.batch, np.longdouble)
    result = np.empty((problem.length, problem.batch))
    for t in reversed(range(problem.length)):
        norm = np.sqrt(np.sum(adjoint**2, axis=1))
        log10_scale += np.log10(norm)
        result[t] = log10_scale
        adjoint = adjoint / norm[:, None]
        delta = _long_slope(problem, hs[t]) * adjoint
        adjoint = _matmul(delta, weight_h)
    return result


def _long(values: Array) -> Long:
    long: Long = values.astype(np.longdouble)
    return long


def _matmul(a: Long, b: Long) -> Long:
    # Written as a sum: BLAS has no long double, and the order of summation is plain here.
    result: Long = (a[:, :, None] * b[None, :, :]).sum(axis=1)
    return result


def _long_activate(problem: Problem, a: Long) -> Long:
    if problem.activation == "sigmoid":
        a = np.reciprocal(1 + np.exp(-a))
    elif problem.activation == "tanh":
        a = np.tanh(a)
    return a


def _long_slope(problem: Problem, h: Long) -> Long:
    if problem.activation == "sigmoid":
        return h * (1 - h)
    if problem.activation == "tanh":
        return (1 - h) * (1 + h)
    return np.ones_like(h)


def _long_forward(problem: Problem, weight_h: Long) -> Long:
    weight_x = _long(problem.parameters["weight_ih_l0"])
    bias = _long(problem.parameters.get("bias_ih_l0", np.zeros(problem.hidden)))
    h = _long(problem.initial["h"][0])
    hs = np.empty((problem.length, *h.shape), np.longdouble)
    for t, x in enumerate(problem.inputs):
        h = _long_activate(problem, _matmul(_long(x), weight_x.T) + _matmul(h, weight_h.T) + bias)
        hs[t] = h
    return hs


def _top_adjoint(problem: Problem, h: Long) -> Long:
    """Return dℓ_T/dh_T of each sample's own loss."""
    weight_y = _long(problem.parameters["readout.weight"])
    y = _matmul(h, weight_y.T) + _long(problem.parameters["readout.bias"])
    if problem.loss == "mean_squared_error":
        errors = y - problem.targets[-1].astype(np.longdouble)
        return _matmul(2 * errors / y.shape[1], weight_y)
    shares = np.exp(y) / np.sum(np.exp(y), axis=1, keepdims=True)
    shares[np.arange(problem.batch), problem.targets[-1]] -= 1
    return _matmul(shares, weight_y)


def log10_mean(logs: Array) -> Array:
    """Return log10 of the mean over the last axis of numbers given by their log10."""
    peak = logs.max(axis=-1, keepdims=True)
    mean: Array = peak[..., 0] + np.log10(np.mean(10.0 ** (logs - peak), axis=-1))
    return mean


def mpmath_log10_norms(problem: Problem, sample: int) -> list[float]:
    """Return log10 ‖dℓ/dh_t‖ of one sample for t = 1 … T, sigmoid only."""
    with mpmath.workdps(DIGITS):
        p = {name: mpmath.matrix(values.tolist()) for name, values in problem.parameters.items()}
        h = mpmath.matrix(problem.initial["h"][0, sample].tolist())
        hs = []
        for x in problem.inputs[:, sample]:
            a = p["weight_ih_l0"] * mpmath.matrix(x.tolist()) + p["weight_hh_l0"] * h
            h = (a + p["bias_ih_l0"]).apply(lambda v: 1 / (1 + mpmath.exp(-v)))
            hs.append(h)
        exps = (p["readout.weight"] * h + p["readout.bias"]).apply(mpmath.exp)
        shares = exps / sum(exps)
        shares[int(problem.targets[-1, sample])] -= 1
        adjoint = p["readout.weight"].T * shares
        result = []
        for h in reversed(hs):
            result.append(float(mpmath.log10(mpmath.norm(adjoint))))
            delta = mpmath.matrix([s * (1 - s) * v for s, v in zip(h, adjoint, strict=True)])
            adjoint = p["weight_hh_l0"].T * delta
        return result[::-1]
