"""One layer's share of a stack of adjoints, with an exponent for each row and sample."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import BlockViews, aligned_zeros
from engine.bptt.exponents import (
    NONE,
    SQUARES,
    WINDOWS,
    Scaled,
    bring_near_one,
    exponent_of,
    log10_mean_norms,
    near_one,
    scaled_near_one,
    shift,
)
from engine.bptt.side_by_side import SideBySide
from engine.bptt.tape import CHUNK, LayerTape


class Pending(NamedTuple):
    """Adjoints of outputs further back: rings of (lag, m, …), slot = state row mod lag.

    `blocks` are the rows of the adjoints in which they return; each slot has exponents of its own.
    """

    blocks: slice
    ring: Array
    exponents: IntArray


class StackLayer:
    """One layer's share of the stack."""

    def __init__(self, tape: LayerTape, count: int, places: SideBySide | None = None) -> None:
        """Allocate and bind.

        Args:
            tape: The layer's.
            count: Rows of the stack.
            places: How loss times stand in them, one in each where None; its columns are the
                samples of what follows.
        """
        places = places or SideBySide(1, tape.batch)
        tape.bind_back()
        self.tape, self.places = tape, places
        H, B, T = tape.weights.hidden, places.columns, tape.length
        self.slopes = aligned_zeros((T, tape.slope_rows.total, B), tape.dtype)
        way = self.way = tape.way_back
        self.adjoints = aligned_zeros((count, way.adjoint_rows.total, B), tape.dtype)
        self.incoming = self.adjoints[:, way.output]
        self.deltas = aligned_zeros((count, tape.delta_rows.total, B), tape.dtype)
        self.exponents = np.full((count, B), NONE, np.int32)
        self.squares = aligned_zeros((count, T + 1, B), tape.dtype)
        self.norm_exponents = np.zeros((count, T + 1, B), np.int32)
        self.delayed = [
            Pending(
                blocks,
                aligned_zeros((lag, count, H, B), tape.dtype),
                np.full((lag, count, B), NONE, np.int32),
            )
            for blocks, lag in way.delayed
        ]
        filled = [(self.adjoints[:m], self.deltas[:m]) for m in range(1, count + 1)]
        self._views = [way.adjoint_views(a, d, a, d) for a, d in filled]
        self._within = [way.within_calls(a, d) for a, d in filled]
        self._after = [way.after_calls(a, d) for a, d in filled]
        self._locals = [way.local_views(BlockViews((tape.slope_rows, row))) for row in self.slopes]

    def step_back(self, m: int, row: int) -> None:
        """Fill the deltas of step `row` − 1 of the first m rows from λ at state row `row`."""
        stages = zip(
            self.way.stages,
            self._locals[row - 1],
            self._views[m - 1],
            self._within[m - 1],
            strict=True,
        )
        for stage, local, adjoint, within in stages:
            stage.step_back(local, adjoint)
            for function, arguments in within:
                function(*arguments)

    @property
    def is_compiled(self) -> bool:
        """Whether `sweep` may be called."""
        return self.tape.compiled is not None and self.tape.compiled.sweeps_stacks

    def sweep(self, starts: IntArray, stop: int) -> None:
        """Measure the first rows, step and go back, from state row `starts` each through `stop`."""
        loops, m = self.tape.compiled, len(starts)
        if loops is not None:
            rows = self.adjoints[:m], self.deltas[:m], self.squares[:m]
            loops.stack(self.slopes, rows, starts, stop)
        taken = slice(stop, int(starts.max()) + 1)
        self.norm_exponents[:m, taken] = self.exponents[:m, None]

    def go_back(self, m: int, row: int) -> None:
        """Turn λ of the first m rows at state row `row` into λ at `row` − 1."""
        for function, arguments in self._after[m - 1]:
            function(*arguments)
        for blocks, ring, exponents in self.delayed:
            slot, due = row % len(ring), (row - 1) % len(ring)
            ring[slot, :m], exponents[slot, :m] = self.adjoints[:m, blocks], self.exponents[:m]
            arriving = Scaled(ring[due, :m], exponents[due, :m])
            if not np.array_equal(arriving.exponents, self.exponents[:m]):
                arriving = scaled_near_one(*arriving)
            self.add(m, arriving)

    def _parts(self, m: int) -> Iterator[Array]:
        """Yield all that goes on from the first m rows, (…, m, rows, B) each."""
        yield self.adjoints[:m, self.way.before]
        for span in self.way.carried.values():
            yield self.deltas[:m, span]

    def linearize(self) -> None:
        """Take the local derivatives of all T steps from the tape."""
        T = self.tape.length
        for start in range(0, T, CHUNK):
            stop = min(start + CHUNK, T)
            if self.places.side == 1:
                self.tape.linearize(start, stop, self.slopes[start:stop])
                continue
            slopes = np.empty((stop - start, *self.tape.slopes.shape[1:]), self.tape.dtype)
            self.tape.linearize(start, stop, slopes)
            self.slopes[start:stop] = self.places.repeated(slopes)

    def clear(self) -> None:
        """Empty all rows."""
        self.squares.fill(0)
        self.norm_exponents.fill(0)
        self.cut()

    def cut(self) -> None:
        """Let nothing go on; the norms that were taken stay."""
        for array in (self.adjoints, self.deltas, *(each.ring for each in self.delayed)):
            array.fill(0)
        for exponents in (self.exponents, *(each.exponents for each in self.delayed)):
            exponents.fill(NONE)

    def state_delta(self, m: int) -> Array | None:
        """Return dℓ/dh of the first m rows where h is not what products read."""
        blocks = self.tape.cell.own_adjoints
        if not blocks:
            return None
        rows: Array = self.deltas[:m, self.tape.delta_rows.span(blocks[0], blocks[-1])]
        return rows

    def measure(self, m: int, row: int, values: Array, far: bool) -> None:
        """Take the squared norms of λ at a state row; `far` where one step may lose them."""
        self.norm_exponents[:m, row] = self.exponents[:m]
        if far:
            values, own = near_one(values, axis=1)
            self.norm_exponents[:m, row] += own
        np.einsum("mhb,mhb->mb", values, values, out=self.squares[:m, row])

    def log10_mean_norms(self, rows: Sequence[int]) -> Array:
        """Return log10 of the mean norms for loss rows that stand last first: (m, T), ascending."""
        count, last = len(rows), rows[0]
        taken = slice(0, self.places.rows(count)), slice(1, last + 1)
        squares = self.places.apart(self.squares[taken], count)
        exponents = self.places.apart(self.norm_exponents[taken], count)
        found = np.full((count, self.tape.length), -np.inf)
        found[:, :last] = log10_mean_norms(squares, exponents)[::-1]
        return found

    def empty(self, m: int, columns: slice, row: int) -> None:
        """Empty some columns of row m, from which no loss time has come yet, above `row`.

        Where a state is not finite, what is not finite times zero has made them so.
        """
        for array in (
            self.adjoints,
            self.deltas,
            *(each.ring.swapaxes(0, 1) for each in self.delayed),
        ):
            array[m, ..., columns] = 0
        self.exponents[m, columns] = NONE
        for each in self.delayed:
            each.exponents[:, m, columns] = NONE
        for kept in (self.squares, self.norm_exponents):
            kept[m, row + 1 :, ..., columns] = 0

    def add(self, m: int, arriving: Scaled) -> None:
        """Add to λ at the larger exponent of the two."""
        larger = np.maximum(self.exponents[:m], arriving.exponents)
        if not np.array_equal(larger, self.exponents[:m]):
            self.move(m, larger)
        np.add(self.incoming[:m], arriving.at(larger), self.incoming[:m])

    def move(self, m: int, target: IntArray) -> None:
        """Store the first m rows with the exponents `target`."""
        difference = (self.exponents[:m] - target)[:, None, :]
        for part in self._parts(m):
            shift(part, difference)
        self.exponents[:m] = target

    def norms_stay(self, m: int, row: int, checked: int) -> tuple[bool, bool]:
        """Look at the norms of the first m rows from state row `checked` down to `row`.

        Returns:
            Whether none that began finite may have lost entries since it joined; whether all but
            exact zeros are within their window at `row`.
        """
        window, loops = WINDOWS[self.tape.dtype], self.tape.compiled
        if loops is not None:
            return loops.norms_stay(
                self.squares[:m], row, checked,
                (window.suspect_low, window.suspect_high), (window.low, window.high),
            )  # fmt: skip
        squares = self.squares[:m, row : checked + 1][:, ::-1]
        sound = (squares > window.suspect_low) & (squares < window.suspect_high)
        if not sound.all():  # rows that have not joined yet are zero
            alive = np.maximum.accumulate(squares, axis=1) > 0
            if np.any(~sound & alive & np.isfinite(squares[:, :1])):
                return False, False
        last = squares[:, -1]
        within = (last > window.low) & (last < window.high)
        return True, bool(np.all(within | (last == 0)))

    def settle(self, m: int, squares: Array | None = None) -> None:
        """Bring the first m rows to a norm near 1.

        Args:
            m: How many.
            squares: Squared norms of λ a step before, (m, B), where they tell those of λ now well
                enough: nothing else is added to these rows, so that zeros may have any exponent.
        """
        parts, loops, exponents = list(self._parts(m)), self.tape.compiled, self.exponents[:m]
        if loops is not None and len(parts) == 1 and parts[0].flags.c_contiguous:
            if loops.bring_near_one(parts[0], exponents, exponents):
                return
        else:
            found = np.zeros(exponents.shape, self.adjoints.dtype) if squares is None else squares
            for part in parts if squares is None else parts[1:]:
                found = found + np.einsum("...mhb,...mhb->mb", part, part)
            if _are_ordinary(found, exponents):
                exponents += bring_near_one(found, parts)
                return
        sizes = np.full_like(exponents, NONE)
        for part in parts:
            sizes = np.maximum(sizes, exponent_of(part, axis=-2).reshape(-1, *sizes.shape).max(0))
        self.move(m, np.where(sizes == NONE, NONE, exponents + sizes).astype(np.int32))


def _are_ordinary(squares: Array, exponents: IntArray) -> bool:
    """Tell whether all of some squares neither over- nor underflow, but where nothing is yet."""
    if squares.min() > SQUARES[0] and squares.max() < SQUARES[1]:
        return True
    ordinary = (squares > SQUARES[0]) & (squares < SQUARES[1])
    return bool(np.all(ordinary | (exponents == NONE)))
