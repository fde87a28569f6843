"""Bytes of the arrays of a network's sweeps, block by block as tapes and sweeps lay them out."""

from dataclasses import dataclass

from engine.bptt.segments import Segments
from engine.bptt.tape import CHUNK
from engine.cells.base import Cell

CALL_BYTES = 260
"""Memory of one bound call of a stack's step: its tuple, its views and their places in the list."""

VIEW_BYTES = 130
"""Memory of one row that stands in a list by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """The sizes that a network's memory follows from.

    Attributes:
        length, inputs, hidden: T, D, H.
        layers: Entries of the layer axis.
        directions: N, 1 or 2.
        item: Bytes of a number.
        bound: Bytes that a step binds, forward and back; None where compiled loops sweep it.
        window: Steps after which the way back is cut.
    """

    cell: Cell
    length: int
    inputs: int
    hidden: int
    layers: int
    directions: int
    item: int
    bound: tuple[int, int] | None
    window: int | None = None

    def read(self, layer: int) -> int:
        """Return how many features a layer reads."""
        return self.directions * self.hidden if layer >= self.directions else self.inputs

    @property
    def segments(self) -> Segments:
        """Where sweeps that hold a segment at a time cut the sequence."""
        furthest = max(self.cell.lags.values(), default=1)
        return Segments.of(self.length, furthest=max(1, furthest), window=self.window)

    @property
    def swept_twice(self) -> int:
        """Steps that such a sweep runs once more on the way back."""
        cut = self.segments
        return cut.steps * max(0, cut.count - 2)

    def whole(self, batch: int, *, observed: bool = True) -> int:
        """Return the bytes of a sweep forward and back with every step on the tape.

        Args:
            batch: B.
            observed: Whether statistics look at it, which take chunks of it back once more.
        """
        layers, steps = range(self.layers), self.length
        forward = sum(self._forward(layer, batch, steps) for layer in layers)
        carried = len(self.cell.carries) * (steps + 1) * self.hidden * batch * self.item
        once = self._back(batch, steps, 2 if observed else 1)
        back = self.layers * (once + carried) + self._between(batch)
        return forward + back + self.side_by_side(batch)

    def segmented(self, batch: int, asked: int, *, back: bool = True) -> int:
        """Return the bytes of a sweep with a segment at a time on the tape.

        Args:
            batch: B.
            asked: Steps at which the loss asks.
            back: Whether it sweeps back, too.
        """
        cut, row = self.segments, self.hidden * batch * self.item
        alone = self.directions == 1
        total = self.side_by_side(batch) + (self._between(batch) if back else 0)
        states = len({*self.cell.state_names, "h"})
        for layer in range(self.layers):
            top = alone and layer == self.layers - 1
            total += ((asked if top else self.length) + 1 + (cut.count - 1) * states) * row
            for steps in (cut.steps, self.length - cut.bounds(cut.count - 1)[0]):
                total += self._forward(layer, batch, steps)
                total += self._back(batch, steps, 1) if back else 0  # nobody looks at it
            total += self.length * batch * (self.item + 4) if back else 0  # norms
        return total

    def _forward(self, layer: int, batch: int, steps: int) -> int:
        cell, heights = self.cell, {"x": self.read(layer), "one": 1}
        rows = sum(heights.get(name, self.hidden) for name in cell.inputs)
        rows += len(cell.tape) * self.hidden
        calls = steps * self.bound[0] if self.bound else 0
        return (steps + 1) * rows * batch * self.item + calls

    def _back(self, batch: int, steps: int, chunks: int) -> int:
        """Return those of a layer's way back, without what of it may be kept of every step."""
        cell, H = self.cell, self.hidden
        reads, chunk = len(cell.read_states), min(CHUNK, steps)
        rows = (reads + (cell.state_delta is not None)) * H
        narrow = self.item + 4 * 4  # squares, and four rows of exponents
        arrays = (steps + 1) * batch * (rows * self.item + narrow)
        local = len(cell.slopes) + 2 * len(cell.deltas) + len(cell.inputs)
        of_chunk = chunks * chunk * local * H * batch * self.item
        return arrays + of_chunk + (steps * self.bound[1] if self.bound else 0)

    def _between(self, batch: int) -> int:
        """Return those of what layers hand down."""
        row = batch * (self.directions * self.hidden * self.item + 4)
        upper = self.layers - self.directions
        return upper * (self.length + 1) * (row + VIEW_BYTES)

    def side_by_side(self, batch: int) -> int:
        """Return those of what layers of two directions hand up together."""
        levels = self.layers // self.directions if self.directions > 1 else 0
        width = self.directions * self.hidden
        return levels * (self.length + 1) * width * batch * self.item
