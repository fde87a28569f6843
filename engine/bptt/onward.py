"""What goes on from a state row to the steps before it: the adjoint of the whole state there.

It lies in several places, all stored with the exponents of the sweep: the output's row, those of
other states that products read, and what is carried in the deltas. What later steps returned to
earlier outputs waits elsewhere (arrivals.py).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE, Scaled, bring_near_one, exponent_of, near_one, shift
from engine.bptt.sources import Source
from engine.bptt.tape import LayerTape


class Onward:
    """The adjoints that go on from a row of one layer."""

    def __init__(self, tape: LayerTape) -> None:
        """Find the places."""
        self._tape, self._way = tape, tape.way_back
        way = self._way
        self._adjoints, self.output = tape.adjoints, way.output
        self._others = [
            way.adjoint_rows.span(name) for name in way.states if name != tape.cell.output
        ]

    def _beside(self, t: int, carry: Array) -> Iterator[Array]:
        """Yield all but the output's row, (1, H, B) each; `carry` is the deltas' row."""
        for span in self._way.carried.values():
            yield carry[None, span]
        for span in self._others:
            yield self._adjoints[None, t, span]

    def clear(self, top: int, end: int, carry: Array) -> None:
        """Make all that goes on from rows `top` … `end` exactly zero."""
        for span in (self.output, *self._others):
            self._adjoints[top : end + 1, span] = 0
        for span in self._way.carried.values():
            carry[span] = 0

    def inject(self, top: int, carry: Array, final: Mapping[str, Array]) -> None:
        """Set the adjoints of the states at row `top`, by name, (H, B)."""
        for name, value in final.items():
            if name in self._way.carried:
                carry[self._way.carried[name]] = value
            elif name in self._way.states:
                self._way.adjoint_rows.view(self._adjoints[top], name)[...] = value

    def sizes(self, t: int, carry: Array) -> IntArray:
        """Return the exponent of the largest entry for every sample, NONE where all is zero."""
        sizes = exponent_of(self._adjoints[t, self.output], axis=0)
        for part in self._beside(t, carry):
            sizes = np.maximum(sizes, exponent_of(part, axis=(0, 1)))
        return sizes

    def near_one(self, t: int, carry: Array, squares: Array, exponents: IntArray) -> IntArray:
        """Bring all of it to a norm near 1 by the squared norms of the output, (B,).

        Returns:
            The new exponents, given those before.
        """
        row, loops = self._adjoints[None, t, self.output], self._tape.compiled
        beside = list(self._beside(t, carry))
        if loops is not None and len(beside) <= 1:
            found = np.empty_like(exponents)
            done = (
                loops.bring_both_near_one(row[0], beside[0][0], squares, exponents, found)
                if beside
                else loops.bring_near_one(row, exponents[None], found[None])
            )
            if done:
                return found
        for part in beside:
            squares = np.maximum(squares, np.einsum("nhb,nhb->b", part, part))
        return exponents + bring_near_one(squares, (row, *beside))

    def shift(self, t: int, carry: Array, exponents: IntArray) -> None:
        """Multiply all of it by 2^exponents, (B,)."""
        shift(self._adjoints[t, self.output], exponents, *self._beside(t, carry))

    def settle(
        self,
        t: int,
        carry: Array,
        exponents: IntArray,
        arriving: Sequence[Scaled],
        source: Source | None,
        norms: tuple[Array, IntArray],
    ) -> IntArray:
        """Bring all of it to a norm near 1 for every sample, and join what arrives there.

        Args:
            t: The row.
            carry: The deltas' row with what is carried.
            exponents: E that all of it is stored with, (B,).
            arriving: What arrives at the row, in the order in which it is added.
            source: Where that is from; None where nothing arrives.
            norms: Room for the squared norms, near 1, and for their exponents, (B,) each.

        Returns:
            The new exponents.
        """
        row, loops = self._adjoints[t, self.output], self._tape.compiled
        if loops is not None and loops.sweeps_at_once:
            found = np.empty_like(exponents)
            loops.settle(t, row, carry, source, (exponents, found), norms)
            return found
        sizes = self.sizes(t, carry)
        target = np.where(sizes == NONE, NONE, exponents + sizes).astype(np.int32)
        for each in arriving:
            target = np.maximum(target, each.exponents)
        self.shift(t, carry, exponents - target)
        for each in arriving:
            row += each.at(target)
        moved, own = near_one(row, axis=0)
        norms[0][...] = np.einsum("hb,hb->b", moved, moved)
        norms[1][...] = target + own
        return target
