"""Gradients of one layer's weights: one product over many time steps.

    ∂/∂W = Σ_t Σ_b δ_t ⊗ what the product read, mostly [h_{t-1}; x_t; 1]  (1)

    ∂/∂p = Σ_t Σ_b δ_t ⊙ what p multiplied, for elementwise p      (2)

The deltas and what was read are copied so that all steps and samples of a stretch lie side by
side; then (1) is one matrix product for each of the cell's.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros, as_items
from engine.bptt.exponents import powers_of_two, shift
from engine.bptt.tape import CHUNK, LayerTape
from engine.cells.base import Diagonal

MARGIN = 40
"""Powers of two above the smallest normal number: room for the deltas, stored near 1."""


def diagonal_terms(tape: LayerTape, diagonal: Diagonal, deltas: Array, steps: int | slice) -> Array:
    """Return δ ⊙ what an elementwise parameter multiplied, (…, H, B): the terms of (2).

    Args:
        tape: The layer's tape.
        diagonal: What the cell says of the parameter.
        deltas: δ of these steps, (…, rows, B).
        steps: The step, or a run of steps.
    """
    if diagonal.after:
        steps = steps + 1 if isinstance(steps, int) else slice(steps.start + 1, steps.stop + 1)
    own = tape.delta_rows.view(deltas, diagonal.delta)
    return np.multiply(own, tape.now(steps)[diagonal.read])


class AddsGradients(Protocol):
    """What adds up the gradients of a layer as a sweep passes.

    Attributes:
        wanted: Whether the next sweeps add any: that costs a third of a sweep back.
    """

    wanted: bool

    def clear(self) -> None:
        """Set all gradients to zero."""

    def add(self, start: int, stop: int, exponents: IntArray | None) -> None:
        """Add those of steps start … stop − 1, which lie in one chunk."""


GradientsOf = Callable[[LayerTape], AddsGradients]


class WeightGradients:
    """Adds up the gradients of a layer, in memory made once.

    Attributes:
        negligible: What 2^E times a number that was read has to exceed: no update can feel less.
    """

    def __init__(self, tape: LayerTape) -> None:
        """Allocate for stretches of at most CHUNK steps."""
        self.tape, self.wanted = tape, True
        width = min(CHUNK, tape.length) * tape.batch
        self._inputs = as_items(tape.inputs)
        self._deltas = as_items(tape.deltas)
        self._read = aligned_zeros((tape.input_rows.total * width,), tape.dtype)
        self._returned = aligned_zeros((tape.delta_rows.total * width,), tape.dtype)
        smallest = int(np.finfo(tape.dtype).minexp)
        self.negligible = 2.0 ** (smallest + MARGIN)
        self._small = smallest // 2
        self._powers = np.empty(width, tape.dtype)
        self._share = [np.empty_like(p.gradient) for p in tape.weights.products]

    def clear(self) -> None:
        """Set all gradients to zero."""
        for product in self.tape.weights.products:
            product.gradient.fill(0)
        self.tape.weights.vector_gradient.fill(0)

    def add(self, start: int, stop: int, exponents: IntArray | None) -> None:
        """Add (1) of steps start … stop − 1, which lie in one chunk.

        Args:
            start: First step.
            stop: Step after the last.
            exponents: E of each sample that the deltas are stored with, (B,); None where all 0.
        """
        if not self.wanted:
            return
        loops = self.tape.compiled
        if loops is not None and loops.add_gradients(start, stop, exponents, self.negligible):
            return
        tape, steps, first = self.tape, stop - start, start % CHUNK
        width = steps * tape.batch
        read = self._side_by_side(self._read, self._inputs[start:stop], steps)
        if exponents is None or self._scale(read, exponents):
            for product, share in zip(tape.weights.products, self._share, strict=True):
                items = self._deltas[first : first + steps, tape.way_back.through(product)]
                returned = self._side_by_side(self._returned, items, steps)
                rows = read[tape.read(product)]
                np.dot(returned, rows.reshape(-1, width).T, share)
                np.add(product.gradient, share, product.gradient)
        for name, diagonal in tape.cell.diagonals.items():
            deltas = self.tape.deltas[first : first + steps]
            terms = diagonal_terms(tape, diagonal, deltas, slice(start, stop))
            if exponents is not None:
                shift(terms, exponents)
            gradient = tape.weights.vector_gradient[tape.weights.vector_rows.span(name), 0]
            np.add(gradient, np.einsum("nhb->h", terms), gradient)  # (2)

    def _scale(self, read: Array, exponents: IntArray) -> bool:
        """Multiply what was read (rows, steps·B) by 2^E: Σ (δ 2^E) ⊗ s = Σ δ ⊗ (s 2^E).

        s has the fewer rows. What no update can feel becomes zero: a product of subnormal numbers
        is 100 times slower. The norms that are recorded come from the adjoints, not from here.

        Returns:
            Whether anything is left.
        """
        powers, small = powers_of_two(exponents, read.dtype), exponents.min() < self._small
        if small and powers is not None:
            powers[max(read.max(), -read.min()) * powers <= self.negligible] = 0
            if not powers.any():
                return False
        if powers is None:
            shift(read.reshape(len(read), -1, self.tape.batch), exponents)
        else:
            # Rows as long as those of what was read: a multiplication of short ones is slower.
            along = self._powers[: read.shape[1]]
            along.reshape(-1, self.tape.batch)[...] = powers
            np.multiply(read, along, read)
        if not small:
            return True
        felt = ~(np.abs(read) <= self.negligible)
        # Zeros copied to places that cannot be predicted would take twice as long.
        np.multiply(read, felt, read)
        return bool(felt.any())

    def _side_by_side(self, room: Array, items: NDArray[np.void], steps: int) -> Array:
        """Return (rows, steps·B) of (steps, rows) items, in `room`."""
        rows, batch = items.shape[1], self.tape.batch
        out = room[: rows * steps * batch]
        np.copyto(as_items(out.reshape(rows, steps, batch)), items.T)
        return out.reshape(rows, steps * batch)
