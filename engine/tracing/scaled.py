"""Gradients of any magnitude: values with power-of-two exponents beside them."""

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, NONE, log10_norms


class ScaledGradient:
    """Gradients of any magnitude, stored as values · 2^exponents.

    Attributes:
        values: (S, T, B, H).
        exponents: (S, T, B), or one for every entry, (S, T, B, H).
    """

    def __init__(self, values: Array, exponents: IntArray, scale: float) -> None:
        """Keep gradients of Σ m e that are `scale` times as large for L."""
        self.values, self.exponents = values * scale, exponents

    def array(self) -> Array:
        """Return the gradients, (S, T, B, H); what does not fit float64 is 0 or infinite."""
        with np.errstate(over="ignore", under="ignore"):
            plain: Array = np.ldexp(self.values, np.maximum(self._by_entry, -LARGEST_SHIFT))
        return plain

    @property
    def _by_entry(self) -> IntArray:
        """Exponents that broadcast against the values."""
        if self.exponents.ndim == self.values.ndim:
            return self.exponents
        found: IntArray = self.exponents[..., None]
        return found

    def log10_norm(self) -> Array:
        """Return log10 of the norm of every gradient, (S, T, B); −inf is an exact zero."""
        known = np.where(self.values == 0, NONE, self._by_entry)
        exponents = known.max(axis=-1)
        moves = np.maximum(self._by_entry - exponents[..., None], -LARGEST_SHIFT)
        values = np.ldexp(self.values, np.minimum(moves, 0))
        largest = np.abs(values).max(axis=-1, keepdims=True)
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        scaled = values / safe
        logs = log10_norms(np.einsum("stbh,stbh->stb", scaled, scaled), exponents)
        return logs + np.log10(safe[..., 0])
