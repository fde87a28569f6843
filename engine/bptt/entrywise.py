"""dℓ/dh of cells whose units never mix on the way back, with an exponent for every entry.

With g the gain of a unit's own path through one step, and what arrives from outside:

    λ_t = g_t ⊙ λ_{t+1} + arriving_t, and g̅ for a complex state     (1)

Units drift apart without limit, so each entry is stored as value · 2^E with an E of its own, the
gains too: nothing underflows at any length, and an exact zero is a path that is closed.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, NONE, log10_mean_norms
from engine.bptt.multiply import multiply
from engine.bptt.sources import Source
from engine.bptt.tape import LayerTape


class EntryAdjoints:
    """The adjoints of one layer's states of the sweep that was made last, made when asked for."""

    def __init__(
        self,
        tape: LayerTape,
        source: Source,
        final: Mapping[str, Array],
        later: "EntryAdjoints | None" = None,
    ) -> None:
        """Read a tape that was swept.

        Args:
            tape: Of a cell whose `gain` is known.
            source: What arrived at the outputs.
            final: Injected adjoints of the states at row T, by name, (H, B).
            later: Those of the steps right after this tape's, where there are some.
        """
        self._tape, self._source, self._final, self._later = tape, source, final, later
        self._parts = len(tape.cell.gain)

    @property
    def values(self) -> Array:
        """Stored dℓ/dh_t up to the loss's scale, (T, H, B), of two parts (T, 2H, B), float64."""
        T, B = self._tape.length, self._tape.batch
        return self._stored[0].reshape(T, -1, B)

    @property
    def exponents(self) -> IntArray:
        """E of every entry, (T, H, B), or (T, 2H, B)."""
        return np.tile(self._stored[1], (1, self._parts, 1))

    def squared_norms(self) -> tuple[Array, IntArray]:
        """Return ‖dℓ/dh_t‖² as stored, and the exponents they are stored with, (T, B) each."""
        return self._of_rows

    def log10_unit_means(self) -> Array:
        """Return log10 of the mean over samples of |dℓ/dh_{t,i}|, (T, H); −inf is exactly zero."""
        return log10_mean_norms(self._squares, self._stored[1])

    @property
    def onward(self) -> tuple[Array, IntArray]:
        """What goes on to the steps before the first, (parts, H, B) and (H, B)."""
        self._stored  # noqa: B018  (leaves it)
        return self._onward

    @cached_property
    def _squares(self) -> Array:
        squares: Array = np.square(self._stored[0]).sum(axis=1)
        return squares

    @cached_property
    def _of_rows(self) -> tuple[Array, IntArray]:
        """Squared norms over the units, and the exponents they are stored with, (T, B) each."""
        known = np.where(self._squares == 0, NONE, self._stored[1])
        largest = known.max(axis=1)
        moves = np.maximum(2 * (known - largest[:, None]), -LARGEST_SHIFT)
        return np.ldexp(self._squares, moves).sum(axis=1), largest

    @cached_property
    def _stored(self) -> tuple[Array, IntArray]:
        """Values (T, parts, H, B) and exponents (T, H, B)."""
        tape, H = self._tape, self._tape.weights.hidden
        values = np.zeros((tape.length, self._parts, H, tape.batch))
        exponents = np.full((tape.length, H, tape.batch), NONE, np.int32)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for bottom, end in tape.windows():
                self._sweep(bottom, end, values, exponents)
        return values, exponents

    def _sweep(self, bottom: int, end: int, values: Array, exponents: IntArray) -> None:
        """Fill the rows bottom + 1 … end, between which nothing is cut."""
        value, exponent = self._last(end)
        for first, stop in self._tape.chunks(bottom, end):
            gains, of_gains = self._gains(first, stop)
            for t in range(stop, first, -1):
                value, exponent = self._join(t, value, exponent)
                values[t - 1], exponents[t - 1] = value, exponent
                gain = gains[t - 1 - first]
                value, exponent = self._through(gain, value), exponent + of_gains[t - 1 - first]
            # Mantissas of gains are at least ½: over a chunk no value falls far from 1.
            value, exponent = near_one(value, exponent)
        self._onward = value, exponent

    def _last(self, end: int) -> tuple[Array, IntArray]:
        """Return what goes on from above row `end`: nothing but what comes to row T."""
        tape = self._tape
        if end == tape.length and self._later is not None:
            return self._later.onward
        shape = self._parts, tape.weights.hidden, tape.batch
        value = np.zeros(shape)
        if end == tape.length:
            for part, name in enumerate(tape.cell.states):
                value[part] = self._final.get(name, 0)
        return near_one(value, np.zeros(shape[1:], np.int32))

    def _gains(self, first: int, stop: int) -> tuple[Array, IntArray]:
        """Return the gains that lead from rows first + 1 … stop to the rows before them.

        That of row t is of step t − 1, which made it: (n, parts, H, B) with the larger part near
        1, and the exponents taken out, (n, H, B).
        """
        tape = self._tape
        slopes = np.zeros((stop - first, tape.slope_rows.total, tape.batch), tape.dtype)
        tape.linearize(first, stop, slopes)
        found = [tape.slope_rows.view(slopes, name) for name in tape.cell.gain]
        gains = np.stack(found, axis=1).astype(np.float64)
        _, exponents = np.frexp(np.abs(gains).max(axis=1))
        return np.ldexp(gains, -exponents[:, None]), exponents.astype(np.int32)

    def _through(self, gain: Array, value: Array) -> Array:
        """Return g ⊙ λ, or g̅ ⊙ λ of two parts."""
        if self._parts == 1:
            product: Array = gain * value
            return product
        (a, b), (re, im) = gain, value
        return np.stack([a * re + b * im, a * im - b * re])

    def _join(self, t: int, value: Array, exponent: IntArray) -> tuple[Array, IntArray]:
        """Return (1) from what came through step t."""
        row = self._source.rows[t]
        if row is None:
            return value, exponent
        arriving = self._to_states(row.astype(np.float64))
        theirs = np.broadcast_to(self._source.exponents_at(t), exponent.shape)
        larger = np.maximum(exponent, theirs)
        value = np.ldexp(value, np.maximum(exponent - larger, -LARGEST_SHIFT))
        value = value + np.ldexp(arriving, np.maximum(theirs - larger, -LARGEST_SHIFT))
        return near_one(value, larger)

    def _to_states(self, row: Array) -> Array:
        """Return what arrives at the output as adjoints of the states, (parts, H, B)."""
        tape = self._tape
        last = [p for p in tape.weights.products if p.product.at_end]
        if not last:
            return row[None]
        signs = np.array(tape.cell.read_signs)[:, None, None]
        returned = multiply(last[0].back_states.astype(np.float64), row)
        states: Array = returned.reshape(self._parts, -1, tape.batch) * signs
        return states


def entry_adjoints(
    tape: LayerTape, source: Source, final: Mapping[str, Array] | None
) -> EntryAdjoints | None:
    """Return those of a sweep, or None where the cell's units mix."""
    return EntryAdjoints(tape, source, final or {}) if tape.cell.gain else None


def near_one(value: Array, exponent: IntArray) -> tuple[Array, IntArray]:
    """Bring the larger part of every entry, (parts, H, B), near 1; exact zeros have E = NONE."""
    largest = np.abs(value).max(axis=0)
    _, own = np.frexp(largest)
    own = np.where(np.isfinite(largest), own, 0)
    moved: Array = np.ldexp(value, -own)
    return moved, np.where(largest == 0, NONE, exponent + own).astype(np.int32)
