"""What a training step of a long sequence takes with every state in memory, and recomputed.

H = 64, B = 8, a loss at the last step, every norm taken. Memory is the peak of what Python and
NumPy allocate from before the sweep is bound to the end of its second step.
"""

import tracemalloc
from collections.abc import Callable

import numpy as np

from benchmarks.paired import measure as paired
from benchmarks.sizes import SEED
from benchmarks.tables import Row, Table
from engine.bptt.network import Network
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.tasks import Batch

HIDDEN, BATCH, INPUTS = 64, 8, 2
LENGTHS = 1_000, 10_000
NETWORKS = (("sigmoid", "elman", "sigmoid"), ("lstm", "lstm", None))
MEBIBYTE = 2**20


def batch_of(length: int) -> Batch:
    """Return random inputs of which one value is asked at the end."""
    rng = np.random.default_rng(SEED)
    inputs = rng.standard_normal((length, BATCH, INPUTS), np.float32)
    mask = np.zeros((length, BATCH), bool)
    mask[-1] = True
    return Batch(inputs, np.ones((length, BATCH, 1), np.float32), mask)


def network_of(cell: str, activation: str | None) -> Network:
    """Return a network with PyTorch's distribution of weights."""
    network = Network(
        make_cell(cell, activation), inputs=INPUTS, hidden=HIDDEN, outputs=1, dtype=np.float32
    )
    rng, bound = np.random.default_rng(SEED), HIDDEN**-0.5
    network.load(
        {
            name: rng.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in network.parameter_shapes.items()
        }
    )
    return network


def step_of(sweep: Sweep, batch: Batch) -> Callable[[], object]:
    """Return a step: forward, back and norms."""

    def step() -> object:
        sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        return sweep.log10_hidden_norms

    return step


def peak(kind: type[Sweep], network: Network, batch: Batch) -> int:
    """Return the bytes at the peak of two steps in a sweep's own memory."""
    tracemalloc.start(1)
    try:
        step = step_of(kind(network, length=len(batch.inputs), batch=BATCH), batch)
        step(), step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(rounds: int) -> list[Row]:
    """Return a row for each network and length."""
    rows: list[Row] = []
    for name, cell, activation in NETWORKS:
        for length in LENGTHS:
            network, batch = network_of(cell, activation), batch_of(length)
            step_of(SegmentedSweep(network, length=length, batch=BATCH), batch)()  # compiles
            peaks = [peak(kind, network, batch) for kind in (Sweep, SegmentedSweep)]
            whole, again = (
                step_of(kind(network, length=length, batch=BATCH), batch)
                for kind in (Sweep, SegmentedSweep)
            )
            found = paired(whole, again, rounds)
            rows.append(
                {
                    "network": name,
                    "length": length,
                    "whole_mib": peaks[0] / MEBIBYTE,
                    "recomputed_mib": peaks[1] / MEBIBYTE,
                    "share": peaks[1] / peaks[0],
                    "whole_ms": 1e3 * found.ours,
                    "recomputed_ms": 1e3 * found.theirs,
                    "price": found.ratio,
                }
            )
    return rows


TABLE = Table(
    name="long_sequences",
    measure=measure,
    columns={
        "network": "{network}",
        "T": "{length:,}",
        "whole MiB": "{whole_mib:.1f}",
        "recomputed MiB": "{recomputed_mib:.1f}",
        "whole ms": "{whole_ms:.1f}",
        "recomputed ms": "{recomputed_ms:.1f}",
        "price": "{price:.2f}",
    },
)
