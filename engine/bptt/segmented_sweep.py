"""Training sweeps whose tapes hold a segment of the sequence at a time.

Losses, gradients and norms have the bits of a whole tape's. What a step leaves beside them is
not kept, so whoever looks at states, adjoints or Jacobians is refused.

What stays as long as the sequence: the batch, the norms, of a stack of layers each layer's
outputs and what it hands down, and what the loss reads where it asks at many steps. Each layer is
swept through the whole sequence before the one below it, because a layer takes exponents from the
first step back or not at all, by whether anything that arrives at it has one.
"""

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.readout import Loss
from engine.bptt.segmented_backward import SegmentedBackward
from engine.bptt.segmented_tape import SegmentedTape
from engine.bptt.sweep import Sweep
from engine.bptt.swept import SweptLayer
from engine.errors import EngineError
from engine.tasks.base import Batch

REFUSAL = (
    "states and adjoints of every step were asked of a sweep that keeps those of one segment: "
    'expected a sweep of a whole tape, a probe\'s or one with training.memory "whole"'
)


class SegmentedSweep(Sweep):
    """Buffers and bound programs for one network at fixed T and B, in memory that grows as √T."""

    def _make_layers(self, window: int | None) -> None:
        size = self.length, self.batch, self.network.dtype
        self._segmented = [SegmentedTape(layer, *size, window) for layer in self.network.layers]
        self._segmented_back: list[SegmentedBackward] = []
        self._every_row: IntArray = np.arange(1, self.length + 1)
        self._asked: IntArray = self._every_row

    @property
    def tapes(self) -> NoReturn:
        """No tape holds every step."""
        raise EngineError(REFUSAL)

    @property
    def backward_layers(self) -> NoReturn:
        """No layer's adjoints are there for every step."""
        raise EngineError(REFUSAL)

    def keep_carried(self, wanted: bool = True) -> None:
        """Keep nothing: who reads what was carried is refused, like all who read every step."""

    def count_saturated(self, wanted: bool = True) -> None:
        """Count nothing: who reads the counts is refused."""

    def _unroll_layer(self, index: int, xs: Array, states: object) -> None:
        alone = self._handed_up[-1] is None and index == len(self._segmented) - 1
        own = xs[::-1] if self.network.layers[index].reverse else xs
        self._segmented[index].unroll(own, self._asked if alone else self._every_row)

    def _outputs(self, index: int) -> Array:
        return self._segmented[index].outputs

    def forward(self, batch: Batch, loss: str, reduction: str = "mean") -> Loss:
        """Run the recurrences from zero states and return the loss."""
        self._asked = batch.asked + 1
        return super().forward(batch, loss, reduction)

    def forward_loss(self, batch: Batch, loss: str, reduction: str = "mean") -> Loss:
        """Return the loss of what was unrolled."""
        if self._handed_up[-1] is not None:
            return super().forward_loss(batch, loss, reduction)
        asked = self._asked - 1
        read = Batch(batch.inputs, batch.targets[asked], batch.mask[asked], np.arange(len(asked)))
        found = super().forward_loss(read, loss, reduction)
        self.readout.rows = self._asked.tolist()
        return found

    @property
    def _swept(self) -> Sequence[SweptLayer]:
        if not self._segmented_back:
            self._segmented_back = [
                SegmentedBackward(tape, self.gradients_of) for tape in self._segmented
            ]
        return self._segmented_back
