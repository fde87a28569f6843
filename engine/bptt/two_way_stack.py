"""Many adjoints at once where layers read the sequence both ways: one layer after the other.

In a stack of two directions what the loss at t brings to a state, the layer of the other direction
carries on to states on the far side of t. So layers cannot run in lockstep: every layer passes
all of its rows, with what arrives from above at each of them, before those below it start.

    row m of a top layer gets its immediate derivative at its loss time, zero elsewhere     (1)
    δ = step_back(slopes_t, λ, carried);  λ ← W_hᵀ δ + carried + what arrives               (2)
    what arrives below is the sum of W_xᵀ δ of both directions at the same time             (3)

Every row (loss time, sample, layer) gets its own power of two at every step.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.arrays import Array
from engine.bptt.exponents import NONE, Scaled, log10_mean_norms, scaled_near_one, together
from engine.bptt.network import Network
from engine.bptt.sources import Source
from engine.bptt.stack import BLOCK, Visit, Visitor
from engine.bptt.stack_layer import StackLayer
from engine.bptt.tape import LayerTape

LARGEST_BETWEEN = 2**26
"""Bytes of what passes between two layers at once: above, a block has fewer loss times."""


class TwoWayStack:
    """Sweeps the losses of chosen times back through layers that read the sequence both ways."""

    def __init__(self, tapes: Sequence[LayerTape], network: Network, count: int) -> None:
        """Allocate and bind; a stack serves every sweep of the same tapes.

        Args:
            tapes: The layers' tapes.
            network: Their network.
            count: How many loss times it will sweep back.
        """
        T, B = tapes[0].length, tapes[0].batch
        row = (T + 1) * network.width * B * network.dtype.itemsize
        self.count = min(BLOCK, count, max(1, LARGEST_BETWEEN // row))
        self.network, self.length = network, T
        self.layers = [StackLayer(tape, self.count) for tape in tapes]
        self._outside, self._below = (
            Scaled(
                np.zeros((T + 1, self.count, network.width, B), network.dtype),
                np.full((T + 1, self.count, B), NONE, np.int32),
            )
            for _ in range(2)
        )

    def run(
        self, source: Source, loss_rows: Sequence[int], visitor: Visitor | None = None
    ) -> Iterator[tuple[int, Array]]:
        """Sweep all blocks: arguments and answers are those of `Stack.run`, rows by time."""
        for layer in self.layers:
            layer.linearize()
        for first in range(0, len(loss_rows), self.count):
            times = list(loss_rows[first : first + self.count])
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                self._start(source, times)
                for index in range(len(self.layers) - 1, -1, -self.network.directions):
                    self._level(self.network.level(index), len(times), first, visitor)
            yield first, self._norms(len(times))

    def _norms(self, m: int) -> Array:
        """Return log10 of the mean norms of the first m loss times, (S, m, T)."""
        norms = []
        for layer in self.layers:
            found = log10_mean_norms(layer.squares[:m, 1:], layer.norm_exponents[:m, 1:])
            norms.append(layer.tape.in_time(found.T).T)
        return np.stack(norms)

    def _start(self, source: Source, times: Sequence[int]) -> None:
        """Set what arrives at the top layers: (1)."""
        values, exponents = self._outside
        values.fill(0)
        exponents.fill(NONE)
        for m, time in enumerate(times):
            row = source.rows[time]
            if row is not None:
                values[time, m] = row
                exponents[time, m] = source.exponents_at(time)

    def _level(self, level: range, m: int, first: int, visitor: Visitor | None) -> None:
        """Sweep the layers that lie side by side; leave what arrives below them as outside."""
        skipped = self.network.skips[level.start]
        for array, empty in zip(self._below, (0, NONE), strict=True):
            array.fill(empty)
        if skipped:
            for array, outside in zip(self._below, self._outside, strict=True):
                np.copyto(array, outside)
        for index in level:
            self._layer(index, m, first, visitor, hand_down=level.start > 0)
        self._outside, self._below = self._below, self._outside

    def _layer(
        self, index: int, m: int, first: int, visitor: Visitor | None, *, hand_down: bool
    ) -> None:
        """Sweep one layer over all of its rows."""
        layer, side = self.layers[index], self.network.side(index)
        layer.clear()
        for row in range(self.length, 0, -1):
            time = layer.tape.row_of(row)
            outside = self._outside.values[time, :m, side], self._outside.exponents[time, :m]
            layer.add(m, scaled_near_one(*outside))
            layer.measure(m, row, layer.incoming[:m], True)
            layer.step_back(m, row)
            own = layer.state_delta(m)
            if own is not None:
                layer.measure(m, row, own, True)
            if visitor is not None:
                adjoints = layer.incoming[:m], layer.deltas[:m], layer.exponents[:m]
                visitor(Visit(index, row, time, first + np.arange(m), *adjoints))
            if hand_down:
                through = Scaled(layer.tape.to_inputs(layer.deltas[:m]), layer.exponents[:m])
                here = Scaled(self._below.values[time, :m], self._below.exponents[time, :m])
                here.values[...], here.exponents[...] = together(here, through)  # (3)
            layer.go_back(m, row)  # (2)
            layer.settle(m)
