"""The factors by which a gradient changes at each step back, sample by sample.

With v = λ_t of the whole state, δ the deltas at the pre-activations, w what returns through the
recurrent weights and r = J_tᵀ v − w what passes beside them, the step from λ_t to λ_{t−1} is

    ln ‖λ_{t−1}‖/‖λ_t‖ = slope + weights + carry + recurrent + arriving        (1)

    one path (r = 0):           slope = ln ‖δ‖/‖v‖, weights = ln ‖w‖/‖δ‖       (2)
    state before φ:             weights = ln ‖w‖/‖v‖, slope = ln ‖J_tᵀ v‖/‖w‖  (3)
    several paths (r ≠ 0):      carry = ln ‖r‖/‖v‖, recurrent = ln ‖J_tᵀ v‖/‖r‖ (4)
    all:                        arriving = ln ‖λ_{t−1}‖/‖J_tᵀ v‖               (5)

and the factors that are not the cell's are 0. A sample in which one of these norms is exactly
zero is left out of all factors at that t; all are where truncation cuts: nothing goes on there.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, BoolArray, IntArray
from engine.bptt.backward import LayerBackward
from engine.bptt.carried import one_path
from engine.bptt.state_adjoints import LN_2, SAFE_SQUARES, StateAdjoints, joined, ln_norms
from engine.bptt.state_step import Pulled, StateStep
from engine.bptt.tape import CHUNK

FACTORS = ("slope", "weights", "carry", "recurrent", "arriving")


LN_CANCELS = float(np.log(2.0**-8))
"""Ln of the share of what arrives down to which a difference keeps most of float32's digits."""


class Gains(NamedTuple):
    """Factors of one layer.

    Attributes:
        factors: Natural logs, (T, 5, B), in the order of FACTORS; NaN for samples left out.
        left_out: Whether a norm was exactly zero, (T, B).
    """

    factors: Array
    left_out: BoolArray


class LayerGains:
    """Takes the factors of one layer from sweeps that kept what is carried."""

    def __init__(self, back: LayerBackward) -> None:
        """Read the sweeps of one layer."""
        self.back, self.tape, self.step = back, back.tape, StateStep(back.tape)
        self.adjoints = StateAdjoints(back)
        self._walls = [first for first, _ in self.tape.windows() if first]

    def take(self) -> Gains:
        """Return the factors of all t = 1 … T, of the sweep that was made last."""
        T, B = self.tape.length, self.tape.batch
        found = np.zeros((T, len(FACTORS), B))
        slope, weights, carry, recurrent, arriving = found.swapaxes(0, 1)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            carries = self.adjoints.ln_carries()
            state = self.adjoints.ln_norms(carries)
            pulled, between = self._on_the_way(state, carries)
            if self.adjoints.own:
                state[0] = pulled[0]
            if self.step.several_paths:
                first, second = carry, recurrent  # (4)
            else:
                first, second = (weights, slope) if self.adjoints.own else (slope, weights)
            np.subtract(between, state[1:], first)  # (2), (3)
            np.subtract(pulled, between, second)
            np.subtract(state[:-1], pulled, arriving)  # (5)
        left_out = state[1:] == -np.inf
        for logs in (state[:-1], between, pulled):
            left_out |= logs == -np.inf
        left_out[self._walls] = True
        if left_out.any():
            found.swapaxes(1, 2)[left_out] = np.nan
        return Gains(found, left_out)

    def _on_the_way(self, state: Array, carries: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return ln ‖J_tᵀ λ_t‖, and ln of the norm between λ_t and it: r, δ or w; (T, B) each."""
        pulled = state[:-1].copy()
        several, plain = self.step.several_paths, len(self.tape.cell.stages) == 1
        between = self.adjoints.ln_carried(carries) if several and plain else np.empty_like(pulled)
        is_known = several or self._fill_known(slice(0, self.tape.length), between)
        for start in range(0, self.tape.length, CHUNK):
            steps = slice(start, min(start + CHUNK, self.tape.length))
            arrives = self.adjoints.own or self._arrives(steps)
            returned = self._without_arriving(steps) if arrives else None
            if returned is not None:
                pulled[steps], arrives = returned, False
            missing = not (is_known or self._fill_known(steps, between))
            if arrives or missing:
                found, exponents = self._pull(steps, weights=arrives)
                if arrives:
                    pulled[steps] = joined([ln_norms(part, exponents) for part in found.parts])
                if missing:
                    between[steps] = ln_norms(self._of_one_path(found), exponents)
            if several and not plain:
                found, exponents = self._pull(steps, weights=False)
                between[steps] = joined([ln_norms(part, exponents) for part in found.parts])
        return pulled, between

    def _without_arriving(self, steps: slice) -> Array | None:
        """Return ln ‖J_tᵀ λ_t‖ as that of λ_{t−1} less what arrived there; None where that cancels.

        It saves the products with the weights, which the sweep has made already.
        """
        back, source = self.back, self.back.source
        if self.adjoints.own or source.exponents is not None or back.row_exponents[steps].any():
            return None
        came = np.zeros_like(back.adjoints[steps])
        for row, arriving in zip(came, source.rows[steps], strict=True):
            if arriving is not None:
                np.copyto(row, arriving)
        none = np.zeros_like(back.row_exponents[steps])
        ln_came, ln_rest = ln_norms(came, none), ln_norms(back.adjoints[steps] - came, none)
        if not np.all((ln_rest > ln_came + LN_CANCELS) | np.isneginf(ln_came)):
            return None
        return joined([ln_rest, *self.adjoints.ln_others(steps)])

    def _fill_known(self, steps: slice, between: Array) -> bool:
        """Fill ln ‖δ_t‖ from the sums of squares that the sweep kept, where they lost nothing."""
        kept = self.back.carried_rows
        if kept.delta_squares is None:
            return False
        squares = kept.delta_squares[steps]
        low, high = SAFE_SQUARES
        if not (squares.min() > low and squares.max() < high):
            return False
        logs = between[steps]
        np.log(squares, logs, dtype=np.float64)
        logs *= 0.5
        logs += LN_2 * kept.exponents[steps]
        return True

    def _arrives(self, rows: slice) -> bool:
        """Tell whether anything but the recurrence reaches one of these state rows."""
        return bool(self.back.source.between(rows.start - 1, rows.stop))

    def _pull(self, steps: slice, *, weights: bool) -> tuple[Pulled, IntArray]:
        """Take λ_t one step back for a run of steps; the answer is stored with the exponents."""
        parts, exponents = self.adjoints.parts(slice(steps.start + 1, steps.stop + 1))
        local = self.step.linearize(steps.start, steps.stop)
        return self.step.pull(local, parts, weights=weights), exponents

    def _of_one_path(self, found: Pulled) -> Array:
        """Return δ of a cell with one path, or w where the state stands before φ."""
        if self.adjoints.own:
            return found.read
        return found.deltas[..., one_path(self.tape), :]
