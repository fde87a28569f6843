"""What an activation function φ is: its value, and its slope taken from the value.

Every φ here is monotone, so φ′(a) is a function of φ(a) alone: the backward sweep needs no
pre-activation. `apply` and `slope_of_value` write into arrays that the caller owns. Where a value
rounds to the end of its range (tanh from |a| = 19 on in float64), its slope is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from engine.arrays import Array

Saturation = Literal["fraction_of_gamma", "zero"]

SMALL_SHARE = 0.1
"""Of the largest slope: under it a step back loses more than a factor of ten."""


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

    @property
    def saturated_below(self) -> float:
        """The slope under which a unit counts as saturated, where one ever does.

        Where that is φ′ = 0, φ has no other slopes that are small.
        """
        return self.gamma * SMALL_SHARE

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


@cache
def steep_values(activation: Activation, limit: float, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and the greatest φ at which φ′ ≥ `limit`; infinite where there is no end.

    Every φ′ here rises and falls once at most, so that it is smaller outside of them alone. They
    are found by bisection, in the numbers of the type: what rounding does to φ′ is told by it.

    Args:
        activation: φ.
        limit: At most γ/2.
        dtype: Of the values.
    """
    most = np.finfo(dtype).max
    ends, middle = activation.value(np.array([-most, most], dtype)), np.array([0, 1], dtype)
    steepest = activation.value(middle)[activation.slope(middle).argmax()]
    low, high = (_edge(activation, limit, steepest, end) for end in ends)
    return low, high


def _edge(activation: Activation, limit: float, inside: np.floating, outside: np.floating) -> float:
    """Return the value farthest from `inside`, towards `outside`, where φ′ ≥ `limit`."""

    def is_steep(value: np.floating) -> bool:
        values = np.array([value])
        slopes = np.empty_like(values)
        activation.slope_of_value(values, slopes)
        return bool(slopes[0] >= limit)

    if is_steep(outside):
        return float(np.copysign(np.inf, outside - inside))
    while True:
        between = inside + (outside - inside) / 2
        if between in (inside, outside):
            return float(inside)
        inside, outside = (between, outside) if is_steep(between) else (inside, between)
