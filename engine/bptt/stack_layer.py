"""One layer's share of a stack of adjoints, with an exponent for each row and sample."""

from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import BlockViews, Rows, aligned_zeros
from engine.bptt.exponents import NONE, exponent_of, near_one, shift
from engine.bptt.tape import CHUNK, LayerTape


class Scaled(NamedTuple):
    """Adjoints stored as values · 2^exponents, (m, rows, B) and (m, B)."""

    values: Array
    exponents: IntArray

    def at(self, exponents: IntArray) -> Array:
        """Return the values stored with other exponents."""
        if np.array_equal(exponents, self.exponents):
            return self.values
        moved = np.array(self.values)
        shift(moved, (self.exponents - exponents)[:, None, :])
        return moved


class StackLayer:
    """One layer's share of the stack."""

    def __init__(self, tape: LayerTape, count: int) -> None:
        tape.bind_back()
        self.tape = tape
        H, B, T = tape.weights.hidden, tape.batch, tape.length
        self.slopes = aligned_zeros((T, tape.slope_rows.total, B), tape.dtype)
        self.incoming = aligned_zeros((count, H, B), tape.dtype)
        self.deltas = aligned_zeros((count, tape.delta_rows.total, B), tape.dtype)
        self.exponents = np.full((count, B), NONE, np.int32)
        self.squares = aligned_zeros((count, T + 1, 1, B), tape.dtype)
        self.norm_exponents = np.zeros((count, T + 1, B), np.int32)
        self.room = aligned_zeros((count, H, B), tape.dtype)
        self.ones = np.ones((1, H), tape.dtype)
        product = tape.weights.state_product
        self.through = tape.returning(product)
        if product.back_h is None:
            raise ValueError(f"{tape.cell.name}: its state product has no way back")
        self.back_h: Array = product.back_h
        self.returned = [
            tape.delta_rows.span(name) for name in tape.cell.carries if name == tape.cell.output
        ]
        self.carried = [
            tape.delta_rows.span(name) for name in tape.cell.carries if name != tape.cell.output
        ]
        output = Rows({tape.cell.output: H})
        self.adjoint_views = [
            tape.cell.adjoint_views(
                BlockViews((output, self.incoming[:m]), (tape.delta_rows, self.deltas[:m])),
                BlockViews((tape.delta_rows, self.deltas[:m])),
            )
            for m in range(1, count + 1)
        ]
        self.locals: list[tuple[Array, ...]] = [
            tape.cell.local_views(BlockViews((tape.slope_rows, row))) for row in self.slopes
        ]

    def linearize(self) -> None:
        """Take the local derivatives of all T steps from the tape."""
        T = self.tape.length
        for start in range(0, T, CHUNK):
            stop = min(start + CHUNK, T)
            self.tape.linearize(start, stop, self.slopes[start:stop])

    def clear(self) -> None:
        """Empty all rows."""
        for array in (self.incoming, self.deltas, self.squares):
            array.fill(0)
        self.exponents.fill(NONE)
        self.norm_exponents.fill(0)

    def state_delta(self, m: int) -> Array | None:
        """Return dℓ/dh of the first m rows where h is not what products read."""
        name = self.tape.cell.state_delta
        return None if name is None else self.tape.delta_rows.view(self.deltas[:m], name)

    def measure(self, m: int, row: int, values: Array, far: bool) -> None:
        """Take the squared norms of λ at a state row; `far` where one step may lose them."""
        self.norm_exponents[:m, row] = self.exponents[:m]
        if far:
            values, own = near_one(values, axis=1)
            self.norm_exponents[:m, row] += own
        np.multiply(values, values, self.room[:m])
        np.matmul(self.ones, self.room[:m], self.squares[:m, row])

    def add(self, m: int, arriving: Scaled) -> None:
        """Add to λ at the larger exponent of the two."""
        larger = np.maximum(self.exponents[:m], arriving.exponents)
        if not np.array_equal(larger, self.exponents[:m]):
            self.move(m, larger)
        np.add(self.incoming[:m], arriving.at(larger), self.incoming[:m])

    def move(self, m: int, target: IntArray) -> None:
        """Store the first m rows with the exponents `target`."""
        difference = (self.exponents[:m] - target)[:, None, :]
        shift(self.incoming[:m], difference)
        for span in self.carried:
            shift(self.deltas[:m, span], difference)
        self.exponents[:m] = target

    def settle(self, m: int) -> None:
        """Bring the first m rows to a norm near 1."""
        sizes = exponent_of(self.incoming[:m], axis=1)
        for span in self.carried:
            sizes = np.maximum(sizes, exponent_of(self.deltas[:m, span], axis=1))
        target = np.where(sizes == NONE, NONE, self.exponents[:m] + sizes).astype(np.int32)
        self.move(m, target)
