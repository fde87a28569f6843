"""How a long gradient is cut before the update.

    norm    g ← min(1, c/‖g‖) g                    direction kept, no epsilon      (1)
    value   gᵢ ← max(−c, min(c, gᵢ))               direction changes               (2)

The clip factor is ‖clipped‖/‖g‖, and 1 where g = 0; it is NaN where ‖g‖ is not finite. A norm that
is NaN cuts nothing, and an infinite one makes 0·∞ = NaN in (1), which then shows in the next loss:
divergence is data.
Source of (1): Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1; of (2): Mikolov 2012.
"""

import math

import numpy as np

from engine.arrays import Array
from engine.config import Clipping, NormClipping, ValueClipping


class Clipper:
    """Clipping bound to gradients of a certain size."""

    def __init__(self, options: Clipping | None, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._options = options
        self._clipped = np.zeros_like(like)
        self._squares = np.zeros(like.shape)

    def clip(self, gradient: Array, norm: float) -> tuple[Array, float]:
        """Return the clipped gradient and the clip factor.

        Args:
            gradient: g; it is not written to.
            norm: ‖g‖ in double precision.

        Returns:
            g itself where nothing is cut, else a buffer that lasts until the next call; and
            ‖clipped‖/‖g‖, NaN where ‖g‖ is not finite.
        """
        clipped, factor = self._cut(gradient, norm)
        return clipped, factor if math.isfinite(norm) else math.nan

    def _cut(self, gradient: Array, norm: float) -> tuple[Array, float]:
        match self._options:
            case NormClipping(threshold=threshold) if norm > threshold:
                factor = threshold / norm
                np.multiply(gradient, factor, self._clipped)  # (1)
                return self._clipped, factor
            case ValueClipping(threshold=threshold) if norm > threshold:
                np.clip(gradient, -threshold, threshold, out=self._clipped)  # (2)
                return self._clipped, self._share(norm)
        return gradient, 1.0

    def _share(self, norm: float) -> float:
        # Squares in double: those of float32 entries under 1e-23 would vanish.
        np.multiply(self._clipped, self._clipped, self._squares, dtype=np.float64)
        return math.sqrt(float(self._squares.sum())) / norm
