"""A training that runs on and on holds no more than it did at its beginning."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

import engine

FEW_BYTES = 10_000
"""Less than the states of six steps of one sequence."""

FEW_OBJECTS = 50

EVERY = 20
SETTLED = 3 * EVERY
"""Steps after which whatever is made once has been made."""

OF_ARRAYS = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)


def held() -> tuple[int, int]:
    """Return the bytes of all arrays that are alive, and the number of small objects."""
    gc.collect()
    taken = tracemalloc.take_snapshot().filter_traces([OF_ARRAYS])
    return sum(trace.size for trace in taken.traces), sys.getallocatedblocks()


@pytest.mark.parametrize("steps", [100, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_memory_is_flat_however_many_steps_are_trained(cell: str, steps: int) -> None:
    config = engine.RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 30},
            "model": {"cell": cell, "hidden_size": 16},
            "training": {"steps": SETTLED + steps, "batch_size": 4},
            "recording": {"every": EVERY},
        }
    )
    recorder, snapshots = engine.Recorder(config), engine.train(config)
    for _ in range(SETTLED):
        recorder.look(next(snapshots))
    tracemalloc.start(1)
    try:
        for _ in range(EVERY):  # what one frame leaves for the next is there
            recorder.look(next(snapshots))
        held()
        arrays, objects = held()
        for _ in range(steps - EVERY):
            recorder.look(next(snapshots))
        more_arrays, more_objects = held()
    finally:
        tracemalloc.stop()
    assert more_arrays - arrays < FEW_BYTES
    assert more_objects - objects < FEW_OBJECTS
