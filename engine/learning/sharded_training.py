"""A training whose batches are swept on several threads, a part each (`training.threads`)."""

from functools import cache, cached_property

import numpy as np

from engine.bptt.sharded_sweep import ShardedSweep
from engine.learning.snapshot import Snapshot
from engine.learning.training import Training


class ShardedTraining(Training):
    """One training on several threads.

    Whoever looks at a whole batch's sweep, as frames of the training batch do, has it made again
    by the sweep of one thread, whose gradients are the same to rounding.
    """

    @cached_property
    def sharded(self) -> ShardedSweep:
        """What sweeps the batches; bound when it is first asked for."""
        options = self.config.training
        return ShardedSweep(
            self.network,
            length=self.task.length,
            batch=options.batch_size,
            shards=options.threads,
            window=options.truncation,
            kind=self.kind_of_sweep,
        )

    def look(self) -> Snapshot:
        """Sweep the batch of the next update and return what there is to see."""
        batch = self.draw()
        options = self.config.training
        found = self.sharded.forward_and_back(batch, self.task.loss, options.reduction)
        penalty = self._penalty_of_shards() if self._is_shown(found.value) else None
        # Once for a snapshot, and only where somebody looks at it.
        whole = cache(lambda: self.sweep_again(batch))
        return self.seen(batch, found.value, found.accuracy, whole, penalty)

    def _penalty_of_shards(self) -> float | None:
        term = self.regularization
        if term is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            parts = self.sharded.each(term.parts)
            return term.join(parts, self.sharded.weights)
