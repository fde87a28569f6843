"""Smooth activations: bounded ones, softplus, and ELU.

    sigmoid    φ = 1/(1 + e^-a)                 φ′ = φ(1 − φ)       in (0, 1/4], 1/4 attained at 0
    tanh       φ = tanh a                       φ′ = 1 − φ²         in (0, 1]
    softsign   φ = a/(1 + |a|)                  φ′ = (1 − |φ|)²     in (0, 1]
    softplus   φ = ln(1 + e^a)                  φ′ = 1 − e^-φ       in (0, 1): it is σ(a)
    elu        φ = a for a > 0, else e^a − 1    φ′ = min(φ, 0) + 1  in (0, 1]

ELU has α = 1, PyTorch's default: then its slope has no jump. Softplus is exact everywhere, where
PyTorch's is linear above a = 20 (a difference of 2e-9).
Source: Glorot & Bengio 2010 (softsign); Dugas et al. 2001 (softplus); Clevert, Unterthiner &
    Hochreiter 2016, arXiv:1511.07289 (ELU).
"""

import numpy as np

from engine.activations.base import Activation
from engine.arrays import Array


def _tanh(a: Array, out: Array, scratch: Array) -> None:
    np.tanh(a, out)


def _tanh_slope(value: Array, out: Array) -> None:
    np.multiply(value, value, out)
    np.subtract(1, out, out)


def _sigmoid(a: Array, out: Array, scratch: Array) -> None:
    np.multiply(a, 0.5, out)
    _sigmoid_of_half(out, out, scratch)


def _sigmoid_of_half(half: Array, out: Array, scratch: Array) -> None:
    # σ(a) = ½ tanh(a/2) + ½: one tanh instead of an exp that overflows.
    np.tanh(half, out)
    np.multiply(out, 0.5, out)
    np.add(out, 0.5, out)


def _sigmoid_slope(value: Array, out: Array) -> None:
    np.subtract(1, value, out)
    np.multiply(out, value, out)


def _softsign(a: Array, out: Array, scratch: Array) -> None:
    np.abs(a, scratch)
    np.add(scratch, 1, scratch)
    np.divide(a, scratch, out)


def _softsign_slope(value: Array, out: Array) -> None:
    np.abs(value, out)
    np.subtract(1, out, out)
    np.multiply(out, out, out)


def _softplus(a: Array, out: Array, scratch: Array) -> None:
    np.logaddexp(a, scratch, out)  # ln(e^a + e^0), which overflows nowhere


def _softplus_slope(value: Array, out: Array) -> None:
    np.negative(value, out)
    np.expm1(out, out)  # small values keep their digits, as 1 − e^-φ would not
    np.negative(out, out)


def _elu(a: Array, out: Array, scratch: Array) -> None:
    np.minimum(a, 0, out=scratch)
    np.expm1(scratch, scratch)
    np.maximum(a, 0, out=out)
    np.add(out, scratch, out)


def _elu_slope(value: Array, out: Array) -> None:
    np.minimum(value, 0, out=out)
    np.add(out, 1, out)


TANH = Activation(
    name="tanh",
    title="Hyperbolic tangent",
    formula="tanh(a)",
    slope_formula="1 − tanh²(a)",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_tanh,
    slope_of_value=_tanh_slope,
    saturation="fraction_of_gamma",
)

SIGMOID = Activation(
    name="sigmoid",
    title="Logistic sigmoid",
    formula="1 / (1 + exp(−a))",
    slope_formula="σ(a)(1 − σ(a))",
    gamma=0.25,
    slope_range=(0.0, 0.25),
    apply=_sigmoid,
    apply_halved=_sigmoid_of_half,
    slope_of_value=_sigmoid_slope,
    saturation="fraction_of_gamma",
)

SOFTSIGN = Activation(
    name="softsign",
    title="Softsign",
    formula="a / (1 + |a|)",
    slope_formula="1 / (1 + |a|)²",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_softsign,
    slope_of_value=_softsign_slope,
    saturation="fraction_of_gamma",
)

SOFTPLUS = Activation(
    name="softplus",
    title="Softplus",
    formula="ln(1 + exp(a))",
    slope_formula="1 / (1 + exp(−a))",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_softplus,
    slope_of_value=_softplus_slope,
    saturation="fraction_of_gamma",
)

ELU = Activation(
    name="elu",
    title="Exponential linear unit (ELU)",
    formula="a for a > 0, else exp(a) − 1",
    slope_formula="1 for a > 0, else exp(a)",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_elu,
    slope_of_value=_elu_slope,
    saturation="fraction_of_gamma",
)
