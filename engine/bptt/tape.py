"""The buffers of one layer for T steps of B samples, and its bound programs.

Step t (0 … T−1) reads row t of `inputs` and `tape` and writes the state into row t + 1; row 0 is
the initial state. Binding makes every view once: a program is a flat list of (function,
arguments), so a step costs its NumPy calls and nothing else.

    inputs    (T+1, K, B), K = H + D + 1   row t: what step t reads, [h_{t-1}; x_t; 1]
    tape      (T+1, n·H, B)                row t: gates of step t, states no product reads
    slopes    (chunk, n·H, B)              local derivatives of the chunk being swept back
    deltas    (chunk+1, n·H, B)            δ at the gates, carried adjoints; the last row holds
                                           what the chunk after hands to this one
    adjoints  (T+1, H, B)                  row t: dL/d(output) after step t − 1, all paths
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from engine.arrays import Array
from engine.bptt.blocks import BlockViews, Rows, aligned_zeros
from engine.bptt.weights import LayerWeights, ProductWeights

CHUNK = 16
"""Steps whose derivatives are taken at once: few enough to stay in the second-level cache."""

Call = tuple[Callable[..., object], tuple[Any, ...]]


class LayerTape:
    """One layer's memory and programs."""

    def __init__(self, weights: LayerWeights, length: int, batch: int, dtype: DTypeLike) -> None:
        """Allocate and bind for T = `length` and B = `batch`."""
        cell, H = weights.cell, weights.hidden
        self.weights, self.cell, self.length, self.batch = weights, cell, length, batch
        self.dtype = np.dtype(dtype)
        self.input_rows = Rows({cell.output: H, "x": weights.inputs, "one": 1})
        self.tape_rows = Rows(dict.fromkeys(cell.tape, H))
        self.slope_rows = Rows(dict.fromkeys(cell.slopes, H))
        self.delta_rows = Rows(dict.fromkeys(cell.deltas, H))
        self.scratch_rows = Rows(dict.fromkeys(cell.scratch, H))
        self.inputs = self._zeros(length + 1, self.input_rows)
        self.inputs[:, -1] = 1
        self.tape = self._zeros(length + 1, self.tape_rows)
        self.scratch = self._zeros(1, self.scratch_rows)
        self.xs = self.input_rows.view(self.inputs, "x")
        self.outputs = self.input_rows.view(self.inputs, cell.output)
        self.forward_program = self._bind_forward()
        self._has_way_back = False
        self._chunk_views: dict[tuple[int, int], tuple[BlockViews, BlockViews]] = {}
        self._filled: dict[int, BlockViews] = {}

    def _zeros(self, rows: int, blocks: Rows) -> Array:
        return aligned_zeros((rows, blocks.total, self.batch), self.dtype)

    def now(self, rows: int | slice) -> BlockViews:
        """Return the blocks of one row, or of a chunk of rows."""
        return BlockViews((self.input_rows, self.inputs[rows]), (self.tape_rows, self.tape[rows]))

    # Forward

    def _out(self, product: ProductWeights, row: int | slice) -> Array:
        """Return where a product's pre-activations of a step go."""
        blocks = product.product.out
        if blocks[0] in self.input_rows:
            after = row + 1 if isinstance(row, int) else slice(row.start + 1, row.stop + 1)
            return self.inputs[after, self.input_rows.span(blocks[0], blocks[-1])]
        return self.tape[row, self.tape_rows.span(blocks[0], blocks[-1])]

    def _bind_forward(self) -> list[Call]:
        program: list[Call] = []
        whole = slice(0, self.length)
        for product in self.weights.products:
            if not product.product.reads_state:
                read = self.inputs[:-1, self.weights.hidden :]
                program.append((np.matmul, (product.fast, read, self._out(product, whole))))
        state = self.weights.state_product
        parts = state.split(self.batch)
        cut = state.fast.reshape(parts, -1, state.shape[1])
        scratch = BlockViews((self.scratch_rows, self.scratch[0]))
        for t in range(self.length):
            out = self._out(state, t)
            if parts == 1:
                program.append((state.fast.dot, (self.inputs[t], out)))
            else:
                blocks = out.reshape(parts, -1, self.batch)
                program.append((np.matmul, (cut, self.inputs[t], blocks)))
            views = self.cell.step_views(self.now(t), self.now(t + 1), scratch)
            program.append((self.cell.step, views))
        return program

    # Back

    def bind_back(self) -> None:
        """Allocate and bind what the backward sweep needs; later calls do nothing."""
        if self._has_way_back:
            return
        self._has_way_back = True
        H = self.weights.hidden
        steps = min(CHUNK, self.length)
        self.slopes = self._zeros(steps, self.slope_rows)
        self.deltas = self._zeros(steps + 1, self.delta_rows)
        self.adjoints = aligned_zeros((self.length + 1, H, self.batch), self.dtype)
        back = self.weights.state_product
        if back.back_h is None:
            raise ValueError(f"{self.cell.name}: its state product has no way back")
        span = self.returning(back)
        carried = [name for name in self.cell.carries if name == self.cell.output]
        locals_ = [
            self.cell.local_views(BlockViews((self.slope_rows, self.slopes[slot])))
            for slot in range(steps)
        ]
        self.back_program: list[list[Call]] = []
        for t in range(self.length):
            slot = t % CHUNK
            deltas = self.deltas[slot]
            calls: list[Call] = [
                (self.cell.step_back, (locals_[slot], self._adjoint_views(t))),
                (back.back_h.dot, (deltas[span], self.adjoints[t])),
            ]
            for name in carried:
                carry = self.delta_rows.view(deltas, name)
                calls.append((np.add, (self.adjoints[t], carry, self.adjoints[t])))
            self.back_program.append(calls)

    def returning(self, product: ProductWeights) -> slice:
        """Return the rows of the deltas that go back through a product."""
        back = product.product.back
        return self.delta_rows.span(back[0], back[-1])

    def to_inputs(self, deltas: Array) -> Array:
        """Return ∂/∂x = W_xᵀ δ of deltas (…, rows, B), over all products: (…, D, B)."""
        first, *others = self.weights.products
        found: Array = np.matmul(first.back_x, deltas[..., self.returning(first), :])
        for product in others:
            found += np.matmul(product.back_x, deltas[..., self.returning(product), :])
        return found

    def carry_row(self, t: int) -> Array:
        """Return the row of deltas that holds what step t hands to the step before.

        The first step of a chunk, and row T, hand on through the extra row at the end.
        """
        row: Array = self.deltas[-1 if t == self.length or t % CHUNK == 0 else t % CHUNK]
        return row

    def _adjoint_views(self, t: int) -> tuple[Array, ...]:
        incoming = BlockViews(
            (Rows({self.cell.output: self.weights.hidden}), self.adjoints[t + 1]),
            (self.delta_rows, self.carry_row(t + 1)),
        )
        own = BlockViews((self.delta_rows, self.deltas[t % CHUNK]))
        return self.cell.adjoint_views(incoming, own)

    def linearize(self, start: int, stop: int, slopes: Array) -> None:
        """Fill the first rows of `slopes` with the local derivatives of steps start … stop − 1."""
        filled = BlockViews((self.slope_rows, slopes[: stop - start]))
        self.cell.linearize(*self._chunk(start, stop), filled)

    def linearize_chunk(self, start: int, stop: int) -> None:
        """Fill this tape's own slopes for one of its chunks."""
        steps = stop - start
        filled = self._filled.get(steps)
        if filled is None:
            filled = self._filled[steps] = BlockViews((self.slope_rows, self.slopes[:steps]))
        self.cell.linearize(*self._chunk(start, stop), filled)

    def _chunk(self, start: int, stop: int) -> tuple[BlockViews, BlockViews]:
        """Return the blocks of the rows of a chunk and of those after; made once."""
        views = self._chunk_views.get((start, stop))
        if views is None:
            views = self.now(slice(start, stop)), self.now(slice(start + 1, stop + 1))
            self._chunk_views[start, stop] = views
        return views

    def chunks(self, top: int) -> Sequence[tuple[int, int]]:
        """Return the (start, stop) of every chunk below row `top`, last first."""
        starts = range((top - 1) // CHUNK * CHUNK, -1, -CHUNK)
        return [(start, min(start + CHUNK, top)) for start in starts]
