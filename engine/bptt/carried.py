"""What is carried from step to step beside the products, kept for all t where asked.

A cell's carries are blocks of its deltas, and the sweep holds deltas for one chunk. The block of
a state that no product reads (c of an LSTM) is the whole of that state's adjoint. Of a cell
without carries the norms of its deltas are kept: the one path back leads through them.
"""

from typing import TYPE_CHECKING

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.tape import CHUNK, LayerTape

if TYPE_CHECKING:
    from engine.compiled.arguments import Kept


class CarriedRows:
    """The carries of one layer's sweep.

    Attributes:
        wanted: Whether the next sweeps keep them: that costs a copy of each.
        kept: Whether the last sweep kept them.
        rows: By name (T+1, H, B); row t is what step t handed to state row t, row T what was put
            in there. Of the last sweep that kept them.
        squares: ‖row‖² by name, as stored, (T+1, B).
        exponents: E of the rows, (T+1, B).
        delta_squares: ‖δ_t‖² of a cell with one path, stored with `exponents` of row t, (T, B);
            None for others.
    """

    def __init__(self, tape: LayerTape) -> None:
        """Keep the carries of this tape's cell."""
        self._tape = tape
        self.wanted = self.kept = False
        self.rows: dict[str, Array] = {}
        self.squares: dict[str, Array] = {}
        self.exponents = np.zeros((tape.length + 1, tape.batch), np.int32)
        self._path = one_path(tape)
        self.delta_squares: Array | None = None
        block = np.zeros((0, tape.weights.hidden, tape.batch), tape.dtype)
        row, exponents = np.zeros((0, tape.batch), tape.dtype), self.exponents[:0]
        self._nothing: Kept = block, row, exponents, row, (0, 0), (0, 0)

    def start(self, top: int, end: int, exponents: IntArray) -> None:
        """Start a sweep from row `top`, whose carries are set and stored with `exponents`.

        Rows after it, up to `end`, have none.
        """
        self.kept = self.wanted
        if not self.kept:
            return
        tape = self._tape
        shape = (tape.length + 1, tape.weights.hidden, tape.batch)
        for name in tape.cell.carries:
            if name not in self.rows:
                self.rows[name] = aligned_zeros(shape, tape.dtype)
                self.squares[name] = aligned_zeros(shape[::2], tape.dtype)
            self.rows[name][top : end + 1] = self.squares[name][top : end + 1] = 0
        for name, span in tape.way_back.carried.items():
            row = slice(top, top + 1)
            self.rows[name][row] = tape.carry_row(top)[span]
            tape.squared_norms(self.rows[name][row], self.squares[name][row])
        self.exponents[top : end + 1] = exponents
        if self._path is not None:
            if self.delta_squares is None:
                self.delta_squares = aligned_zeros((tape.length, tape.batch), tape.dtype)
            self.delta_squares[top:end] = 0

    @property
    def rooms(self) -> "Kept":
        """Where compiled loops write what this keeps of a cell with one carry at most."""
        if not self.kept:
            return self._nothing
        rows, squares, _, of_path, block, path = self._nothing
        for name in self.rows:
            span = self._tape.delta_rows.span(name)
            rows, squares, block = self.rows[name], self.squares[name], (span.start, span.stop)
        if self._path is not None and self.delta_squares is not None:
            of_path, path = self.delta_squares, (self._path.start, self._path.stop)
        return rows, squares, self.exponents, of_path, block, path

    def keep(self, start: int, stop: int, exponents: IntArray | int) -> None:
        """Copy the carries of steps start … stop − 1, which lie in one chunk."""
        if not self.kept:
            return
        first, tape = start % CHUNK, self._tape
        deltas = tape.deltas[first : first + stop - start]
        for name, kept in self.rows.items():
            own = kept[start:stop]
            own[...] = tape.delta_rows.view(deltas, name)
            # Of the copy, whose rows follow each other: that is several times as fast.
            tape.squared_norms(own, self.squares[name][start:stop])
        self.exponents[start:stop] = exponents
        if self._path is not None and self.delta_squares is not None:
            tape.squared_norms(deltas[:, self._path], self.delta_squares[start:stop])


def one_path(tape: LayerTape) -> slice | None:
    """Return the rows of the deltas that a state reaches the next through alone, if it does."""
    cell = tape.cell
    if cell.state_delta is not None or cell.state_names != cell.states:
        return None
    if cell.fed_back_by is not None:
        return tape.delta_rows.span(cell.diagonals[cell.fed_back_by].delta)
    if cell.carries:
        return None
    return tape.way_back.through(next(p for p in tape.weights.products if p.product.states_read))
