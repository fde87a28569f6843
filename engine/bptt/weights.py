"""The weights of one layer: master copies in the flat vector, and copies laid out for speed.

Each product of a cell is one matrix, rows = its out blocks, columns = the blocks that it reads:
mostly [h, x, 1]. Public parameters are views of it, in PyTorch's names: W_x the columns x, W_h
those of the first block but x and 1, b the column 1; `matrices` of a cell are what it names.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from engine.arrays import Array
from engine.bptt.blocks import BlockViews, Rows
from engine.bptt.entries import Entry
from engine.bptt.mapped_weights import MappedWeights
from engine.bptt.multiply import ROWS_AND_SAMPLES, matrix_room
from engine.cells.base import Cell, Product

REVERSE = "_reverse"


class ProductWeights:
    """One product's matrix W, its gradient, and the copies that the sweeps multiply with.

    Attributes:
        product: What the cell declares.
        out_rows: Where each out block lies in W.
        W: (rows, K) view of the flat parameter vector; `gradient` likewise.
        fast: (rows, K) forward copy, rows of halved blocks times ½.
        back_states: (n·H, rows) contiguous Wᵀ of the n states it reads, in that order.
        back_x: (D, rows) contiguous W_xᵀ, no rows where it does not read x.
    """

    def __init__(self, cell: Cell, product: Product, inputs: int, hidden: int, bias: bool) -> None:
        """Lay out one product of a layer with D = `inputs` and H = `hidden`."""
        self.product = product
        self.out_rows = Rows(dict.fromkeys(product.out, hidden))
        heights = {"x": inputs, "one": 1}
        self.columns = Rows({name: heights.get(name, hidden) for name in product.reads})
        self.states = Rows(dict.fromkeys(product.states_read, hidden))
        self.shape = (self.out_rows.total, self.columns.total)
        self._halved = [self.out_rows.span(name) for name in product.out if name in cell.halved]
        self._closed = [
            (self.out_rows.span(out), self.columns.span(source)) for out, source in product.closed
        ]
        if not bias and "one" in self.columns:
            self._closed.append((slice(None), self.columns.span("one")))

    def bind(self, W: Array, gradient: Array, *, members_within: bool = False) -> None:
        """Take views of the flat vectors and make the copies; of an ensemble (rows, K, S)."""
        self.W, self.gradient = W, gradient
        self._of_members = W.ndim > ROWS_AND_SAMPLES
        self._copied = bool(self._halved) or self._of_members
        self.fast = matrix_room(self.shape, W, members_within) if self._copied else W
        turned = self.states.total, self.shape[0]
        self.back_states = matrix_room(turned, W, members_within)
        x = self.columns.span("x") if "x" in self.columns else slice(0)
        self.back_x = matrix_room((x.stop - (x.start or 0), self.shape[0]), W)
        self._turned = [(self.back_x, W[:, x].swapaxes(0, 1))]
        for name in self.product.states_read:
            self._turned.append(
                (
                    self.back_states[self.states.span(name)],
                    W[:, self.columns.span(name)].swapaxes(0, 1),
                )
            )

    def prepare(self) -> None:
        """Renew the copies from W."""
        if self._copied:
            np.copyto(self.fast, self.W)
            for rows in self._halved:
                self.fast[rows] *= 0.5
        for turned, part in self._turned:
            np.copyto(turned, part)

    def close(self, matrix: Array) -> None:
        """Set the entries that are no parameters to zero."""
        for rows, columns in self._closed:
            matrix[rows, columns] = 0


class LayerWeights:
    """All products of one layer and its public parameters.

    Attributes:
        is_compiled: Whether compiled loops may sweep it, where its cell has some.
    """

    is_compiled = True

    def __init__(self, cell: Cell, suffix: str, inputs: int, hidden: int, bias: bool) -> None:
        """Lay out the layer; `bind` gives it memory.

        Args:
            cell: The recurrent cell.
            suffix: What its parameters' names end with, as PyTorch has it: `_l0`, and `_l0_reverse`
                for one that reads the sequence backwards.
            inputs: D.
            hidden: H.
            bias: Whether it has biases.
        """
        self.cell, self.inputs, self.hidden, self.suffix = cell, inputs, hidden, suffix
        self.reverse = suffix.endswith(REVERSE)
        self.products = [ProductWeights(cell, p, inputs, hidden, bias) for p in cell.products]
        self.vector_rows = Rows(dict.fromkeys(cell.diagonals, hidden))
        self.derived_rows = Rows(dict.fromkeys(cell.derived, hidden))
        # Elementwise parameters are one column, after the products' matrices.
        self._shapes = [product.shape for product in self.products]
        self._shapes.append((self.vector_rows.total, 1))
        self.size = sum(rows * columns for rows, columns in self._shapes)
        self._recurrent = [
            self._find(cell.gate_rows(gate).h, None) for gate in cell.recurrent_gates
        ]
        self._mapped = (
            None if cell.weight_map is None else MappedWeights(cell.weight_map, self._recurrent)
        )
        self.entries = dict(self._public(suffix, bias))

    def matrices(self, stretch: Array) -> list[Array]:
        """Return the matrices that lie in this layer's stretch of a flat vector."""
        edges = np.cumsum([0, *(rows * columns for rows, columns in self._shapes)]).tolist()
        return [
            stretch[start:stop].reshape(shape)
            for shape, (start, stop) in zip(self._shapes, pairwise(edges), strict=True)
        ]

    def bind(self, flat: Array, gradient: Array) -> None:
        """Take this layer's stretch of the flat parameter and gradient vectors."""
        weights, gradients = self.matrices(flat), self.matrices(gradient)
        if self._mapped is not None:
            stored = weights, gradients
            weights, gradients = ([np.zeros_like(matrix) for matrix in each] for each in stored)
            self._mapped.bind(*stored, weights, gradients)
        self.weights = weights
        self.vectors, self.vector_gradient = weights[-1], gradients[-1]
        self.derived = np.zeros((self.derived_rows.total, 1), flat.dtype)
        parts = (self.vector_rows, self.vectors), (self.derived_rows, self.derived)
        self.vector_parts = parts
        for product, W, share in zip(self.products, weights, gradients, strict=False):
            product.bind(W, share)

    def prepare(self) -> None:
        """Renew what is derived from the parameters."""
        if self._mapped is not None:
            self._mapped.prepare()
        for product in self.products:
            product.prepare()
        if self.cell.derive is not None:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                self.cell.derive(BlockViews(*self.vector_parts))

    def finish_gradient(self) -> None:
        """Turn what a sweep has left into the gradient of the parameters, zero where none is."""
        for product in self.products:
            product.close(product.gradient)
        if self._mapped is not None:
            self._mapped.pull_back()

    def recurrent_blocks(self) -> dict[str, Array]:
        """Return W_h of each gate that has one, as the sweeps multiply with it, (H, H).

        What a cell multiplies its state with unit by unit is a diagonal matrix, added to the gate's
        W_h where there is one; by the parameter's own name where it belongs to no gate.
        """
        matrices = [entry.of(self.weights) for entry in self._recurrent]
        found = dict(zip(self.cell.recurrent_gates, matrices, strict=True))
        for name, diagonal in self.cell.diagonals.items():
            if diagonal.read != self.cell.output or diagonal.after:
                continue
            u = np.diag(self.vectors[self.vector_rows.span(name), 0])
            own = [gate for gate in self.cell.gates if self._delta_of(gate) == diagonal.delta]
            for key in own or [name]:
                found[key] = found[key] + u if key in found else u
        return found

    def effective(self, name: str) -> list[tuple[int, Entry | None]]:
        """Return the rectangles whose path terms make up a parameter, each with its block.

        Where W_h is a function of the parameter, these are of every gate's W_h.
        """
        if self._mapped is not None and name.startswith("weight_hh"):
            return [(0, entry) for entry in self._recurrent]
        return list(enumerate(self.entries.get(name, ())))

    def _delta_of(self, gate: str) -> str:
        """Return the block of the deltas that is δ at a gate."""
        block = self.cell.gate_rows(gate).x
        return next(p.back[p.out.index(block)] for p in self.cell.products if block in p.out)

    def _find(self, block: str, read: str | None) -> Entry:
        """Return where an out block meets what it reads, the first state where None."""
        for index, product in enumerate(self.products):
            if block in product.out_rows:
                columns = read or product.product.states_read[0]
                span = product.columns.span(columns)
                return Entry(
                    index,
                    product.out_rows.span(block),
                    span.start if columns == "one" else span,
                )
        raise KeyError(block)

    def _public(self, suffix: str, bias: bool) -> Iterable[tuple[str, list[Entry | None]]]:
        """Yield each public parameter with its rectangle for each gate, None for fixed zeros."""
        gates = [self.cell.gate_rows(gate) for gate in self.cell.gates]
        if gates:
            yield f"weight_ih{suffix}", [self._find(g.x, "x") for g in gates]
        # A function of a parameter has its parameter in the place of the first gate.
        stored = self._recurrent if self._mapped is None else self._recurrent[:1]
        if stored:
            yield f"weight_hh{suffix}", list(stored)
        for name, (out, read) in self.cell.matrices.items():
            yield f"{name}{suffix}", [self._find(out, read)]
        for name in self.cell.diagonals:
            yield f"{name}{suffix}", [Entry(len(self.products), self.vector_rows.span(name), 0)]
        if not bias or not gates:
            return
        yield f"bias_ih{suffix}", [self._find(g.b, "one") for g in gates]
        if any(g.second_bias for g in gates):
            yield (
                f"bias_hh{suffix}",
                [self._find(g.second_bias, "one") if g.second_bias else None for g in gates],
            )
