"""The way back through the read-out, of few outputs and of many."""

import tracemalloc

import numpy as np
import pytest

from engine.bptt.network import Network
from engine.bptt.readout import Readout
from engine.cells import make_cell

STEPS, HIDDEN = 60, 16


def filled(outputs: int, batch: int, rng: np.random.Generator) -> tuple[Readout, np.ndarray]:
    """Return a read-out to go back through, and the gradient that equation (3) says."""
    cell = make_cell("elman")
    network = Network(cell, inputs=1, hidden=HIDDEN, outputs=outputs, dtype="float64")
    readout = Readout(network)
    states = rng.standard_normal((STEPS, HIDDEN, batch))
    dy = rng.standard_normal((STEPS, outputs, batch))
    readout.inject(states, dy)
    return readout, np.einsum("nkb,nhb->kh", dy, states)


@pytest.mark.parametrize(("outputs", "batch"), [(1, 4), (3, 4), (4, 4), (5, 4), (200, 1)])
def test_the_gradient_is_a_sum_over_steps_and_samples(
    outputs: int, batch: int, rng: np.random.Generator
) -> None:
    readout, wanted = filled(outputs, batch, rng)
    readout.backward()
    gradient = readout.network.readout_gradient
    np.testing.assert_allclose(gradient[:, :HIDDEN], wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient[:, HIDDEN], readout.dy.sum(axis=(0, 2)), atol=1e-12)


def test_many_outputs_take_no_matrix_for_every_step(rng: np.random.Generator) -> None:
    outputs = 400
    readout, _ = filled(outputs, 1, rng)
    tracemalloc.start()
    try:
        readout.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < STEPS * outputs * HIDDEN * readout.dy.itemsize / 4
