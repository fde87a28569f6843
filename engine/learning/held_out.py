"""The loss on what is held out, computed only where somebody asks."""

import math

import numpy as np

from engine.bptt.network import Network
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.sweep import Sweep
from engine.tasks import Batch, Task

# Sequences swept at once at most: enough for the matrix products.
AT_ONCE = 64


def part_size(sequences: int) -> int:
    """Return into how large parts, all of a size, a held-out set is cut."""
    return math.ceil(sequences / math.ceil(sequences / AT_ONCE))


class HeldOut:
    """A task's held-out set with a sweep of its own, so that training's buffers stay.

    Attributes:
        batch: The whole set.
    """

    def __init__(self, task: Task, network: Network) -> None:
        """Bind the task's held-out set to a network; nothing is made before it is asked for."""
        self._task, self._network = task, network
        self._batch: Batch | None = None
        self._sweep: Sweep | None = None

    @property
    def batch(self) -> Batch:
        """The held-out set."""
        if self._batch is None:
            self._batch = self._task.validation()
        return self._batch

    def evaluate(self, reduction: str, batch_size: int) -> tuple[float, float | None]:
        """Return loss and accuracy with the network's present weights.

        Args:
            reduction: "mean" over asked steps and sequences, or "sum": then as if the held-out
                set had as many sequences as a training batch, so that the two losses compare.
            batch_size: B of the training.
        """
        batch = self.batch
        size = part_size(batch.size)
        if self._sweep is None:
            # A way forward alone needs no more than a segment.
            length = self._task.length
            self._sweep = SegmentedSweep(self._network, length=length, batch=size)
        total, correct, counted = 0.0, 0.0, False
        asked = int(np.count_nonzero(batch.mask))
        for start in range(0, batch.size, size):
            part, weight = _part(batch, start, size)
            found = self._sweep.forward(part, self._task.loss, "mean")
            total += found.value * weight
            if found.accuracy is not None:
                correct, counted = correct + found.accuracy * weight, True
        loss = total * batch_size / batch.size if reduction == "sum" else total / asked
        return loss, correct / asked if counted else None


def _part(batch: Batch, start: int, size: int) -> tuple[Batch, int]:
    """Return `size` sequences from `start`, and how many answers they ask for.

    The last part is filled up with the first sequences, unasked.
    """
    if size == batch.size:
        return batch, int(np.count_nonzero(batch.mask))
    chosen = np.arange(start, start + size)
    beyond = chosen >= batch.size
    chosen[beyond] -= batch.size
    mask = batch.mask[:, chosen] & ~beyond
    return Batch(batch.inputs[:, chosen], batch.targets[:, chosen], mask), int(
        np.count_nonzero(mask)
    )
