"""What is added to the adjoint of an output beside what the step after it returns.

Two things arrive at a state row: a source's, and, where a later step reads the output of `lag`
steps before, what that step returned. It was stored with the exponents of the sweep at that
step; between two such reads an adjoint may fall by more than its numbers can show, so each
arrival keeps an exponent of its own.
"""

from collections.abc import Sequence

import numpy as np

from engine.arrays import IntArray
from engine.bptt.exponents import JOIN_ABOVE, NONE, Scaled, scaled_near_one
from engine.bptt.sources import Arriving, Source
from engine.bptt.tape import LayerTape


class Arrivals:
    """The arrivals at one layer's rows.

    Attributes:
        exponents: E that each step's returns are stored with, (T, B).
    """

    def __init__(self, tape: LayerTape) -> None:
        """Find the blocks that return to earlier rows."""
        self._tape, self._delayed = tape, tape.way_back.delayed
        self.exponents = np.zeros((tape.reach, tape.batch), np.int32)
        self._where = np.full(tape.length + 1, -1, np.intp)

    def start(self, source: Source, top: int, end: int) -> None:
        """Begin with steps below row `top`; those up to `end` return nothing."""
        self._source, self._top = source, top
        self.exponents[top:end] = 0
        for blocks, _ in self._delayed:
            self._tape.adjoints[top:end, blocks] = 0

    def go_on(self, later: "Arrivals", source: Source) -> None:
        """Begin below what `later` has swept: its first steps return to rows before them."""
        T = self._tape.length
        self._source, self._top = source, later._top + T
        self.exponents[T:] = later.exponents[: self._tape.reach - T]

    def between(self, start: int, stop: int) -> Sequence[int]:
        """Return the rows start + 1 … stop − 1 at which anything arrives, last first."""
        if not self._delayed:
            return self._source.between(start, stop)
        rows = range(stop - 1, start, -1)
        return [t for t in rows if self._source.rows[t] is not None or any(self._steps(t))]

    def at(self, t: int, known: int = 0) -> list[Scaled]:
        """Return what arrives at row t, (H, B) each, in the order in which it is added.

        Args:
            t: The row.
            known: The first step that has been swept.
        """
        found: list[Scaled] = []
        if not self.between(t - 1, t + 1):
            return found
        for (blocks, _), step in zip(self._delayed, self._steps(t), strict=True):
            if step and step >= known:
                block = self._tape.adjoints[step, blocks]
                found.append(scaled_near_one(block, self.exponents[step]))
        row = self._source.at(t)
        if row is not None:
            found.append(Scaled(row, self._source.exponents_at(t)))
        return found

    def outweighs(self, start: int, stop: int, exponents: IntArray) -> int:
        """Return the last row below `stop` at which an arrival outweighs a sweep, or `start`.

        Args:
            start: The first row.
            stop: The row after the last; from here on steps have been swept.
            exponents: E of the sweep, (B,).
        """
        between, bound = self.between(start, stop), exponents + JOIN_ABOVE
        if between and not self._delayed:
            rows, (_, theirs) = self._source.between_scaled(start, stop)
            hits = rows[np.any((theirs != NONE) & (theirs > bound), axis=1)]
            return int(hits[-1]) if len(hits) else start
        for t in between:
            for _, theirs in self.at(t, known=stop):
                if np.any((theirs != NONE) & (theirs > bound)):
                    return t
        return start

    def stored_with(self, start: int, stop: int, exponents: IntArray) -> Arriving | None:
        """Return what arrives at rows start + 1 … stop − 1, stored with `exponents`, (B,).

        Returns:
            It lasts until the next call; None where later steps return to earlier outputs, too.
        """
        if self._delayed:
            return None
        rows, scaled = self._source.between_scaled(start, stop)
        self._where.fill(-1)
        self._where[rows] = np.arange(len(rows))
        return Arriving(scaled.at(exponents), self._where)

    def pending(self, t: int) -> bool:
        """Tell whether what is still to arrive below row t is stored with exponents."""
        return any(np.any(self.exponents[t : t + lag - 1]) for _, lag in self._delayed)

    def initial(self, back: int) -> Scaled:
        """Return the adjoint of the output `back` ≥ 1 steps before the initial one, (H, B)."""
        found = Scaled(np.zeros_like(self._tape.outputs[0]), np.zeros_like(self.exponents[0]))
        for blocks, lag in self._delayed:
            step = lag - 1 - back  # the only step that reads it
            if 0 <= step < self._tape.end_of(0):
                found = Scaled(self._tape.adjoints[step, blocks], self.exponents[step])
        return found

    def _steps(self, t: int) -> list[int]:
        """Return the step that each delayed block comes from; 0 where there is none."""
        end = min(self._top, self._tape.end_of(t))
        return [t + lag - 1 if t + lag - 1 < end else 0 for _, lag in self._delayed]
