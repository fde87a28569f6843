"""How a long gradient is cut before the update.

    norm       g ← min(1, c/‖g‖) g                          direction kept, no epsilon     (1)
               scope tensor: the same for each parameter by itself                          (2)
    value      gᵢ ← max(−c, min(c, gᵢ))                      direction changes              (3)
    adaptive   G_u ← min(1, c max(‖W_u‖, ε)/‖G_u‖) G_u       for each unit u                (4)

In (4) a unit is a row of a weight matrix (one output of one gate), or a whole bias vector; the
read-out is not cut.
The clip factor is ‖clipped‖/‖g‖, and 1 where g = 0; it is NaN where ‖g‖ is not finite. A norm that
is NaN cuts nothing, and an infinite one makes 0·∞ = NaN in (1), which then shows in the next loss:
divergence is data.
Source of (1): Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1; of (3): Mikolov 2012;
    of (4): Brock, De, Smith & Simonyan 2021, arXiv:2102.06171, with the units of the
    authors' code, and their last layer left alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.arrays import Array
from engine.config import AdaptiveClipping, Clipping, NormClipping, ValueClipping
from engine.parameter_names import READOUT

Views = Mapping[str, Sequence[Array]]


class Clipper:
    """Clipping bound to the weights of a network."""

    def __init__(
        self, options: Clipping | None, weights: Array, views: Callable[[Array], Views]
    ) -> None:
        """Make the buffers.

        Args:
            options: What to do; None for nothing.
            weights: θ; its values at the time of a call count.
            views: Takes a vector such as θ apart: the views that make up each parameter, with a
                row for each unit, or none where the parameter is a vector.
        """
        self._options = options
        self._clipped = np.zeros_like(weights)
        self._squares = np.zeros(weights.shape)
        self._parts = views(self._clipped)
        self._weights = views(weights)

    def clip(self, gradient: Array, norm: float, norms: Mapping[str, float]) -> tuple[Array, float]:
        """Return the clipped gradient and the clip factor.

        Args:
            gradient: g; it is not written to.
            norm: ‖g‖ in double precision.
            norms: The same of each parameter, by name.

        Returns:
            g itself where nothing is cut, else a buffer that lasts until the next call; and
            ‖clipped‖/‖g‖, NaN where ‖g‖ is not finite.
        """
        clipped, factor = self._cut(gradient, norm, norms)
        return clipped, factor if math.isfinite(norm) else math.nan

    def _cut(self, gradient: Array, norm: float, norms: Mapping[str, float]) -> tuple[Array, float]:
        match self._options:
            case NormClipping(threshold=threshold, scope="global") if norm > threshold:
                factor = threshold / norm
                np.multiply(gradient, factor, self._clipped)  # (1)
                return self._clipped, factor
            case NormClipping(threshold=threshold, scope="tensor") if norm > threshold:
                return self._cut_tensors(gradient, norm, norms, threshold)
            case ValueClipping(threshold=threshold) if norm > threshold:
                np.clip(gradient, -threshold, threshold, out=self._clipped)  # (3)
                return self._clipped, self._share(norm)
            case AdaptiveClipping(threshold=threshold, epsilon=epsilon):
                return self._cut_units(gradient, norm, threshold, epsilon)
        return gradient, 1.0

    def _cut_tensors(
        self, gradient: Array, norm: float, norms: Mapping[str, float], threshold: float
    ) -> tuple[Array, float]:
        too_long = [name for name, length in norms.items() if length > threshold]
        if not too_long:
            return gradient, 1.0
        np.copyto(self._clipped, gradient)
        for name in too_long:
            for part in self._parts[name]:
                part *= threshold / norms[name]  # (2)
        return self._clipped, self._share(norm)

    def _cut_units(
        self, gradient: Array, norm: float, threshold: float, epsilon: float
    ) -> tuple[Array, float]:
        np.copyto(self._clipped, gradient)
        is_cut = False
        for name, parts in self._parts.items():
            if name in READOUT:
                continue
            lengths = _unit_norms(parts)
            limits = threshold * np.maximum(_unit_norms(self._weights[name]), epsilon)
            if not np.any(lengths > limits):
                continue
            is_cut = True
            factors = np.divide(limits, lengths, out=np.ones_like(lengths), where=lengths > limits)
            _scale_units(parts, factors)  # (4)
        return (self._clipped, self._share(norm)) if is_cut else (gradient, 1.0)

    def _share(self, norm: float) -> float:
        # Squares in double: those of float32 entries under 1e-23 would vanish.
        np.multiply(self._clipped, self._clipped, self._squares, dtype=np.float64)
        return math.sqrt(float(self._squares.sum())) / norm


def _unit_norms(parts: Sequence[Array]) -> Array:
    """Return the norm of every row of all parts in turn, or one norm of a vector in parts."""
    squares = [np.square(part, dtype=np.float64) for part in parts]
    if parts[0].ndim == 1:
        norms: Array = np.sqrt(np.array([sum(float(each.sum()) for each in squares)]))
    else:
        norms = np.sqrt(np.concatenate([each.sum(axis=1) for each in squares]))
    return norms


def _scale_units(parts: Sequence[Array], factors: Array) -> None:
    if parts[0].ndim == 1:
        for part in parts:
            part *= factors[0]
        return
    start = 0
    for part in parts:
        part *= factors[start : start + len(part), None]
        start += len(part)
