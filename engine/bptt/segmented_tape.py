"""A layer's tape for one segment of the sequence at a time.

On the way forward the states before every segment are kept and the rest is written over. On the
way back a segment is unrolled once more from there, to the same bits. The last segment has a tape
of its own, since nothing comes after it; it and the one before it are still there when the way
back begins, so that the price is less than one forward sweep.
"""

import numpy as np
from numpy.typing import DTypeLike

from engine.arrays import Array, IntArray
from engine.bptt.segments import Segments
from engine.bptt.tape import LayerTape
from engine.bptt.unroll import go_on, states_after, unroll
from engine.bptt.weights import LayerWeights


class SegmentedTape:
    """One layer's memory.

    Attributes:
        segments: Where the sequence is cut.
        outputs: Of the state rows that are asked for, (n+1, H, B), from row 1 on.
    """

    def __init__(
        self,
        weights: LayerWeights,
        length: int,
        batch: int,
        dtype: DTypeLike,
        window: int | None = None,
    ) -> None:
        """Allocate and bind; as for a whole tape."""
        furthest = max(weights.cell.lags.values(), default=1)
        self.segments = cut = Segments.of(length, furthest=max(1, furthest), window=window)
        beyond = 0 if window else cut.furthest - 1
        first, stop = cut.bounds(cut.count - 1)
        self._last = LayerTape(weights, stop - first, batch, dtype, window)
        self._body = LayerTape(weights, cut.steps, batch, dtype, window, beyond)
        self.on_tape = {self._last: -1, self._body: -1}
        self._after = states_after(self._body)
        self._kept = {
            name: np.zeros((cut.count - 1, *value.shape), dtype)
            for name, value in self._after.items()
        }
        self.outputs = np.zeros((1, weights.hidden, batch), dtype)

    def tape_of(self, number: int) -> LayerTape:
        """Return the tape that a segment is unrolled on."""
        return self._last if number == self.segments.count - 1 else self._body

    def unroll(self, xs: Array, rows: IntArray) -> None:
        """Run all steps from zero states.

        Args:
            xs: What the layer reads, in its own order, (T, D, B); it has to stay as it is.
            rows: State rows (1 … T) whose outputs are kept, ascending.
        """
        self._xs = xs
        if len(self.outputs) != len(rows) + 1:
            self.outputs = np.zeros((len(rows) + 1, *self.outputs.shape[1:]), self.outputs.dtype)
        for number in range(self.segments.count):
            start, stop = self.segments.bounds(number)
            tape = self._run(number)
            first, last = np.searchsorted(rows, (start + 1, stop + 1))
            self.outputs[first + 1 : last + 1] = tape.outputs[rows[first:last] - start]
            if number < self.segments.count - 1:
                for name, value in self._after.items():
                    self._kept[name][number] = value

    def recall(self, number: int) -> LayerTape:
        """Return the tape with a segment's steps on it; they are run again where they are gone."""
        tape = self.tape_of(number)
        return tape if self.on_tape[tape] == number else self._run(number)

    def _run(self, number: int) -> LayerTape:
        tape, (start, stop) = self.tape_of(number), self.segments.bounds(number)
        self.on_tape[tape] = number
        if number:
            before = {name: kept[number - 1] for name, kept in self._kept.items()}
            go_on(tape, before, self._xs[start:stop])
        else:
            unroll(tape, self._xs[start:stop], {})
        return tape
