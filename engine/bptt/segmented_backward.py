"""The backward sweep of one layer whose tape holds a segment at a time, last segment first.

It is the sweep of a whole tape, cut where nothing is decided: a segment goes on from the row that
the one after it has left, with its exponents, what it carries, and what its first steps returned
to outputs before them. Norms are kept of all rows, adjoints of one segment.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.backward import LayerBackward
from engine.bptt.entrywise import EntryAdjoints
from engine.bptt.segmented_tape import SegmentedTape
from engine.bptt.sources import DenseSource, Source
from engine.bptt.tape import CHUNK
from engine.bptt.weight_gradients import GradientsOf, WeightGradients

Norms = tuple[Array, IntArray]


class SegmentedBackward:
    """Sweeps one layer back, again and again, in the same memory."""

    def __init__(self, tape: SegmentedTape, gradients: GradientsOf = WeightGradients) -> None:
        """Bind the way back of its tapes and allocate."""
        self._tape, self._cut = tape, tape.segments
        self._backs = {each: LayerBackward(each, gradients) for each in tape.on_tape}
        batch = self._back_of(0).tape.batch
        shape = self._cut.length, batch
        self._squares: Array = np.zeros(shape, tape.outputs.dtype)
        self._exponents: IntArray = np.zeros(shape, np.int32)

    def _back_of(self, number: int) -> LayerBackward:
        return self._backs[self._tape.tape_of(number)]

    def run(
        self, source: Source, below: DenseSource | None, final: Mapping[str, Array] | None = None
    ) -> None:
        """Sweep back and add to the gradients of this layer's weights.

        Args:
            source: What arrives at the outputs.
            below: Takes ∂/∂x_t: row t + 1 is that of step t. None where nobody asks.
            final: Injected adjoints of the states at row T, by name, (H, B).
        """
        self._source, self._final = source, final or {}
        self._back_of(0).gradients.clear()
        self._squares.fill(0)
        self._exponents.fill(0)
        later: LayerBackward | None = None
        for number, start, stop in self._last_first():
            injected = self._final if stop == self._cut.length else {}
            part = source.part(start, stop)
            if later is None and not injected and not part.between(0, stop - start + 1):
                continue
            handed = None if below is None else below.part(start, stop)
            self._tape.recall(number)
            back = self._back_of(number)
            if later is None or self._cut.truncated:
                back.span = later.span if later else CHUNK
                back.begin(part, handed, injected)
            else:
                back.go_on(later, part, handed)
            if not back.tape.cell.gain:
                self._squares[start:stop], self._exponents[start:stop] = back.squared_norms()
            later = back

    def squared_norms(self) -> Norms:
        """Return ‖dℓ/dh_t‖² as stored, with the exponents of the norms, (T, B), t = 1 … T.

        Where units never mix, their adjoints are made when asked for, as on a whole tape: here at
        the price of one more forward sweep.
        """
        if not self._back_of(0).tape.cell.gain:
            return self._squares, self._exponents
        squares = np.zeros(self._squares.shape)
        exponents = np.zeros_like(self._exponents)
        later: EntryAdjoints | None = None
        for number, start, stop in self._last_first():
            injected = self._final if stop == self._cut.length else {}
            part = self._source.part(start, stop)
            tape = self._tape.recall(number)
            later = EntryAdjoints(tape, part, injected, None if self._cut.truncated else later)
            squares[start:stop], exponents[start:stop] = later.squared_norms()
            later.onward  # noqa: B018  (made while the tape holds the segment)
        return squares, exponents

    def _last_first(self) -> Iterator[tuple[int, int, int]]:
        for number in range(self._cut.count - 1, -1, -1):
            yield number, *self._cut.bounds(number)
