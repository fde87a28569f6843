"""Gradients of one layer's weights for every member of an ensemble: a product for each of them.

As in weight_gradients.py, with sums in an order that does not depend on where a sweep's stretches
end: what one member's adjoints make the sweep do changes no bit of another's gradient. So the
stretches of a chunk are gathered, and the products are taken over the whole chunk; compiled loops,
for members of one sample each, add one step after the other.
"""

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.exponents import shift
from engine.bptt.tape import CHUNK, LayerTape
from engine.bptt.weight_gradients import MARGIN, diagonal_terms


class EnsembleGradients:
    """Adds up the gradients of a layer of S members with B samples each."""

    def __init__(self, tape: LayerTape) -> None:
        """Allocate for chunks of steps."""
        self.tape, self.wanted = tape, True
        self._steps = min(CHUNK, tape.length)
        self._members = tape.weights.products[0].W.shape[-1]
        self._samples = tape.batch // self._members
        self._ends = {start for start, _ in tape.windows()}
        loops = tape.compiled is not None
        self._totals = [
            aligned_zeros((*product.shape, self._members), tape.dtype)
            for product in tape.weights.products
            if loops
        ]
        self._read = self._room(0 if loops else tape.input_rows.total)
        self._deltas = [
            self._room(product.shape[0]) for product in tape.weights.products if not loops
        ]
        self._share = [
            np.empty((self._members, *product.shape), tape.dtype)
            for product in tape.weights.products
            if not loops
        ]
        shape = self._steps, tape.weights.hidden, tape.batch
        self._terms = {name: aligned_zeros(shape, tape.dtype) for name in tape.cell.diagonals}
        smallest = int(np.finfo(tape.dtype).minexp)
        self._negligible, self._small = 2.0 ** (smallest + MARGIN), smallest // 2

    def _room(self, rows: int) -> Array:
        shape = self._members, rows, self._steps, self._samples
        return aligned_zeros(shape, self.tape.dtype)

    def clear(self) -> None:
        """Set all gradients to zero."""
        for product in self.tape.weights.products:
            product.gradient[...] = 0
        self.tape.weights.vector_gradient[...] = 0
        self._begin()

    def _begin(self) -> None:
        """Gather a chunk anew: steps that it lacks count as zero."""
        for array in (self._read, *self._deltas, *self._terms.values(), *self._totals):
            array.fill(0)

    def add(self, start: int, stop: int, exponents: IntArray | None) -> None:
        """Add those of steps start … stop − 1, which lie in one chunk."""
        if not self.wanted:
            return
        read = self.tape.inputs[start:stop]
        if exponents is not None:
            read = self._shifted(read, exponents)
        if self.tape.compiled is None:
            self._gather(start, stop, read, exponents)
            return
        self.tape.compiled.add_members(start, read, self._totals)
        if start in self._ends:
            for product, total in zip(self.tape.weights.products, self._totals, strict=True):
                product.gradient += total
            self._begin()

    def _gather(self, start: int, stop: int, read: Array, exponents: IntArray | None) -> None:
        """Copy what the products of a chunk need; multiply where the chunk is complete."""
        tape, first = self.tape, start % CHUNK
        slots = slice(first, first + stop - start)
        np.copyto(self._read[:, :, slots], self._member_first(read))
        deltas = tape.deltas[slots]
        for product, room in zip(tape.weights.products, self._deltas, strict=True):
            own = deltas[:, tape.way_back.through(product)]
            np.copyto(room[:, :, slots], self._member_first(own))
        for name, diagonal in tape.cell.diagonals.items():
            terms = diagonal_terms(tape, diagonal, deltas, slice(start, stop))
            if exponents is not None:
                shift(terms, exponents)
            self._terms[name][slots] = terms
        if first == 0 or start in self._ends:
            self._multiply()
            self._begin()

    def _shifted(self, read: Array, exponents: IntArray) -> Array:
        """Return what was read times 2^E, without what no update can feel."""
        moved = np.array(read)
        shift(moved, exponents)
        small = exponents < self._small
        if small.any():  # a product of subnormal numbers is 100 times slower
            moved[(np.abs(moved) <= self._negligible) & small] = 0
        return moved

    def _member_first(self, rows: Array) -> Array:
        """Return a view (S, rows, n, B) of rows of n steps, (n, rows, S·B)."""
        split = rows.reshape(*rows.shape[:-1], self._members, self._samples)
        return split.transpose(2, 1, 0, 3)

    def _multiply(self) -> None:
        weights, members = self.tape.weights, self._members
        for product, room, share in zip(weights.products, self._deltas, self._share, strict=True):
            deltas = room.reshape(members, len(room[0]), -1)
            read = self._read[:, self.tape.read(product)]
            np.matmul(deltas, read.reshape(members, read.shape[1], -1).swapaxes(1, 2), share)
            product.gradient += np.moveaxis(share, 0, -1)
        for name, terms in self._terms.items():
            gradient = weights.vector_gradient[weights.vector_rows.span(name), 0]
            gradient += np.einsum("nhb->hb", terms).reshape(len(gradient), members, -1).sum(axis=-1)
