"""λ_t of the whole recurrent state, as a backward sweep leaves it.

The sweep leaves the adjoint of the output by state row, what is carried beside the products (see
carried.py), and, of earlier outputs that a state still holds, what later steps returned to them:
row t holds h_{t−j}, which step t − j + lag − 1 reads.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.backward import LayerBackward
from engine.bptt.exponents import (
    least_positive,
    log10_norms,
    near_one,
    shift,
)
from engine.bptt.state_step import Parts
from engine.bptt.tape import CHUNK

SAFE_SQUARES = 2.0**-90, 2.0**120
"""Sums of squares from which no float32 term that counts was lost."""

LN_2, LN_10 = float(np.log(2.0)), float(np.log(10.0))


class Stored(NamedTuple):
    """Adjoints stored as values · 2^exponents, (n, H, B) and (n, B)."""

    values: Array
    exponents: IntArray

    def at(self, exponents: IntArray) -> Array:
        """Return the values stored with other exponents."""
        if np.array_equal(exponents, self.exponents):
            return self.values
        moved = np.array(self.values)
        shift(moved, (self.exponents - exponents)[:, None, :])
        return moved

    def ln_norms(self) -> Array:
        """Return ln of the norms, (n, B), a stretch that stays in the cache at a time."""
        found = np.empty(self.exponents.shape)
        for start in range(0, len(found), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = ln_norms(self.values[part], self.exponents[part])
        return found


def ln_norms(values: Array, exponents: IntArray, squares: Array | None = None) -> Array:
    """Return ln ‖values · 2^exponents‖ over the last axis but one; −inf for exact zeros.

    Args:
        values: (…, rows, B).
        exponents: (…, B).
        squares: ‖values‖² where somebody has taken them, (…, B).
    """
    if squares is None:
        squares = np.einsum("...hb,...hb->...b", values, values)
    if _lost(squares, values):
        values, own = near_one(values, axis=-2)
        squares = np.einsum("...hb,...hb->...b", values, values)
        exponents = exponents + own
    with np.errstate(divide="ignore"):
        logs: Array = 0.5 * np.log(squares, dtype=np.float64)
    return logs + LN_2 * exponents.astype(np.float64)


def _lost(squares: Array, values: Array) -> bool:
    """Tell whether a sum of squares may have lost terms that count."""
    low, high = SAFE_SQUARES
    if least_positive(squares) < low or not squares.max(initial=0) < high:
        return True
    zero = squares == 0
    return bool(np.any(values.swapaxes(-1, -2)[zero])) if zero.any() else False


def joined(logs: list[Array]) -> Array:
    """Return ln of the norm of several parts together, from the logs of their norms."""
    if len(logs) == 1:
        return logs[0]
    together = 2 * logs[0]
    for other in logs[1:]:
        together = np.logaddexp(together, 2 * other)
    half: Array = together / 2
    return half


class StateAdjoints:
    """λ of one layer's whole state, of the sweep that was made last.

    It has to have kept what is carried. Where products read φ(h) and not h, row 0 is not known.
    """

    def __init__(self, back: LayerBackward) -> None:
        """Read one layer's sweep."""
        self._back, self._tape = back, back.tape
        self.own = bool(back.tape.cell.own_adjoints)

    def parts(self, rows: slice) -> tuple[Parts, IntArray]:
        """Return λ by part, (n, H, B) each, of some state rows, and the exponents of all."""
        back = self._back
        if self.own:
            steps = slice(rows.start - 1, rows.stop - 1)
            states = len(self._tape.cell.states)
            return tuple(np.split(back.state_adjoints[steps], states, 1)), back.state_exponents[
                steps
            ]
        exponents = back.row_exponents[rows]
        others = (self._part(name, rows).at(exponents) for name in self._others())
        return (back.adjoints[rows], *others), exponents

    def ln_carries(self) -> dict[str, Array]:
        """Return ln of the norm of each carry at every state row, (T+1, B), by its name."""
        kept, names = self._back.carried_rows, () if self.own else self._tape.cell.carries
        return {n: ln_norms(kept.rows[n], kept.exponents, kept.squares[n]) for n in names}

    def ln_norms(self, carries: Mapping[str, Array]) -> Array:
        """Return ln ‖λ_t‖, (T+1, B); `carries` are those of `ln_carries`."""
        back, B = self._back, self._tape.batch
        if self.own:
            norms = log10_norms(*back.squared_norms())
            return LN_10 * np.concatenate([np.full((1, B), np.nan), norms])
        read = LN_10 * log10_norms(back.squares, back.norm_exponents)
        rows = slice(0, self._tape.length + 1)
        carried = {name for name in carries if name not in self._tape.way_back.adjoint_rows}
        others = (
            carries[name] if name in carried else self._part(name, rows).ln_norms()
            for name in self._others()
        )
        return joined([read, *others])

    def ln_others(self, rows: slice) -> list[Array]:
        """Return ln of the norms of the parts that are not the output, (n, B) each."""
        return [self._part(name, rows).ln_norms() for name in self._others()]

    def ln_carried(self, carries: Mapping[str, Array]) -> Array:
        """Return ln of the norm of what steps hand on beside the products, (T, B).

        Right for cells of one stage, whose carries hold nothing that came through a product.
        """
        carried = [norms[:-1] for norms in carries.values()]
        held = [
            self._earlier(back_by, slice(1, self._tape.length + 1)).ln_norms()
            for back_by in range(1, len(self._earlier_names()) + 1)
        ]
        return joined(carried + held)

    def _others(self) -> tuple[str, ...]:
        return self._tape.cell.state_names[1:]

    def _earlier_names(self) -> tuple[str, ...]:
        cell = self._tape.cell
        return cell.state_names[len(cell.states) :]

    def _part(self, name: str, rows: slice) -> Stored:
        back, way = self._back, self._tape.way_back
        if name in self._earlier_names():
            return self._earlier(int(name.removeprefix("h_")), rows)
        if name in way.adjoint_rows:
            read = way.adjoint_rows.view(self._tape.adjoints[rows], name)
            return Stored(read, back.row_exponents[rows])
        return self._of_carry(name, rows)

    def _of_carry(self, name: str, rows: slice) -> Stored:
        kept = self._back.carried_rows
        return Stored(kept.rows[name][rows], kept.exponents[rows])

    def _earlier(self, distance: int, rows: slice) -> Stored:
        """Return the adjoint of h_{t−j}, j = `distance` ≥ 1, as a part of the state at row t."""
        back, T = self._back, self._tape.length
        values = np.zeros_like(back.adjoints[rows])
        exponents = np.array(back.row_exponents[rows])
        window, at = self._tape.window, np.arange(rows.start, rows.stop)
        for blocks, lag in self._tape.way_back.delayed:
            steps = at - distance + lag - 1
            within = steps // window == np.maximum(at - 1, 0) // window
            found = (steps < T) & (distance < lag) & within
            values[found] = self._tape.adjoints[steps[found], blocks]
            exponents[found] = back.arrivals.exponents[steps[found]]
        return Stored(values, exponents)
