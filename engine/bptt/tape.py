"""The buffers of one layer for T steps of B samples, and its bound programs.

Step t (0 … T−1) reads row t of `inputs` and `tape` and writes the state into row t + 1; row 0 is
the initial state. A layer that reads the sequence backwards is the same with x_T at step 0: state
row r is that of time T + 1 − r. Binding makes every view once: a program is a flat list of
(function, arguments), so a step costs its NumPy calls and nothing else.

    inputs    (T+1, K, B)                  row t: what step t reads, mostly [h_{t-1}; x_t; 1]
    tape      (T+1, n·H, B)                row t: gates of step t, states no product reads
    slopes    (chunk, n·H, B)              local derivatives of the chunk being swept back
    deltas    (chunk+1, n·H, B)            δ at the gates, carried adjoints; the last row holds
                                           what the chunk after hands to this one
    adjoints  (T+1, n·H, B)                row t: the adjoint of each block of states that step t
                                           reads; the output's is dL/d(output) along all paths
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array
from engine.bptt.blocks import SHORT_BUFFER, BlockViews, Call, Rows, aligned_zeros
from engine.bptt.compiled_layer import CompiledLayer
from engine.bptt.multiply import multiply, product_call
from engine.bptt.saturated import SaturatedUnits
from engine.bptt.way_back import WayBack
from engine.bptt.weights import LayerWeights, ProductWeights

Number = TypeVar("Number", bound=np.generic)

CHUNK = 16
"""Steps whose derivatives are taken at once: few enough to stay in the second-level cache."""


class LayerTape:
    """One layer's memory and programs."""

    def __init__(
        self,
        weights: LayerWeights,
        length: int,
        batch: int,
        dtype: DTypeLike,
        window: int | None = None,
        beyond: int = 0,
    ) -> None:
        """Allocate and bind for T = `length` and B = `batch`.

        Args:
            weights: The layer's.
            length: T.
            batch: B.
            dtype: float32 or float64.
            window: Steps after which the way back is cut: at state rows w, 2w, …
            beyond: Steps after T, on another tape, that return to outputs of this one.
        """
        cell, H = weights.cell, weights.hidden
        self.reach = length + beyond
        self.window = window or self.reach
        self.weights, self.cell, self.length, self.batch = weights, cell, length, batch
        self.reverse = weights.reverse
        self.dtype = np.dtype(dtype)
        heights = {"x": weights.inputs, "one": 1}
        self.input_rows = Rows({name: heights.get(name, H) for name in cell.inputs})
        self.tape_rows = Rows(dict.fromkeys(cell.tape, H))
        self.slope_rows = Rows(dict.fromkeys(cell.slopes, H))
        self.way_back = WayBack(weights)
        self.delta_rows = self.way_back.delta_rows
        self.scratch_rows = Rows(dict.fromkeys(cell.scratch, H))
        self.inputs = self._zeros(length + 1, self.input_rows)
        self.input_rows.view(self.inputs, "one")[...] = 1
        self.tape = self._zeros(length + 1, self.tape_rows)
        self.scratch = self._zeros(1, self.scratch_rows)
        self.xs = self.input_rows.view(self.inputs, "x")
        self.outputs = self.input_rows.view(self.inputs, cell.output)
        self.compiled = CompiledLayer.of(self)
        self.saturated = SaturatedUnits(self)
        self.forward_program = self._bind_forward()
        self._has_way_back = False
        self._chunk_views: dict[tuple[int, int], tuple[BlockViews, BlockViews]] = {}
        self._filled: dict[tuple[int, int], BlockViews] = {}

    def _zeros(self, rows: int, blocks: Rows) -> Array:
        return aligned_zeros((rows, blocks.total, self.batch), self.dtype)

    def in_time(self, rows: NDArray[Number]) -> NDArray[Number]:
        """Return rows of steps 0 … T−1 in the order of time, or such rows in that of steps."""
        return rows[::-1] if self.reverse else rows

    def row_of(self, time: int) -> int:
        """Return the state row of a time 1 … T, or the time of such a row."""
        return self.length + 1 - time if self.reverse else time

    def now(self, rows: int | slice) -> BlockViews:
        """Return the blocks of one row, or of a chunk of rows."""
        return BlockViews(
            (self.input_rows, self.inputs[rows]),
            (self.tape_rows, self.tape[rows]),
            *self.weights.vector_parts,
        )

    def holding(self, name: str) -> tuple[Array, slice]:
        """Return what holds a block after every step, (T, rows, B), and the block's rows."""
        if name in self.input_rows:  # a state
            return self.inputs[1:], self.input_rows.span(name)
        return self.tape[: self.length], self.tape_rows.span(name)

    def _out(self, product: ProductWeights, row: int | slice) -> Array:
        """Return where a product's pre-activations of a step go."""
        blocks = product.product.out
        if blocks[0] in self.input_rows:
            after = row + 1 if isinstance(row, int) else slice(row.start + 1, row.stop + 1)
            return self.inputs[after, self.input_rows.span(blocks[0], blocks[-1])]
        return self.tape[row, self.tape_rows.span(blocks[0], blocks[-1])]

    def read(self, product: ProductWeights) -> slice:
        """Return the rows of the inputs that a product reads."""
        reads = product.product.reads
        return self.input_rows.span(reads[0], reads[-1])

    def _bind_forward(self) -> list[Call]:
        if self.compiled is not None:
            return [(self.compiled.forward, ())]
        program: list[Call] = []
        for product in self.weights.products:
            if not product.product.states_read:
                program.append(self._whole_call(product))
        scratch = BlockViews((self.scratch_rows, self.scratch[0]))
        for t in range(self.length):
            program += self._stage_calls(t, scratch) + self._later_reads(t)
            program += self.saturated.calls_after(t)
        last = [product for product in self.weights.products if product.product.at_end]
        return program + [self._whole_call(product) for product in last]

    def _stage_calls(self, t: int, scratch: BlockViews) -> list[Call]:
        calls: list[Call] = []
        products = iter(self.weights.products)
        for stage in self.cell.stages:
            for _, product in zip(stage.products, products, strict=False):
                if product.product.states_read and not product.product.at_end:
                    calls.append(self._product_call(product, t))
            if stage.step is not None:
                views = stage.step_views(self.now(t), self.now(t + 1), scratch)
                calls.append((stage.step, views))
        return calls

    def _whole_call(self, product: ProductWeights) -> Call:
        read = self.inputs[:-1, self.read(product)]
        return product_call(product.fast, read, self._out(product, slice(0, self.length)))

    def set_earlier(self, back: int, value: Array | None) -> None:
        """Set the output `back` steps before the first, where a later step reads it."""
        for name, lag in self.cell.lags.items():
            if 0 <= lag - 1 - back < self.length:
                read = self.input_rows.view(self.inputs[lag - 1 - back], name)
                read[...] = 0 if value is None else value

    def _product_call(self, product: ProductWeights, t: int) -> Call:
        read, out = self.inputs[t, self.read(product)], self._out(product, t)
        return product_call(product.fast, read, out)

    def _later_reads(self, t: int) -> list[Call]:
        """Return the copies of step t's output to where steps further on read it."""
        return [
            (np.copyto, (self.input_rows.view(self.inputs[t + lag], name), self.outputs[t + 1]))
            for name, lag in self.cell.lags.items()
            if lag and t + lag < self.length
        ]

    def bind_back(self) -> None:
        """Allocate and bind what the backward sweep needs; later calls do nothing."""
        if self._has_way_back:
            return
        self._has_way_back = True
        way = self.way_back
        steps = min(CHUNK, self.length)
        self.slopes = self._zeros(steps, self.slope_rows)
        self.deltas = self._zeros(steps + 1, self.delta_rows)
        self.adjoints = self._zeros(self.reach + 1, way.adjoint_rows)
        if self.compiled is not None:
            self.compiled.bind_back()
            return
        locals_ = [
            way.local_views(BlockViews((self.slope_rows, self.slopes[slot])))
            for slot in range(steps)
        ]
        self.back_program: list[list[Call]] = []
        for t in range(self.length):
            deltas, returned = self.deltas[t % CHUNK], self.adjoints[t]
            views = way.adjoint_views(self.adjoints[t + 1], self.carry_row(t + 1), returned, deltas)
            calls = way.stage_calls(locals_[t % CHUNK], views, way.within_calls(returned, deltas))
            calls += way.after_calls(returned, deltas)
            self.back_program.append(calls)
        # As long as nothing has an exponent, what is delayed is added as it is.
        self.plain_program = self.back_program
        if way.delayed:
            delayed = [self._delayed_returns(t) for t in range(self.length)]
            self.plain_program = [a + b for a, b in zip(self.back_program, delayed, strict=True)]

    def _delayed_returns(self, t: int) -> list[Call]:
        """Return the sums to the output of row t of what steps further on read of it."""
        output = self.adjoints[t, self.way_back.output]
        return [
            (np.add, (output, self.adjoints[t + lag - 1, blocks], output))
            for blocks, lag in self.way_back.delayed
            if t + lag - 1 < self.end_of(t)
        ]

    def end_of(self, row: int) -> int:
        """Return the step from which on nothing returns to a state row."""
        return min(-(-max(row, 1) // self.window) * self.window, self.reach)

    def windows(self) -> Sequence[tuple[int, int]]:
        """Return the (first, stop) of the steps of every window, last first; one where none."""
        starts = range((self.length - 1) // self.window * self.window, -1, -self.window)
        return [(start, min(start + self.window, self.length)) for start in starts]

    def initial_adjoint(self, name: str) -> Array:
        """Return the stored adjoint of a state before the first step, (H, B), after a sweep back.

        Args:
            name: One of the cell's `states`, or what products read of it.
        """
        way = self.way_back
        if name in way.states:
            return way.adjoint_rows.view(self.adjoints[0], name)
        return self.delta_rows.view(self.deltas[0], name)

    def back(self, start: int, stop: int) -> None:
        """Sweep steps stop − 1 … start back, with nothing arriving from outside between them."""
        if self.compiled is not None:
            self.compiled.back(start, stop, None)
            return
        program = self.back_program
        for t in range(stop - 1, start - 1, -1):
            for function, arguments in program[t]:
                function(*arguments)

    def squared_norms(self, rows: Array, out: Array) -> tuple[float, float]:
        """Write the sums of squares of rows (n, H, B) over H to `out` (n, B).

        Returns:
            The least and the greatest; NaN where one is.
        """
        if self.compiled is not None:
            return self.compiled.squared_norms(rows, out)
        np.einsum("thb,thb->tb", rows, rows, out=out)
        return float(out.min()), float(out.max())

    def to_inputs(self, deltas: Array) -> Array:
        """Return ∂/∂x = W_xᵀ δ of deltas (…, rows, B), over all products: (…, D, B)."""
        first, *others = [p for p in self.weights.products if len(p.back_x)]
        found = multiply(first.back_x, deltas[..., self.way_back.through(first), :])
        for product in others:
            found += multiply(product.back_x, deltas[..., self.way_back.through(product), :])
        return found

    def carry_row(self, t: int) -> Array:
        """Return the row of deltas that holds what step t hands to the step before.

        The first step of a chunk, and row T, hand on through the extra row at the end.
        """
        row: Array = self.deltas[-1 if t == self.length or t % CHUNK == 0 else t % CHUNK]
        return row

    def linearize(self, start: int, stop: int, slopes: Array) -> None:
        """Fill the first rows of `slopes` with the local derivatives of steps start … stop − 1."""
        self._linearize(start, stop, BlockViews((self.slope_rows, slopes[: stop - start])))

    def linearize_chunk(self, start: int, stop: int) -> None:
        """Fill this tape's own slopes for (part of) a chunk; compiled loops need none."""
        if self.compiled is not None:
            return
        first = start % CHUNK
        slots = first, first + stop - start
        if slots not in self._filled:
            self._filled[slots] = BlockViews((self.slope_rows, self.slopes[slice(*slots)]))
        self._linearize(start, stop, self._filled[slots])

    def _linearize(self, start: int, stop: int, filled: BlockViews) -> None:
        with np.errstate():
            np.setbufsize(SHORT_BUFFER)
            self.cell.linearize(*self._chunk(start, stop), filled)

    def _chunk(self, start: int, stop: int) -> tuple[BlockViews, BlockViews]:
        """Return the blocks of the rows of a chunk and of those after; made once."""
        views = self._chunk_views.get((start, stop))
        if views is None:
            views = self.now(slice(start, stop)), self.now(slice(start + 1, stop + 1))
            self._chunk_views[start, stop] = views
        return views

    @staticmethod
    def chunks(bottom: int, top: int) -> Sequence[tuple[int, int]]:
        """Return the (start, stop) of every chunk of steps bottom … top − 1, last first."""
        starts = range((top - 1) // CHUNK * CHUNK, bottom - CHUNK, -CHUNK) if top > bottom else ()
        return [(max(start, bottom), min(start + CHUNK, top)) for start in starts]
