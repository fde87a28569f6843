"""Activation functions φ with their derivatives taken from the value φ(a).

Every φ here is monotone, so φ′(a) is a function of φ(a) alone: the backward sweep needs no
pre-activation. `apply` and `slope_of_value` write into arrays that the caller owns.

    sigmoid      φ = 1/(1 + e^-a)      φ′ = φ(1 − φ)      in (0, 1/4], 1/4 attained at 0
    tanh         φ = tanh a            φ′ = 1 − φ²        in (0, 1]
    relu         φ = max(a, 0)         φ′ = [a > 0]       in {0, 1}, φ′(0) = 0 as in PyTorch
    leaky_relu   φ = max(a, s·a)       φ′ = 1 or s        in {s, 1}, φ′(0) = s as in PyTorch
    identity     φ = a                 φ′ = 1
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from engine.arrays import Array
from engine.errors import ConfigError, Problem, UnknownNameError

LEAKY_SLOPE = 0.01  # PyTorch's default

Saturation = Literal["fraction_of_gamma", "zero"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """One function φ and what the statistics need to know of it.

    Attributes:
        gamma: sup φ′.
        slope_range: Smallest (or infimum) and largest value of φ′.
        apply: `apply(a, out, scratch)` writes φ(a); `out` may be `a`; `scratch` has its shape,
            starts as zeros and belongs to this one call site.
        apply_halved: The same from a/2, where that saves a pass; None where it does not.
        slope_of_value: `slope_of_value(value, out)` writes φ′(a) given value = φ(a).
        saturation: When a unit counts as saturated: φ′ < γ/10, φ′ = 0, or never (None).
    """

    name: str
    title: str
    formula: str
    slope_formula: str
    gamma: float
    slope_range: tuple[float, float]
    apply: Callable[[Array, Array, Array], object]
    slope_of_value: Callable[[Array, Array], object]
    apply_halved: Callable[[Array, Array, Array], object] | None = None
    saturation: Saturation | None = None

    def value(self, a: Array) -> Array:
        """Return φ(a) as a new array."""
        out = np.empty_like(a)
        self.apply(a, out, np.zeros_like(a))
        return out

    def slope(self, a: Array) -> Array:
        """Return φ′(a) as a new array."""
        out = np.empty_like(a)
        self.slope_of_value(self.value(a), out)
        return out


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


def _relu(a: Array, out: Array, scratch: Array) -> None:
    np.maximum(a, scratch, out=out)  # against an array of zeros: faster than against a scalar


def _relu_slope(value: Array, out: Array) -> None:
    np.greater(value, 0, out)


def _identity(a: Array, out: Array, scratch: Array) -> None:
    if out is not a:
        np.copyto(out, a)


def _identity_slope(value: Array, out: Array) -> None:
    out.fill(1)


def _leaky_relu(slope: float) -> Activation:
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


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": Activation(
            name="tanh",
            title="Hyperbolic tangent",
            formula="tanh(a)",
            slope_formula="1 − tanh²(a)",
            gamma=1.0,
            slope_range=(0.0, 1.0),
            apply=_tanh,
            slope_of_value=_tanh_slope,
            saturation="fraction_of_gamma",
        ),
        "sigmoid": Activation(
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
        ),
        "relu": Activation(
            name="relu",
            title="Rectified linear unit",
            formula="max(a, 0)",
            slope_formula="1 for a > 0, else 0",
            gamma=1.0,
            slope_range=(0.0, 1.0),
            apply=_relu,
            slope_of_value=_relu_slope,
            saturation="zero",
        ),
        "leaky_relu": _leaky_relu(LEAKY_SLOPE),
        "identity": Activation(
            name="identity",
            title="Identity (linear network)",
            formula="a",
            slope_formula="1",
            gamma=1.0,
            slope_range=(1.0, 1.0),
            apply=_identity,
            slope_of_value=_identity_slope,
        ),
    }
)


def make_activation(choice: str | Mapping[str, object] | Activation) -> Activation:
    """Return the activation that a configuration names.

    Args:
        choice: A name, or a mapping with `kind` and, for `leaky_relu`, `slope` in [0, 1).

    Raises:
        UnknownNameError: No activation has that name.
        ConfigError: `slope` is missing its range, or an option is not known.
    """
    if isinstance(choice, Activation):
        return choice
    options = {"kind": choice} if isinstance(choice, str) else dict(choice)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in ACTIVATIONS:
        raise UnknownNameError("activation", kind, ACTIVATIONS)
    slope = options.pop("slope", LEAKY_SLOPE) if kind == "leaky_relu" else None
    if options:
        raise ConfigError(
            [Problem(f"/{key}", f"not an option of the activation {kind!r}") for key in options]
        )
    if slope is None:
        return ACTIVATIONS[kind]
    if isinstance(slope, bool) or not isinstance(slope, int | float) or not 0 <= slope < 1:
        raise ConfigError([Problem("/slope", f"expected a number in [0, 1), got {slope!r}")])
    return _leaky_relu(float(slope))
