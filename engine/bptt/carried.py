"""What is carried from step to step beside the products, kept for all t where asked.

A cell's carries are blocks of its deltas, and the sweep holds deltas for one chunk. The block of
a state that no product reads (c of an LSTM) is the whole of that state's adjoint.
"""

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.tape import CHUNK, LayerTape


class CarriedRows:
    """The carries of one layer's sweep.

    Attributes:
        wanted: Whether the next sweeps keep them: that costs a copy of each.
        kept: Whether the last sweep kept them.
        rows: By name (T+1, H, B); row t is what step t handed to state row t, row T what was put
            in there. Of the last sweep that kept them.
        exponents: E of the rows, (T+1, B).
    """

    def __init__(self, tape: LayerTape) -> None:
        """Keep the carries of this tape's cell."""
        self._tape = tape
        self.wanted = self.kept = False
        self.rows: dict[str, Array] = {}
        self.exponents = np.zeros((tape.length + 1, tape.batch), np.int32)

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
            self.rows[name][top : end + 1] = 0
        for name, span in tape.way_back.carried.items():
            self.rows[name][top] = tape.carry_row(top)[span]
        self.exponents[top : end + 1] = exponents

    def keep(self, start: int, stop: int, exponents: IntArray | int) -> None:
        """Copy the carries of steps start … stop − 1, which lie in one chunk."""
        if not self.kept:
            return
        first, tape = start % CHUNK, self._tape
        deltas = tape.deltas[first : first + stop - start]
        for name, kept in self.rows.items():
            kept[start:stop] = tape.delta_rows.view(deltas, name)
        self.exponents[start:stop] = exponents
