"""Compiling ahead, so that no run has to wait for it."""

import numpy as np

from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.compiled import twin_of
from engine.tasks.base import Batch

LONG_ENOUGH = 64
"""Steps in which an adjoint that a small weight multiplies leaves its window: rescaling, too."""


def compile_loops() -> list[str]:
    """Compile the loops of every cell that has a twin, in float32; return the cells' names.

    Done once after an installation, it saves the first run of each cell some seconds.
    """
    names = [name for name in CELLS if twin_of(make_cell(name)) is not None]
    for name in names:
        _sweep(name)
    return names


def _sweep(name: str) -> None:
    network = Network(make_cell(name), inputs=1, hidden=2, outputs=1)
    network.flat.fill(0.01)
    network.prepare()
    mask = np.zeros((LONG_ENOUGH, 1), bool)
    mask[-1] = True
    values = np.ones((LONG_ENOUGH, 1, 1), np.float32)
    sweep = Sweep(network, length=LONG_ENOUGH, batch=1)
    sweep.forward(Batch(values, values, mask), "mean_squared_error")
    sweep.backward()
    norms = sweep.hidden_norms()
    _ = norms.each
