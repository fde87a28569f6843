"""A layer swept by compiled loops, in the memory of its tape."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine import compiled
from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.exponents import JOIN_ABOVE, NONE, SPARE, SQUARES, powers_of_two
from engine.bptt.sources import Arriving, DenseSource, Source

if TYPE_CHECKING:
    from engine.bptt.tape import LayerTape
    from engine.compiled.arguments import Arrived, Kept, Measures, Stretches
    from engine.compiled.twins import Twin


FEW_ROWS = 4
"""Rows of an ensemble's deltas that are at hand at once: those of a chunk fill a third of the
first-level cache."""

EVERYTHING = -math.inf, math.inf
"""Bounds that nothing lies beyond."""


class Storing(NamedTuple):
    """How a sweep is stored and cut while loops go through it.

    Attributes:
        exponents: E of the row that it starts from, (B,), afterwards of the row where it ended.
        of_rows, of_norms: Room for those of every row, and of its norms, (T+1, B).
        cuts: Steps of a stretch, a power of two, and the step after the last, (2,); afterwards
            those with which the sweep is to go on.
        longest: Steps of a stretch at most.
    """

    exponents: IntArray
    of_rows: IntArray
    of_norms: IntArray
    cuts: IntArray
    longest: int


class CompiledLayer:
    """The compiled twin of a cell, bound to one layer's tape."""

    def __init__(self, tape: "LayerTape", twin: "Twin") -> None:
        """Bind `twin` to the arrays of `tape`."""
        self._tape, self._twin = tape, twin
        self._gemm = twin.gemm[tape.dtype]
        products = tape.weights.products
        self._weights = tuple(product.fast for product in products)
        self._turned = tuple(p.back_states for p in products if p.product.states_read)
        self.squared_norms, self.count = twin.squared_norms, twin.count
        self.norms_stay = twin.norms_stay
        values, rows = tape.holding(tape.cell.candidate)
        self._candidate = values, rows.start, tape.weights.hidden

    @classmethod
    def of(cls, tape: "LayerTape") -> "CompiledLayer | None":
        """Return the compiled sweeps of a tape, or None where its cell has no twin."""
        if not tape.weights.is_compiled:
            return None
        twin = compiled.twin_of(tape.cell)
        return None if twin is None else cls(tape, twin)

    def forward(self) -> None:
        """Run all steps, and count the saturated units where somebody asks."""
        tape, saturated = self._tape, self._tape.saturated
        room = saturated.room
        bounds = saturated.bounds if room.size else EVERYTHING
        self._twin.forward(self._gemm, self._weights, tape.inputs, tape.tape, bounds, room)

    def bind_back(self) -> None:
        """Allocate what the way back needs beside the tape's own arrays."""
        tape = self._tape
        self._chunk = len(tape.deltas) - 1
        nothing = np.zeros((0, *tape.adjoints.shape[1:]), tape.dtype)
        self._nothing = Source(Arriving(nothing, np.full(tape.length + 1, -1, np.intp)))
        self._no_exponents, self._uncut = np.zeros(tape.batch, np.int32), np.ones(2, np.int32)
        self._no_numbers = np.empty(0, tape.dtype)
        self._no_rows = np.zeros((0, tape.batch), np.int32)
        self._few = aligned_zeros((FEW_ROWS, self._chunk, tape.batch), tape.dtype)
        way, products = tape.way_back, tape.weights.products
        carried = [(span.start, span.stop) for span in way.carried.values()]
        self._carried = carried[0] if carried else (0, 0)
        # What goes on from a row is then its output's adjoint and one block of deltas at most.
        self.sweeps_at_once = (
            len(carried) <= 1
            and len(tape.cell.carries) <= 1
            and set(way.states) <= {tape.cell.output}
            and not way.delayed
        )
        rows = tuple(way.through(product).start for product in products)
        columns = tuple(tape.read(product).start for product in products)
        gradients = tuple(product.gradient for product in products)
        room = [aligned_zeros((tape.batch, each.shape[1]), tape.dtype) for each in gradients]
        self._sums = rows, columns, tuple(room), gradients
        read = [(p.back_x, row) for p, row in zip(products, rows, strict=True) if len(p.back_x)]
        self._to_inputs = tuple(x for x, _ in read), tuple(row for _, row in read)
        self._hands_nothing = aligned_zeros((0, 0, tape.batch), tape.dtype), self._no_rows

    def back(self, start: int, stop: int, arriving: Arriving | None) -> None:
        """Sweep steps stop − 1 … start back, and add what arrives at their rows."""
        source = self._nothing if arriving is None else Source(arriving)
        self._sweep_back(start, stop, self._arrived(source, self._no_exponents, self._uncut), None)

    def _sweep_back(
        self, start: int, stop: int, arrived: "Arrived", stretches: "Stretches | None"
    ) -> int:
        tape = self._tape
        return self._twin.back(
            self._gemm, self._turned, tape.inputs, tape.tape, tape.deltas, tape.adjoints,
            arrived, start, stop, stretches,
        )  # fmt: skip

    def _arrived(self, source: Source, exponents: IntArray, cuts: IntArray) -> "Arrived":
        """Return what arrives, as loops take it, and how the sweep stores and cuts its steps."""
        values, where, weight = source.arriving
        factors = self._no_numbers if weight is None else weight[:, 0]
        theirs = self._no_rows if source.exponents is None else source.exponents
        return values, factors, where, theirs, exponents, int(NONE), cuts

    def back_through(
        self,
        bottom: int,
        source: Source,
        measures: "Measures",
        storing: Storing,
        sums: tuple[float, bool],
        kept: "Kept",
        below: DenseSource | None,
    ) -> int:
        """Sweep steps down to `bottom` back as far as nothing has to be decided on the way.

        Norms are measured, and what each stretch adds goes to the weights' gradients.

        Args:
            bottom: First step.
            source: What is added to rows.
            measures: See arguments.py.
            storing: How the sweep is stored and cut.
            sums: What counts as zero, see `add_gradients`, and whether any gradient is added to.
            kept: Room for what is kept on the way, see arguments.py.
            below: Takes ∂/∂x; None where nobody asks.

        Returns:
            The step after the last one that is left to do.
        """
        exponents, of_rows, of_norms, cuts, longest = storing
        top, wall = int(cuts[1]), bottom or -1
        scales = of_rows, of_norms, SQUARES, longest, SPARE, JOIN_ABOVE, wall
        room = self._hands_nothing if below is None else (below.array, below.exponents)
        handed = *room, *self._to_inputs
        stretches = self._carried, measures, (*self._sums, *sums), scales, kept, handed
        arrived = self._arrived(source, exponents, cuts)
        return self._sweep_back(bottom, top, arrived, stretches)

    def hand_down(self, start: int, out: Array) -> None:
        """Write ∂/∂x of steps from `start` on, which lie in one chunk, to `out` (n, D, B)."""
        slot = start % self._chunk
        self._twin.hand_down(self._gemm, self._tape.deltas, slot, *self._to_inputs, out)

    def settle(
        self,
        t: int,
        row: Array,
        carry: Array,
        source: Source | None,
        exponents: tuple[IntArray, IntArray],
        norms: tuple[Array, IntArray],
    ) -> None:
        """Bring what goes on from row t to a norm near 1, and join what arrives there.

        Args:
            t: The state row.
            row: λ of the output there, (H, B).
            carry: The row of the deltas that holds what is carried.
            source: What arrives; None where nothing joins that is not there yet.
            exponents: E of row t, (B,), and room for those afterwards.
            norms: Room for squared norms, and for their exponents, (B,) each.
        """
        first, last = self._carried
        before, after = exponents
        arrived = self._arrived(source or self._nothing, before, self._uncut)
        joins = bool(arrived[2][t] >= 0)
        self._twin.settle(t, joins, row, carry[first:last], arrived, after, *norms)

    def bring_near_one(self, adjoints: Array, exponents: IntArray, out: IntArray) -> bool:
        """Bring adjoints (m, H, B) to a norm near 1, and write their new exponents to `out` (m, B).

        Returns:
            False where a square might over- or underflow: that row, and those after it, are as
            they were.
        """
        return self._twin.bring_near_one(adjoints, *SQUARES, int(NONE), exponents, out)

    def bring_both_near_one(
        self, row: Array, other: Array, squares: Array, exponents: IntArray, out: IntArray
    ) -> bool:
        """Bring adjoints (H, B) of two states near 1 together, and write their exponents, (B,).

        Returns:
            False, with nothing done, where a square might over- or underflow.
        """
        return self._twin.bring_both_near_one(row, other, squares, SQUARES, exponents, out)

    @property
    def sweeps_stacks(self) -> bool:
        """Whether `stack` may be called."""
        return self._twin.stack is not None

    def stack(
        self, slopes: Array, rows: tuple[Array, Array, Array], starts: IntArray, stop: int
    ) -> None:
        """Sweep rows of a stack back, each by itself.

        Args:
            slopes: Local derivatives of all steps, (T, n·H, B).
            rows: Adjoints and deltas, (M, n·H, B) each, and the squared norms of λ, (M, T+1, B),
                which are added to what is there.
            starts: State row that each starts from, (M,).
            stop: The last state row whose λ is measured and taken a step back.
        """
        if self._twin.stack is not None:
            self._twin.stack(self._gemm, self._turned, slopes, *rows, starts, stop)

    def shares_outside(self, low: float, high: float, out: Array) -> None:
        """Write the share of each step's φ less than `low` or greater than `high` to `out` (T,).

        NaN where one of them is.
        """
        self._twin.shares_outside(*self._candidate, low, high, out)

    def add_gradients(
        self, start: int, stop: int, exponents: IntArray | None, negligible: float
    ) -> bool:
        """Add the weights' gradients of steps start … stop − 1, which lie in one chunk.

        Args:
            start: First step.
            stop: Step after the last.
            exponents: E of each sample that the deltas are stored with, (B,); None where all 0.
            negligible: Where 2^E times what was read is no larger, it counts as zero.

        Returns:
            False, with nothing added, where a 2^E is beyond the largest number.
        """
        tape, twin = self._tape, self._twin
        read, powers = tape.inputs[start:stop], self._no_numbers
        if exponents is not None:
            found = powers_of_two(exponents, tape.dtype)
            if found is None:
                return False
            powers = found
        for row, column, turned, gradient in zip(*self._sums, strict=True):
            twin.add_gradients(
                self._gemm, tape.deltas, row, start % self._chunk, read, column, powers,
                negligible, turned, gradient,
            )  # fmt: skip
        return True

    def add_members(self, start: int, read: Array, totals: Sequence[Array]) -> None:
        """Add the weights' gradients of an ensemble's members, of steps from `start` on.

        Args:
            start: First step; they lie in one chunk.
            read: What the steps read, times 2^E, (n, K, S).
            totals: Of each product, (G, K, S).
        """
        deltas, slot, (rows, columns, _, _) = self._tape.deltas, start % self._chunk, self._sums
        for row, column, total in zip(rows, columns, totals, strict=True):
            self._twin.add_members(deltas, row, slot, read, column, self._few, total)
