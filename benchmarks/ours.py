"""Our side: `engine.train`, with the norm of every total gradient at every training step."""

import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

import engine
from benchmarks.workloads import Workload
from engine.tasks.base import Batch

FULLY = {"batch": "training", "every": 1, "statistics": ["hidden_gradient_norm"]}
"""A whole frame of the training batch itself at every training step."""


def recorded_training(workload: Workload) -> Callable[[], object]:
    """Return what makes one training step: update, next batch, sweep, and its frame.

    The frame holds the norms of dℓ/dh_t at every time step, and all that a verdict reads.
    """
    config = engine.RunConfig.from_dict(workload.config(**FULLY))
    snapshots = engine.train(config)
    recorder = engine.Recorder(config)

    def step() -> object:
        frame = recorder.look(next(snapshots))
        if frame is None or not np.isfinite(frame.arrays["hidden_gradient_norm"]).any():
            raise RuntimeError(f"{workload.name}: a step without its norms")
        return frame

    return step


def batches(workload: Workload, count: int) -> list[Batch]:
    """Return the first batches that the training of this workload sees, copied."""
    config = engine.RunConfig.from_dict(workload.config(every=10_000_000))
    return [_copy(snapshot) for snapshot in islice(engine.train(config), count)]


def _copy(snapshot: engine.Snapshot) -> Batch:
    batch = snapshot.batch
    if batch is None:
        raise RuntimeError("a training step without a batch")
    return type(batch)(batch.inputs.copy(), batch.targets.copy(), batch.mask.copy())


def prices(workload: Workload, steps: int, **recording: object) -> tuple[float, float]:
    """Return CPU seconds of a training step alone, and of the look of a Recorder at it.

    Args:
        workload: What is trained.
        steps: Training steps over which medians are taken.
        recording: Of the configuration; a frame is made at every step.
    """
    config = engine.RunConfig.from_dict(workload.config(**{**recording, "every": 1}))
    return prices_of(config, engine.Recorder(config).look, steps)


def prices_of(
    config: engine.RunConfig, look: Callable[[engine.Snapshot], object], steps: int
) -> tuple[float, float]:
    """Return CPU seconds of a training step alone, and of a look at it: medians over `steps`."""
    snapshots: Iterator[engine.Snapshot] = engine.train(config)
    training, looking = [], []
    for _ in range(steps):
        start = time.process_time()
        snapshot = next(snapshots)
        swept = time.process_time()
        look(snapshot)
        training.append(swept - start)
        looking.append(time.process_time() - swept)
    return float(np.median(training)), float(np.median(looking))
