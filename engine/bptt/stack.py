"""Many adjoints at once: how the loss of each time step reaches every earlier state.

A stack is the training layout with one more axis in front, [M, rows, B]: row m is the adjoint of
one loss time alone. It runs through the very `step_back` of training:

    row m starts at its loss time with the immediate derivative, nothing carried   (1)
    δ = step_back(slopes_t, λ, carried);  λ ← W_hᵀ δ + carried                     (2)
    a layer's λ at t takes W_xᵀ δ of the layer above at the same t                 (3)

Loss times go in blocks of BLOCK, rows join as the sweep passes their time, layers run in
lockstep, top layer first. Every `period` steps each row (loss time, sample, layer) gets its own
power of two; a block in which a row may have lost entries is swept again with a shorter period.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE, Scaled, together
from engine.bptt.side_by_side import SideBySide
from engine.bptt.sources import Source
from engine.bptt.stack_layer import StackLayer
from engine.bptt.tape import LayerTape

BLOCK = 16
"""Loss times swept at once: the best of 2, 4, 8 and 16 wherever it was tried."""

PERIOD = 16
"""Steps from one rescaling to the next, as long as nothing falls out of range."""


class Visit(NamedTuple):
    """What a visitor sees of one layer at one state row.

    Attributes:
        layer: s.
        row: State row 1 … T; the deltas are those of the step before.
        time: Its time t: the row itself, but in a layer that reads the sequence backwards.
        losses: Index of each adjoint's loss time among all, (m,).
        incoming: Stored λ of the output at row t, (m, H, B).
        deltas: Stored deltas of step t − 1, (m, rows, B).
        exponents: E of both, (m, B).
    """

    layer: int
    row: int
    time: int
    losses: IntArray
    incoming: Array
    deltas: Array
    exponents: IntArray


Visitor = Callable[[Visit], None]


class Stack:
    """Sweeps the losses of chosen time steps back, one adjoint row each."""

    def __init__(
        self,
        tapes: Sequence[LayerTape],
        skips: Sequence[bool],
        count: int,
    ) -> None:
        """Allocate and bind; a stack serves every sweep of the same tapes.

        Args:
            tapes: The layers' tapes.
            skips: Which layers add their input to their output.
            count: How many loss times it will sweep back; where they need more than BLOCK rows
                they go in blocks.
        """
        self.skips = skips
        self.places = SideBySide.of(count, tapes[0].batch)
        rows = min(BLOCK, self.places.rows(count))
        self.block = rows * self.places.side
        self.layers = [StackLayer(tape, rows, self.places) for tape in tapes]
        # Whether nothing is added to a row that is on its way.
        beside = bool(self.layers[0].delayed or tapes[0].cell.own_adjoints)
        self._alone = len(self.layers) == 1 and not skips[0] and not beside

    def run(
        self, source: Source, loss_rows: Sequence[int], visitor: Visitor | None = None
    ) -> Iterator[tuple[int, Array]]:
        """Sweep all blocks.

        Args:
            source: Immediate derivatives at the top layer, of the sweep that was made last.
            loss_rows: State rows (1 … T) of the loss times, ascending.
            visitor: Called for every layer and state row, where given: then one period serves
                all, the shortest, so that no block is visited twice.

        Yields:
            Index of the block's first loss time, and log10 ‖dℓ_t/dh_k‖ up to the loss's scale,
            its mean over samples, (S, m, T): m loss times ascending, −inf also where k > t.
        """
        self.source = source
        self._period = PERIOD if visitor is None else 1
        for layer in self.layers:
            layer.linearize()
        for first in range(0, len(loss_rows), self.block):
            rows = list(loss_rows[first : first + self.block])[::-1]
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                while not self._block(rows, first, visitor):
                    self._period = max(1, self._period // 4)
            yield first, np.stack([layer.log10_mean_norms(rows) for layer in self.layers])

    def _block(self, rows: list[int], first: int, visitor: Visitor | None) -> bool:
        """Sweep one block of loss rows, last first; False where its period was too long."""
        for layer in self.layers:
            layer.clear()
        joined, checked = 0, rows[0]
        self._joined_at, self._last = 0, first + len(rows) - 1
        window = self.layers[0].tape.window
        row = rows[0] + 1
        while row > 1:
            row, joined = self._pass(rows, joined, row - 1, visitor)
            at_wall = (row - 1) % window == 0
            if at_wall or (rows[0] - row) % self._period == self._period - 1:
                if not self._in_range(row, checked, self.places.rows(joined)):
                    return False
                checked = row
            if at_wall:
                if joined == len(rows):
                    break
                checked = self._cut(row)
        return True

    @property
    def _compiled(self) -> bool:
        """Whether the rows of the only layer may be swept one after the other."""
        return len(self.layers) == 1 and self.layers[0].is_compiled and not self.skips[0]

    def _pass(
        self, rows: list[int], joined: int, row: int, visitor: Visitor | None
    ) -> tuple[int, int]:
        """Let loss times join at a state row and pass it; compiled loops pass a stretch of rows.

        Returns:
            The last row passed, and how many loss times have joined.
        """
        if self._compiled and visitor is None and self._period > 1:
            return self._stretch(rows, joined, row)
        if joined < len(rows) and rows[joined] == row:
            self._join(joined, row)
            joined += 1
        self._row(row, joined, visitor)
        return row, joined

    def _stretch(self, rows: list[int], joined: int, start: int) -> tuple[int, int]:
        """Pass the state rows from `start` to where norms are looked at next, and join there."""
        window, swept = self.layers[0].tape.window, rows[0] - start
        stop = max(
            start - self._period + 1 + swept % self._period, (start - 1) // window * window + 1
        )
        starts = np.full(self.places.rows(len(rows)), start)
        while joined < len(rows) and rows[joined] >= stop:
            if self.places.side > 1 and rows[joined] < start:  # its row is on the way already
                stop = rows[joined] + 1
                break
            self._join(joined, rows[joined])
            starts[self.places.place(joined)[0]] = rows[joined]
            joined += 1
        self.layers[0].sweep(starts[: self.places.rows(joined)], stop)
        return stop, joined

    def _cut(self, row: int) -> int:
        """Let nothing go on from `row`; return the row where the next window ends."""
        for layer in self.layers:
            layer.cut()
        return row - 1

    def _join(self, index: int, row: int) -> None:
        """Start loss time `index` of the block with (1)."""
        self._joined_at, (m, columns) = row, self.places.place(index)
        if columns.start:
            for layer in self.layers:
                layer.empty(m, columns, row)
        top = self.layers[-1]
        arriving = self.source.rows[row]
        if arriving is None:
            return
        top.incoming[m, :, columns] = arriving
        exponents = self.source.exponents
        top.exponents[m, columns] = 0 if exponents is None else exponents[row]

    def _row(self, row: int, joined: int, visitor: Visitor | None) -> None:
        """Pass one state row: every layer from its λ at `row` to its λ at `row` − 1."""
        top, m = len(self.layers) - 1, self.places.rows(joined)
        outside = self._from_loss(row, joined) if self.skips[top] else None
        for index in range(top, -1, -1):
            layer = self.layers[index]
            if index < top:
                outside = self._hand_down(index + 1, m, outside)
                layer.add(m, outside)
            layer.measure(m, row, layer.incoming[:m], self._period == 1)
            layer.step_back(m, row)
            own = layer.state_delta(m)
            if own is not None:
                layer.measure(m, row, own, True)
            if visitor is not None:
                visitor(self._visit(index, row, joined))
        for layer in self.layers:
            layer.go_back(m, row)  # (2)

    def _visit(self, index: int, row: int, joined: int) -> Visit:
        layer, apart, m = self.layers[index], self.places.apart, self.places.rows(joined)
        return Visit(
            layer=index,
            row=row,
            time=row,
            losses=self._last - np.arange(joined),
            incoming=apart(layer.incoming[:m], joined),
            deltas=apart(layer.deltas[:m], joined),
            exponents=apart(layer.exponents[:m], joined),
        )

    def _from_loss(self, row: int, joined: int) -> Scaled:
        """Return what arrives at the top layer at `row`: only the loss that joined there."""
        top, m = self.layers[-1], self.places.rows(joined)
        values = np.zeros_like(top.incoming[:m])
        exponents = np.full_like(top.exponents[:m], NONE)
        if self._joined_at == row:
            last, columns = self.places.place(joined - 1)
            values[last, :, columns] = top.incoming[last, :, columns]
            exponents[last, columns] = top.exponents[last, columns]
        return Scaled(values, exponents)

    def _hand_down(self, index: int, m: int, outside: Scaled | None) -> Scaled:
        """Return what layer `index` hands to the layer below at this state row: (3)."""
        layer = self.layers[index]
        through = Scaled(layer.tape.to_inputs(layer.deltas[:m]), layer.exponents[:m])
        if not self.skips[index] or outside is None:
            return through
        return together(through, outside)

    def _in_range(self, row: int, checked: int, m: int) -> bool:
        """Rescale where a norm left its window; False where entries may have been lost."""
        for layer in self.layers:
            # With a period of 1 the norms were taken near 1: they say nothing of what is stored.
            if self._period == 1:
                layer.settle(m)
                continue
            kept, within = layer.norms_stay(m, row, checked)
            if not kept:
                return False
            if not within:
                layer.settle(m, layer.squares[:m, row] if self._alone else None)
        return True
