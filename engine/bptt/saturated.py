"""How many units are saturated at each step, as φ alone tells: no slope is made for that.

A sweep forward that somebody is going to look at counts on its way, while the states lie in the
cache: a pass of its own over all steps costs several times as much.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.activations.base import steep_values
from engine.arrays import Array
from engine.bptt.blocks import SHORT_BUFFER, Call

if TYPE_CHECKING:
    from engine.bptt.tape import LayerTape

COUNTED_AT_ONCE = 2**17
"""Values that are compared at once: few enough to lie in the second-level cache still."""

WORD, MOST = 8, 255
"""Truth values that are added up at once, as the bytes of a word, and how many a byte can hold."""

NOBODY_ASKS = np.empty(0)


class SaturatedUnits:
    """Counts the units and samples of one layer whose φ lies where φ′ is small.

    Attributes:
        wanted: Whether the next sweeps forward count on their way.
    """

    def __init__(self, tape: "LayerTape") -> None:
        """Count those of this tape."""
        self._tape = tape
        self.wanted = self._counted = False
        self._found = np.empty(tape.length)
        self._at_once = max(1, COUNTED_AT_ONCE // (tape.weights.hidden * tape.batch))

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest φ of a unit that is not saturated."""
        activation = self._tape.cell.activation
        return steep_values(activation, activation.saturated_below, self._tape.dtype)

    def start(self) -> None:
        """Begin a sweep forward."""
        self._counted = self.wanted

    @property
    def room(self) -> Array:
        """Where compiled steps write what they count, (T,); nothing, (0,), where nobody asks."""
        return self._found if self._counted else NOBODY_ASKS

    def calls_after(self, step: int) -> list[Call]:
        """Return what counts the steps since the last count, where it is time for that."""
        stop = step + 1
        if stop % self._at_once and stop < self._tape.length:
            return []
        return [(self._count_on_the_way, (step // self._at_once * self._at_once, stop))]

    def _count_on_the_way(self, start: int, stop: int) -> None:
        if self._counted:
            self._count(start, stop)

    def share(self) -> Array:
        """Return the share of units and samples at every step, (T,); NaN where a φ is."""
        tape = self._tape
        if not self._counted:
            loops = tape.compiled
            if loops is not None:
                loops.count_outside(*self.bounds, self._found)
            else:
                for start in range(0, tape.length, self._at_once):
                    self._count(start, min(start + self._at_once, tape.length))
        return self._found / (tape.weights.hidden * tape.batch)

    @cached_property
    def _values(self) -> Array:
        """φ of every step, (T, H·B)."""
        values, rows = self._tape.holding(self._tape.cell.candidate)
        return values[:, rows].reshape(self._tape.length, -1)

    @cached_property
    def _words(self) -> NDArray[np.uint64]:
        """Room for truth values, (steps, groups, words), zero beyond the last of a step."""
        steps, count = min(self._at_once, self._tape.length), self._values.shape[1]
        groups = -(-count // (WORD * MOST))
        return np.zeros((steps, groups, -(-count // (WORD * groups))), np.uint64)

    @cached_property
    def _beyond(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Those truth values by step, (steps, H·B), and room for others."""
        steps, count = len(self._words), self._values.shape[1]
        return self._words.view(np.bool_).reshape(steps, -1)[:, :count], np.empty(
            (steps, count), np.bool_
        )

    def _count(self, start: int, stop: int) -> None:
        """Count what is less or greater than the bounds; NaN where a φ is."""
        values, out = self._values[start:stop], self._found[start:stop]
        beyond, above = (each[: len(values)] for each in self._beyond)
        low, high = self.bounds
        with np.errstate():
            np.setbufsize(SHORT_BUFFER)
            np.less(values, low, beyond)
            if high < np.inf:
                np.greater(values, high, above)
                np.bitwise_or(beyond, above, beyond)
        # Bytes add up several times as fast as truth values, and words as eight bytes.
        sums = np.add.reduce(self._words[: len(values)], axis=2)
        np.add.reduce(sums.view(np.uint8), axis=1, dtype=np.float64, out=out)
        if np.isnan(np.maximum.reduce(values, axis=None)):
            np.copyto(out, np.nan, where=np.isnan(values).any(axis=1))


def saturated_shares(tapes: Sequence["LayerTape"]) -> Array:
    """Return the share of saturated units and samples of layers in the order of time, (S, T)."""
    return np.array([tape.in_time(tape.saturated.share()) for tape in tapes])
