"""Training sweeps of one network on several threads: the batch is cut into shards.

Each shard sweeps the whole sequence, forward and back, with buffers of its own. What they meet for
is the sum of the gradients, once a training step; what they share is the weights, which nobody
changes meanwhile. NumPy and compiled loops let go of the interpreter while they compute, so the
shards are computed side by side on as many cores as there are.

The loss and the gradients are those of the whole batch to rounding: a sum over samples is added up
shard by shard, in the order of the shards. Their number alone decides the bits, not the machine's
cores nor which thread is done first.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import copy
from functools import partial
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.readout import Loss
from engine.bptt.sweep import Sweep
from engine.bptt.weights import LayerWeights
from engine.tasks.base import Batch

R = TypeVar("R")


def shard_sizes(batch: int, shards: int) -> list[int]:
    """Return how many samples each shard of a batch has, the larger ones first.

    Example:
        >>> shard_sizes(7, 3)
        [3, 2, 2]
    """
    least, more = divmod(batch, shards)
    return [least + 1] * more + [least] * (shards - more)


class ShardNetwork(Network):
    """A network's weights, with room of its own for a gradient that is a part of the whole one."""

    def __init__(self, network: Network, *, apart: bool) -> None:
        """Look at a network.

        Args:
            network: What is trained; it is prepared before a shard is swept.
            apart: Whether gradients go elsewhere than to the network's own.
        """
        vars(self).update(vars(network))
        if apart:
            self.layers = [_apart(layer) for layer in network.layers]
            self.readout_gradient = np.zeros_like(network.readout_gradient)

    def renew(self) -> None:
        """Leave the weights to the whole network, which has prepared them for all shards."""

    def finish_gradient(self, scale: float | Array) -> None:
        """Leave a part of the gradient as it is: the sum of all parts is what gets finished."""

    @property
    def shares(self) -> list[Array]:
        """What a sweep adds up: the gradients of all matrices that it multiplies with."""
        found = [self.readout_gradient]
        for layer in self.layers:
            found += [product.gradient for product in layer.products]
            found.append(layer.vector_gradient)
        return found


def _apart(layer: LayerWeights) -> LayerWeights:
    """Return the same weights and copies of them, with gradients of their own."""
    own = copy(layer)
    own.products = [copy(product) for product in layer.products]
    for product in own.products:
        product.gradient = np.zeros_like(product.gradient)
    own.vector_gradient = np.zeros_like(layer.vector_gradient)
    return own


class ShardedSweep:
    """Buffers, bound programs and threads for one network at fixed T and B.

    Attributes:
        shards: The sweeps of the parts of a batch, in the order of the samples.
        weights: Of each shard, its share of the samples.
    """

    def __init__(
        self,
        network: Network,
        *,
        length: int,
        batch: int,
        shards: int,
        window: int | None = None,
        kind: type[Sweep] = Sweep,
    ) -> None:
        """Allocate and bind; threads start with the first sweep.

        Args:
            network: Its weights may change between sweeps.
            length: T.
            batch: B.
            shards: How many threads sweep a part each, the calling one included, at most B.
            window: Steps after which the way back is cut; None for the whole sequence.
            kind: Of sweeps.
        """
        self._network = network
        sizes = shard_sizes(batch, shards)
        self.weights = [size / batch for size in sizes]
        self._samples = [slice(*edges) for edges in pairwise(accumulate(sizes, initial=0))]
        # The first shard adds to the network's own gradient, and the others to it in the end.
        networks = [ShardNetwork(network, apart=number > 0) for number in range(shards)]
        self._shares = [each.shares for each in networks]
        self.shards = [
            kind(each, length=length, batch=size, window=window)
            for each, size in zip(networks, sizes, strict=True)
        ]
        self._threads = ThreadPoolExecutor(max(1, shards - 1), thread_name_prefix="shard")

    def forward_and_back(self, batch: Batch, loss: str, reduction: str = "mean") -> Loss:
        """Run the recurrences from zero states and back again; fill the network's gradient.

        Args:
            batch: All samples.
            loss: One of the task's losses.
            reduction: "mean" or "sum" over the asked targets of the whole batch.

        Returns:
            The loss of the whole batch.
        """
        self._network.renew()
        # Every shard looks at the steps that the whole batch asks for, as the batch itself does.
        steps = batch.asked
        parts = [
            Batch(batch.inputs[:, own], batch.targets[:, own], batch.mask[:, own], steps)
            for own in self._samples
        ]
        found = self._side_by_side(
            [
                partial(_sweep, shard, part, loss)
                for shard, part in zip(self.shards, parts, strict=True)
            ]
        )
        whole = _joined(found, parts, reduction)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            first, *others = self._shares
            for shares in others:
                for total, share in zip(first, shares, strict=True):
                    np.add(total, share, total)
            self._network.finish_gradient(whole.scale)
        return whole

    def each(self, function: Callable[[Sweep], R]) -> list[R]:
        """Return what a function finds at every shard's sweep, taken on the shard's thread."""
        return self._side_by_side([partial(function, shard) for shard in self.shards])

    def _side_by_side(self, tasks: Sequence[Callable[[], R]]) -> list[R]:
        """Run every task on a thread of its own, the first on this one; return what they do."""
        # A thread starts without NumPy's settings of the one that asks: it is given a copy.
        others = [self._threads.submit(copy_context().run, task) for task in tasks[1:]]
        try:
            first = tasks[0]()
        finally:  # nobody is left at work on buffers that may be used again
            for other in others:
                other.exception()
        return [first, *(other.result() for other in others)]


def _sweep(shard: Sweep, part: Batch, loss: str) -> Loss:
    found = shard.forward(part, loss, "sum")
    shard.backward()
    return found


def _joined(found: Sequence[Loss], parts: Sequence[Batch], reduction: str) -> Loss:
    """Return the loss of a batch whose parts have these losses, summed."""
    counts = [int(np.count_nonzero(part.mask)) for part in parts]
    count, size = sum(counts), sum(part.size for part in parts)
    total, correct = 0.0, 0
    for each, asked in zip(found, counts, strict=True):
        total += each.value
        correct += round((each.accuracy or 0) * asked)
    accuracy = None if found[0].accuracy is None else correct / count
    if reduction == "mean":
        return Loss(total * (1 / count), accuracy, 1 / count, size / count)
    return Loss(total, accuracy, 1.0, 1.0)
