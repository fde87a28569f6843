"""dℓ/dh of cells whose state is not their output: blocks of the deltas, kept for all t."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.exponents import near_one, shift
from engine.bptt.tape import CHUNK, LayerTape


class OwnState:
    """The adjoints of such a state.

    Attributes:
        adjoints: Stored dℓ/dh_t up to the loss's scale, (T, H, B), t = 1 … T; of a state of two
            parts (T, 2H, B).
        exponents: E, (T, B).
    """

    def __init__(self, tape: LayerTape) -> None:
        """Keep the blocks that the cell names."""
        blocks = tape.cell.own_adjoints
        self._tape, self._rows = tape, tape.delta_rows.span(blocks[0], blocks[-1])
        T, B = tape.length, tape.batch
        self.adjoints = aligned_zeros((T, len(blocks) * tape.weights.hidden, B), tape.dtype)
        self.exponents = np.zeros((T, B), np.int32)
        self._squares = np.zeros((T, B), tape.dtype)
        self._norm_exponents = np.zeros((T, B), np.int32)

    def row(self, t: int) -> Array:
        """Return the blocks of step t's deltas, as the sweep writes it."""
        rows: Array = self._tape.deltas[t % CHUNK, self._rows]
        return rows

    @contextmanager
    def injected(self, gradient: Array, exponents: IntArray) -> Iterator[None]:
        """Add dL/dh_T, (H, B), to the last step's deltas, stored with `exponents`, meanwhile."""
        moved = np.array(gradient)
        shift(moved, -exponents)
        last = self._tape.length - 1
        delta = self.row(last)
        program = self._tape.back_program[last]
        program.insert(1, (np.add, (delta, moved, delta)))
        try:
            yield
        finally:
            del program[1]

    def clear(self, top: int, end: int) -> None:
        """Set the states after row `top`, up to row `end`, to exactly zero."""
        for array in (self.adjoints, self.exponents, self._squares):
            array[top:end] = 0

    def keep(self, start: int, stop: int, exponents: IntArray | None) -> None:
        """Copy the adjoints after steps start … stop − 1, and take their norms.

        Args:
            start: First step, of the same chunk as the last.
            stop: Step after the last.
            exponents: E that the deltas are stored with, (B,); None where all 0.
        """
        first = start % CHUNK
        deltas = self._tape.deltas[first : first + stop - start]
        kept = deltas[:, self._rows]
        self.adjoints[start:stop] = kept
        moved, own = near_one(kept, axis=1)
        base = np.zeros_like(own) if exponents is None else np.broadcast_to(exponents, own.shape)
        self.exponents[start:stop] = base
        self._norm_exponents[start:stop] = base + own
        self._squares[start:stop] = np.einsum("nhb,nhb->nb", moved, moved)

    def squared_norms(self) -> tuple[Array, IntArray]:
        """Return ‖dℓ/dh_t‖² as stored, with the exponents of the norms, (T, B)."""
        return self._squares, self._norm_exponents
