"""What an activation function φ is: its value, and its slope taken from the value.

Every φ here is monotone, so φ′(a) is a function of φ(a) alone: the backward sweep needs no
pre-activation. `apply` and `slope_of_value` write into arrays that the caller owns. Where a value
rounds to the end of its range (tanh from |a| = 19 on in float64), its slope is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.arrays import Array

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
