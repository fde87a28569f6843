"""Which share of units is saturated at each step, as φ alone tells: no slope is made for that.

A sweep forward that somebody is going to look at counts on its way, while the states lie in the
cache: a pass of its own over all steps costs several times as much.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

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

FEW_WORDS = 2
"""Of a step, whose bytes are added up at once."""

NOBODY_ASKS = np.empty(0)


class Stretch(NamedTuple):
    """Views of some steps that are counted together.

    Attributes:
        values: φ, (n, H·B).
        beyond: Where it is beyond a bound, in the bytes of `words`, (n, H·B).
        above: Room for the same of the upper bound alone.
        words: (n, groups, words), zero beyond the last value of a step.
        shares: Where the shares go, (n,).
    """

    values: Array
    beyond: NDArray[np.bool_]
    above: NDArray[np.bool_]
    words: NDArray[np.uint64]
    shares: Array


class SaturatedUnits:
    """Counts the units and samples of one layer whose φ lies where φ′ is small.

    Attributes:
        wanted: Whether the next sweeps forward count on their way.
    """

    def __init__(self, tape: "LayerTape") -> None:
        """Count those of this tape."""
        self._tape, self._count_of_a_step = tape, tape.weights.hidden * tape.batch
        self.wanted = self._counted = False
        self._shares = np.empty(tape.length)
        self._at_once = max(1, COUNTED_AT_ONCE // self._count_of_a_step)
        self._stretches: dict[int, Stretch] = {}

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
        """Where compiled steps write shares, (T,); nothing, (0,), where nobody asks."""
        return self._shares if self._counted else NOBODY_ASKS

    def calls_after(self, step: int) -> list[Call]:
        """Return what counts the steps since the last count, where it is time for that."""
        stop = step + 1
        if stop % self._at_once and stop < self._tape.length:
            return []
        return [(self._count_on_the_way, (step // self._at_once * self._at_once,))]

    def _count_on_the_way(self, start: int) -> None:
        if self._counted:
            self._count(start)

    @property
    def shares(self) -> Array:
        """The share of units and samples at every step, (T,); NaN where a φ is."""
        if not self._counted:
            loops = self._tape.compiled
            if loops is not None:
                loops.shares_outside(*self.bounds, self._shares)
            else:
                for start in range(0, self._tape.length, self._at_once):
                    self._count(start)
        return self._shares

    @cached_property
    def _values(self) -> Array:
        """φ of every step, (T, H·B)."""
        values, rows = self._tape.holding(self._tape.cell.candidate)
        return values[:, rows].reshape(self._tape.length, -1)

    @cached_property
    def _truths(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Room for truth values: `words` and `above` of a stretch."""
        steps, count = min(self._at_once, self._tape.length), self._count_of_a_step
        groups = -(-count // (WORD * MOST))
        words = np.zeros((steps, groups, -(-count // (WORD * groups))), np.uint64)
        return words, np.empty((steps, count), np.bool_)

    def _stretch(self, start: int) -> Stretch:
        """Return the views of the steps from `start` on that are counted together; made once."""
        if start not in self._stretches:
            steps = slice(start, min(start + self._at_once, self._tape.length))
            values, (words, above) = self._values[steps], self._truths
            words, above = words[: len(values)], above[: len(values)]
            beyond = words.view(np.bool_).reshape(len(values), -1)[:, : self._count_of_a_step]
            self._stretches[start] = Stretch(values, beyond, above, words, self._shares[steps])
        return self._stretches[start]

    @cached_property
    def _edges(self) -> tuple[Array, Array | None]:
        """The bounds as NumPy compares with them soonest; no upper one where it is infinite."""
        low, high = (np.array(bound, self._tape.dtype) for bound in self.bounds)
        return low, high if np.isfinite(high) else None

    def _count(self, start: int) -> None:
        """Take the shares of a stretch; NaN where a φ is."""
        if self._count_of_a_step <= SHORT_BUFFER:  # then it would change nothing
            self._take(self._stretch(start))
            return
        with np.errstate():
            np.setbufsize(SHORT_BUFFER)
            self._take(self._stretch(start))

    def _take(self, stretch: Stretch) -> None:
        values, beyond, above, words, shares = stretch
        low, high = self._edges
        np.less(values, low, beyond)
        if high is not None:
            np.greater(values, high, above)
            np.bitwise_or(beyond, above, beyond)
        # Bytes add up several times as fast as truth values, and words as eight bytes.
        sums = np.add.reduce(words, 2) if words.shape[2] > FEW_WORDS else words
        bytes_ = sums.view(np.uint8).reshape(len(values), -1)
        np.add.reduce(bytes_, axis=1, dtype=np.float64, out=shares)
        np.divide(shares, self._count_of_a_step, shares)
        # Where a φ is no number, no φ of its sample is at the steps after it.
        if np.isnan(np.maximum.reduce(values[-1])):
            shares[np.isnan(values).any(axis=1)] = np.nan


def saturated_shares(tapes: Sequence["LayerTape"]) -> Array:
    """Return the share of saturated units and samples of layers in the order of time, (S, T)."""
    return np.array([tape.in_time(tape.saturated.shares) for tape in tapes])
