"""Pascanu's regularizer Ω: a gradient should keep its norm from each step to the one before.

Per sample and layer, over the n time steps t = 1 … T with λ_t ≠ 0 (Ω = 0 where n = 0):

    Ω = 1/n Σ_t (ρ_t − 1)²,  ρ_t = ‖J_tᵀ λ_t‖²/‖λ_t‖²                       (1)
    J_tᵀ λ = r_t ⊙ Wᵀ (l_t ⊙ λ)                                            (2)
        elman           l_t = φ′(a_t),  r_t = 1
        preactivation   l_t = 1,        r_t = φ′(h_{t−1})
    ∂Ω/∂W = 1/n Σ_t 2 (ρ_t − 1) · 2 (l_t ⊙ λ_t) ⊗ (r_t ⊙ J_tᵀ λ_t)/‖λ_t‖²     (3)

then the mean over samples and the sum over layers. λ and φ′ are held constant in (3): only the W
that stands in (2) counts. Ratios do not feel how adjoints are scaled, so the stored ones serve,
whatever their exponents.
Price: (2) and (3) are one product of H × H with T·B columns each, where a training step has three
    of them: about two thirds more.
Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section on vanishing gradients;
    squared norms, the mean over the steps where λ_t is not zero, and t = 1 as in the authors'
    code.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, BoolArray
from engine.bptt.exponents import near_one
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.bptt.tape import LayerTape
from engine.config import VanishingRegularizer

AT_ONCE = 16
"""Time steps worked on at once: few enough to stay in the second-level cache."""

SMALL = 2.0**-70
"""Squared norms below this are taken again after scaling: in float32 entries may be missing."""


class Diagonals(NamedTuple):
    """The two diagonals of (2) for t = first + 1 … last, (H, n·B) each; None where they are 1."""

    left: Array | None
    right: Array | None


def _of_elman(tape: LayerTape, first: int, last: int) -> Diagonals:
    return Diagonals(_slopes(tape, slice(first + 1, last + 1)), None)


def _of_preactivation(tape: LayerTape, first: int, last: int) -> Diagonals:
    return Diagonals(None, _slopes(tape, slice(first, last)))


def _slopes(tape: LayerTape, rows: slice) -> Array:
    values = _side_by_side(tape.outputs[rows])
    slopes = np.empty_like(values)
    tape.cell.activation.slope_of_value(values, slopes)
    return slopes


DIAGONALS: Mapping[str, Callable[[LayerTape, int, int], Diagonals]] = MappingProxyType(
    {"elman": _of_elman, "preactivation": _of_preactivation}
)


class Regularization:
    """Ω bound to a network."""

    def __init__(self, options: VanishingRegularizer, network: Network) -> None:
        """Take the views of W and of its gradient, layer by layer."""
        self._weight = options.weight
        self._diagonals = DIAGONALS[network.cell.name]
        weights, gradients = network.views(network.flat), network.views(network.gradient)
        names = [f"weight_hh{layer.suffix}" for layer in network.layers]
        self._matrices = [(weights[name][0], gradients[name][0]) for name in names]

    def add(self, sweep: Sweep) -> float:
        """Add weight · ∂Ω/∂W to the network's gradient, and return Ω.

        Args:
            sweep: Just swept forward and back.
        """
        return self.join([self.parts(sweep)], [1.0])

    def parts(self, sweep: Sweep) -> list[tuple[float, Array]]:
        """Return Ω and ∂Ω/∂W of every layer; nothing is changed."""
        return [
            self.layer(tape, back.state_adjoints, W)
            for tape, back, (W, _) in zip(
                sweep.tapes, sweep.backward_layers, self._matrices, strict=True
            )
        ]

    def join(self, parts: Sequence[list[tuple[float, Array]]], weights: Sequence[float]) -> float:
        """Add weight · ∂Ω/∂W to the network's gradient, and return Ω, of a batch in parts.

        Args:
            parts: Of every part of the batch, what `parts` returned.
            weights: Of every part, its share of the samples.
        """
        total = 0.0
        for index, (_, gradient) in enumerate(self._matrices):
            for part, weight in zip(parts, weights, strict=True):
                value, derivative = part[index]
                total += weight * value
                gradient += self._weight * weight * derivative
        return total

    def layer(self, tape: LayerTape, adjoints: Array, W: Array) -> tuple[float, Array]:
        """Return one layer's Ω and ∂Ω/∂W, adjoints and slopes held constant.

        Args:
            tape: The layer's forward sweep.
            adjoints: λ_t up to a factor of each time and sample, (T, H, B).
            W: The layer's recurrent weights, (H, H).
        """
        T, _, B = adjoints.shape
        counted = np.any(adjoints != 0, axis=1)
        shares = 1 / (B * np.maximum(1, counted.sum(axis=0)))
        total, derivative = 0.0, np.zeros_like(W)
        for first in range(0, T, AT_ONCE):
            last = min(first + AT_ONCE, T)
            kept = counted[first:last].ravel()
            share = np.broadcast_to(shares, (last - first, B)).ravel()
            vectors, squares = _in_range(_side_by_side(adjoints[first:last]), kept)
            left, right = self._diagonals(tape, first, last)
            from_left = vectors if left is None else np.multiply(vectors, left, left)
            returned = W.T @ from_left
            if right is not None:
                returned *= right  # (2)
            excess = np.where(kept, _squares(returned) / squares - 1, 0)
            total += float((excess * excess * share).sum())  # (1)
            if right is not None:
                returned *= right
            returned *= (4 * excess * share / squares).astype(W.dtype)
            derivative += from_left @ returned.T  # (3)
        return total, derivative


def _in_range(vectors: Array, kept: BoolArray) -> tuple[Array, Array]:
    """Return vectors (H, n·B), scaled where squares might underflow, and their squared norms.

    The norm of a vector that is not kept counts as 1.
    """
    squares = _squares(vectors)
    if np.any(kept & ((squares < SMALL) | ~np.isfinite(squares))):
        vectors, _ = near_one(vectors, axis=0)
        squares = _squares(vectors)
    return vectors, np.where(kept, squares, 1)


def _squares(vectors: Array) -> Array:
    squares: Array = np.add.reduce(vectors * vectors, axis=0)
    return squares


def _side_by_side(array: Array) -> Array:
    """Return (H, n·B) of (n, H, B)."""
    return array.transpose(1, 0, 2).reshape(array.shape[1], -1)
