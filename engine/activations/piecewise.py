"""Activations made of straight pieces; at a kink the slope is PyTorch's.

relu         φ = max(a, 0)             φ′ = [a > 0]     in {0, 1}, φ′(0) = 0
leaky_relu   φ = max(a, s·a)           φ′ = 1 or s      in {s, 1}, φ′(0) = s
hard_tanh    φ = max(−1, min(1, a))    φ′ = [|a| < 1]   in {0, 1}, φ′(±1) = 0
identity     φ = a                     φ′ = 1
"""

import numpy as np

from engine.activations.base import Activation
from engine.arrays import Array

LEAKY_SLOPE = 0.01  # PyTorch's default


def _relu(a: Array, out: Array, scratch: Array) -> None:
    np.maximum(a, scratch, out=out)  # against an array of zeros: faster than against a scalar


def _relu_slope(value: Array, out: Array) -> None:
    np.greater(value, 0, out)


def _hard_tanh(a: Array, out: Array, scratch: Array) -> None:
    np.clip(a, -1, 1, out)


def _hard_tanh_slope(value: Array, out: Array) -> None:
    np.abs(value, out)
    np.less(out, 1, out)


def _identity(a: Array, out: Array, scratch: Array) -> None:
    if out is not a:
        np.copyto(out, a)


def _identity_slope(value: Array, out: Array) -> None:
    out.fill(1)


def make_leaky_relu(slope: float) -> Activation:
    """Return the leaky ReLU with the slope s of negative units, 0 ≤ s < 1."""

    def apply(a: Array, out: Array, scratch: Array) -> None:
        np.multiply(a, slope, scratch)
        np.maximum(a, scratch, out=out)

    def slope_of_value(value: Array, out: Array) -> None:
        np.greater(value, 0, out)
        np.maximum(out, slope, out=out)

    return Activation(
        name="leaky_relu",
        title="Leaky ReLU",
        formula="max(a, s·a)",
        slope_formula="1 for a > 0, else s",
        gamma=1.0,
        slope_range=(slope, 1.0),
        apply=apply,
        slope_of_value=slope_of_value,
    )


RELU = Activation(
    name="relu",
    title="Rectified linear unit",
    formula="max(a, 0)",
    slope_formula="1 for a > 0, else 0",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_relu,
    slope_of_value=_relu_slope,
    saturation="zero",
)

LEAKY_RELU = make_leaky_relu(LEAKY_SLOPE)

HARD_TANH = Activation(
    name="hard_tanh",
    title="Hard tanh",
    formula="max(−1, min(1, a))",
    slope_formula="1 for |a| < 1, else 0",
    gamma=1.0,
    slope_range=(0.0, 1.0),
    apply=_hard_tanh,
    slope_of_value=_hard_tanh_slope,
    saturation="fraction_of_gamma",
)

IDENTITY = Activation(
    name="identity",
    title="Identity (linear network)",
    formula="a",
    slope_formula="1",
    gamma=1.0,
    slope_range=(1.0, 1.0),
    apply=_identity,
    slope_of_value=_identity_slope,
)
