"""A training that runs on and on holds no more than it did at its beginning."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

import engine

FEW_BYTES = 10_000
"""Less than the states of six steps of one sequence."""

FEW_OBJECTS = 75
"""What the interpreter's own pools come and go by, and a long run some more of it."""

MEGABYTE = 1_000_000

EVERY = 20
SETTLED = 10 * EVERY
"""Steps after which whatever is made once has been made, and the interpreter's free lists are full.
"""

OF_ARRAYS = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)


def few_objects(steps: int) -> int:
    """Return less than one object for every other frame, on top of what comes and goes."""
    return FEW_OBJECTS + steps // EVERY // 2


def held() -> tuple[int, int, int]:
    """Return the bytes of all arrays that are alive, the number of small objects, and all bytes."""
    gc.collect()
    objects, everything = sys.getallocatedblocks(), tracemalloc.get_traced_memory()[0]
    taken = tracemalloc.take_snapshot().filter_traces([OF_ARRAYS])  # made of objects, too
    return sum(trace.size for trace in taken.traces), objects, everything


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
        arrays, objects, everything = held()
        for _ in range(steps - EVERY):
            recorder.look(next(snapshots))
        more_arrays, more_objects, more = held()
    finally:
        tracemalloc.stop()
    assert more_arrays - arrays < FEW_BYTES
    assert more_objects - objects < few_objects(steps)
    assert more - everything < MEGABYTE
