"""Gradients of any magnitude: values with power-of-two exponents beside them."""

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, log10_norms


class ScaledGradient:
    """Gradients of any magnitude, stored as values · 2^exponents.

    Attributes:
        values: (S, T, B, H).
        exponents: (S, T, B).
    """

    def __init__(self, values: Array, exponents: IntArray, scale: float) -> None:
        """Keep gradients of Σ m e that are `scale` times as large for L."""
        self.values, self.exponents = values * scale, exponents

    def array(self) -> Array:
        """Return the gradients, (S, T, B, H); what does not fit float64 is 0 or infinite."""
        with np.errstate(over="ignore", under="ignore"):
            plain: Array = np.ldexp(
                self.values, np.maximum(self.exponents, -LARGEST_SHIFT)[..., None]
            )
        return plain

    def log10_norm(self) -> Array:
        """Return log10 of the norm of every gradient, (S, T, B); −inf is an exact zero."""
        largest = np.abs(self.values).max(axis=-1, keepdims=True)
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        scaled = self.values / safe
        logs = log10_norms(np.einsum("stbh,stbh->stb", scaled, scaled), self.exponents)
        return logs + np.log10(safe[..., 0])
