"""The backward sweep of one layer.

For steps t = T−1 … 0, with λ the adjoint of the output, δ the deltas of the cell:

    δ_t = step_back(slopes_t, λ_{t+1}, carried)                    (1)
    λ_t = W_hᵀ δ_t + carried + arriving_t                          (2)
    ∂/∂x_t = W_xᵀ δ_t, what arrives at the layer below             (3)

and the weights' gradients are taken stretch by stretch (weight_gradients.py).

Steps are swept in stretches of at most CHUNK. The squared norm of every λ_t falls out of each
stretch; where one leaves its window, the rows get exponents (see exponents.py), and where one
came from so far that entries may have been lost, the stretch is swept again in shorter pieces.
As long as all norms stay within the window no exponent is ever touched.

A truncated sweep is one sweep for each window of steps, last first: nothing goes on through the
wall between two, and what is below starts from what arrives there.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.arrivals import Arrivals
from engine.bptt.at_once import swept_at_once
from engine.bptt.blocks import aligned_zeros
from engine.bptt.carried import CarriedRows
from engine.bptt.entrywise import EntryAdjoints, entry_adjoints
from engine.bptt.exponents import NONE, SPARE, WINDOWS, Scaled, least_positive
from engine.bptt.onward import Onward
from engine.bptt.own_state import OwnState
from engine.bptt.sources import Arriving, DenseSource, Source
from engine.bptt.tape import CHUNK, LayerTape
from engine.bptt.weight_gradients import GradientsOf, WeightGradients


class LayerBackward:
    """Sweeps one layer back, again and again, in the same memory.

    Attributes:
        adjoints: λ of the output by state row, (T+1, H, B), stored with `row_exponents` (T+1, B).
        carried_rows: What is carried beside the products; kept where `carried_rows.wanted`.
        source: What arrived in the last sweep.
        gradients: Adds up those of this layer's weights.
        span: Steps of the next stretch at most, a power of two.
        arrivals: What arrived, and what steps further on returned to earlier outputs.
        entries: The adjoints with an exponent for every entry, where units never mix.
    """

    def __init__(self, tape: LayerTape, gradients: GradientsOf = WeightGradients) -> None:
        """Bind the tape's way back and allocate."""
        tape.bind_back()
        way = tape.way_back
        self.tape, self.adjoints = tape, tape.adjoints[:, way.output]
        T, B = tape.length, tape.batch
        self.window = WINDOWS[tape.dtype]
        self.squares = aligned_zeros((T + 1, B), tape.dtype)
        self.norm_exponents = np.zeros((T + 1, B), np.int32)
        self.row_exponents = np.zeros((T + 1, B), np.int32)
        self._by_row = self.squares, self.norm_exponents, self.row_exponents
        self._carried, self._onward = way.carried, Onward(tape)
        self.carried_rows = CarriedRows(tape)
        self._own = OwnState(tape) if tape.cell.own_adjoints else None
        self.state_adjoints = self.adjoints[1:] if self._own is None else self._own.adjoints
        self.state_exponents = self.row_exponents[1:] if self._own is None else self._own.exponents
        self.gradients = gradients(tape)
        self.arrivals = Arrivals(tape)
        self.entries: EntryAdjoints | None = None
        self.exponents: IntArray = np.zeros(B, np.int32)
        self._careful, self.span = False, CHUNK

    def run(
        self, source: Source, below: DenseSource | None, final: Mapping[str, Array] | None = None
    ) -> None:
        """Sweep back and add to the gradients of this layer's weights.

        Args:
            source: What arrives at the outputs.
            below: Takes ∂/∂x_t: row t + 1 is that of step t. None where nobody asks.
            final: Injected adjoints of the states at row T, by name, (H, B).
        """
        self.gradients.clear()
        self.span = CHUNK
        self.begin(source, below, final)

    def begin(
        self, source: Source, below: DenseSource | None, final: Mapping[str, Array] | None = None
    ) -> None:
        """Sweep back as `run` does, adding to gradients that may be of later steps."""
        self.source = source
        self.entries = entry_adjoints(self.tape, source, final)
        for bottom, end in self.tape.windows():
            injected = final or {} if end == self.tape.length else {}
            top = end if injected else source.last(bottom, end)
            self._start(top, end, source, injected)
            self.carried_rows.start(top, end, self.exponents)
            if self._own is None or "h" not in injected:
                self._back(bottom, top, below)
                continue
            self.exponents[self.exponents == NONE] = 0
            with self._own.injected(injected["h"], self.exponents):
                self._back(bottom, top, below)

    def go_on(self, later: "LayerBackward", source: Source, below: DenseSource | None) -> None:
        """Sweep back from where `later` ended, the sweep of the steps right after this tape's."""
        T, mine, theirs = self.tape.length, self.tape, later.tape
        self.source = source
        mine.adjoints[T:] = theirs.adjoints[: mine.reach + 1 - T]
        mine.deltas[-1] = theirs.deltas[-1]
        for rows, after in zip(self._by_row, later._by_row, strict=True):
            rows[T] = after[0]
        self.exponents, self._careful, self.span = later.exponents, later._careful, later.span
        self.arrivals.go_on(later.arrivals, source)
        self._back(0, T, below)

    def squared_norms(self) -> tuple[Array, IntArray]:
        """Return ‖dℓ/dh_t‖² as stored, with the exponents of the norms, (T, B), t = 1 … T."""
        kept = self.entries or self._own
        return kept.squared_norms() if kept else (self.squares[1:], self.norm_exponents[1:])

    def _back(self, bottom: int, top: int, below: DenseSource | None) -> None:
        stuck = self._own is not None
        while top > bottom:
            span = self.span
            reached = None if stuck else swept_at_once(self, bottom, top, below)
            if reached == top and self.span < span:
                continue
            stuck = stuck or reached == top  # the loops would sweep every stretch in vain
            if reached is None or stuck:
                reached = self._chunk(bottom, top, below)
            top = reached

    def _chunk(self, bottom: int, stop: int, below: DenseSource | None) -> int:
        """Sweep the steps before `stop` that lie in one chunk; return the first of them."""
        tape = self.tape
        first = max(bottom, (stop - 1) // CHUNK * CHUNK)
        tape.linearize_chunk(first, stop)
        while stop > first:
            start = self._stretch(first, stop)
            if start is None:
                continue
            exponents = self.exponents if self._careful else None
            self.gradients.add(start, stop, exponents)
            if self._own is not None:
                self._own.keep(start, stop, exponents)
            self.carried_rows.keep(start, stop, 0 if exponents is None else exponents)
            if below is not None:
                self._hand_down(start, stop, below)
            if start > bottom or not bottom:  # nothing goes on through a wall
                self._settle_or_keep(start)
            stop = start
        for span in self._carried.values():
            np.copyto(tape.deltas[-1, span], tape.deltas[0, span])
        return first

    # Stretches

    def _start(self, top: int, end: int, source: Source, final: Mapping[str, Array]) -> None:
        """Set row `top`, and clear what lies above it up to row `end`."""
        tape = self.tape
        carry, rows = tape.carry_row(top), slice(top, end + 1)
        self._onward.clear(top, end, carry)
        self.arrivals.start(source, top, tape.reach if end == tape.length else end)
        for array in self._by_row:
            array[rows] = 0
        if self._own is not None:
            self._own.clear(top, end)
        self._onward.inject(top, carry, final)
        self.exponents = np.zeros(tape.batch, np.int32)
        self._careful = source.exponents is not None
        if self._careful:
            self._settle(top, carry, self.arrivals.at(top))
            return
        arriving = source.at(top)
        if arriving is not None:
            np.add(self.adjoints[top], arriving, self.adjoints[top])
        low, high = self._measure(top, top + 1)
        if not (low > self.window.low and high < self.window.high):
            self._settle(top, carry, [])

    def _stretch(self, first: int, stop: int) -> int | None:
        """Sweep a stretch that ends before `stop`; return its start, or None to try shorter."""
        start = self.next_start(first, stop)
        if self._careful:
            start = self.arrivals.outweighs(start, stop, self.exponents)
            self._sweep_careful(start, stop)
        else:
            self.arrivals.exponents[start:stop] = 0
            self._sweep(start, stop, self.source.arriving)
        low, high = self._measure(start, stop)
        window = self.window
        self._within = low > window.low and high < window.high
        self._sound = low > window.suspect_low and high < window.suspect_high
        rows = self.squares[start : stop + 1]
        if not self._sound and stop - start > 1 and window.may_have_lost(rows):
            # The largest power of two that is less, as the compiled loops find it.
            self.span = 1 << ((stop - start - 1).bit_length() - 1)
            return None
        if self.span < CHUNK and least_positive(self.squares[start:stop]) > SPARE:
            self.span *= 2
        return start

    def _sweep(self, start: int, stop: int, arriving: Arriving) -> None:
        """Sweep a stretch; what arrives is stored as the sweep is."""
        if self.tape.compiled is not None:
            self.tape.compiled.back(start, stop, arriving)
            return
        program, adjoints = self.tape.plain_program, self.adjoints
        rows = arriving.rows(start, stop)  # made here, while there is room for them in the cache
        for t in range(stop - 1, start - 1, -1):
            for function, arguments in program[t]:  # (1), (2)
                function(*arguments)
            row = rows[t - start]
            if row is not None:
                np.add(adjoints[t], row, adjoints[t])

    def _sweep_careful(self, start: int, stop: int) -> None:
        """Sweep a stretch with exponents; what arrives at row `start` is left to `_settle`."""
        self.arrivals.exponents[start:stop] = self.exponents
        rows, above = self.arrivals.between(start, stop), stop
        arriving = self.arrivals.stored_with(start, stop, self.exponents) if rows else None
        if arriving is not None:
            self._sweep(start, stop, arriving)
            return
        for t in rows:
            self.tape.back(t, above)
            above = t
            for each in self.arrivals.at(t):
                self.adjoints[t] += each.at(self.exponents)
        self.tape.back(start, above)

    def _measure(self, start: int, stop: int) -> tuple[float, float]:
        """Take the squared norms of rows start … stop − 1; return the least and the greatest."""
        exponents = self.exponents if self._careful else 0
        self.row_exponents[start:stop] = self.norm_exponents[start:stop] = exponents
        return self.tape.squared_norms(self.adjoints[start:stop], self.squares[start:stop])

    def _settle_or_keep(self, start: int) -> None:
        """Bring the stretch's last row back where it left the window or something arrives."""
        arriving = self.arrivals.at(start) if self._careful else []
        if self._within and not arriving and self.span == CHUNK:
            return
        carry = self.tape.deltas[start % CHUNK]
        if not arriving and self._scale_by_norms(start, carry):
            return
        self._settle(start, carry, arriving)

    def _scale_by_norms(self, t: int, carry: Array) -> bool:
        """Rescale row t by the norms just taken; False where one of them is not to be trusted."""
        if not self._sound:
            return False
        self.take_up(self._onward.near_one(t, carry, self.squares[t], self.exponents))
        self.row_exponents[t] = self.exponents
        return True

    def take_up(self, exponents: IntArray) -> None:
        """Go on with these exponents, (B,)."""
        self.exponents = exponents
        self._careful = self.source.exponents is not None or bool(np.count_nonzero(exponents))

    def next_start(self, first: int, stop: int) -> int:
        """Return where a stretch begins that ends before `stop`, at `first` at the earliest."""
        return max(first, (stop - 1) // self.span * self.span)

    def outweighed(self, first: int, stop: int) -> bool:
        """Tell whether what arrives within the stretch that ends before `stop` cuts it short."""
        start = self.next_start(first, stop)
        return self._careful and self.arrivals.outweighs(start, stop, self.exponents) > start

    def _settle(self, t: int, carry: Array, arriving: Sequence[Scaled]) -> None:
        """Bring row t to a norm near 1 for every sample, and join what arrives there."""
        norms = self.squares[t], self.norm_exponents[t]
        source = self.source if arriving else None
        found = self._onward.settle(t, carry, self.exponents, arriving, source, norms)
        self.row_exponents[t] = found
        self.take_up(found)
        self._careful |= self.arrivals.pending(t)

    # What a stretch leaves behind

    def initial(self, name: str) -> Scaled:
        """Return the adjoint of a state before the first step, by name, (H, B)."""
        if name in self.tape.cell.states:
            return Scaled(self.tape.initial_adjoint(name), self.row_exponents[0])
        return self.arrivals.initial(int(name.removeprefix("h_")))

    def _hand_down(self, start: int, stop: int, below: DenseSource) -> None:
        """Write (3) of steps start … stop − 1 into rows start + 1 … stop of the layer below."""
        tape, first, out = self.tape, start % CHUNK, below.array[start + 1 : stop + 1]
        if tape.compiled is not None:
            tape.compiled.hand_down(start, out)
        else:
            out[...] = tape.to_inputs(tape.deltas[first : first + stop - start])
        below.exponents[start + 1 : stop + 1] = self.exponents if self._careful else 0
