"""A trace tells every statistic of a sweep, whatever its gradients come from."""

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.cells import CELLS, make_cell
from engine.statistics import STATISTICS
from engine.tracing import Trace, trace

T, B, D, H, K = 5, 2, 2, 4, 3
OF_SWEEPS = [name for name, definition in STATISTICS.items() if definition.compute]

every_cell = pytest.mark.parametrize("cell", CELLS)


def parameters_of(cell: str, rng: np.random.Generator, outputs: int) -> dict[str, Array]:
    network = Network(
        make_cell(cell), inputs=D, hidden=H, layers=2, outputs=outputs, dtype=np.dtype("float64")
    )
    shapes = network.parameter_shapes
    found: dict[str, Array] = {name: 0.5 * rng.normal(size=s) for name, s in shapes.items()}
    for name, value in found.items():
        if name.startswith("bias_hh"):
            value[: 2 * H] = 0
    return found if outputs else {n: v for n, v in found.items() if not n.startswith("readout")}


def all_defined(found: Trace, cell: str) -> None:
    """Check that what has to be there is: the gradient at every state, of closed units zero."""
    assert np.isfinite(found.statistic("hidden_gradient_norm")).all(), cell
    assert not np.isnan(found.statistic("hidden_gradient")).any(), cell


@every_cell
def test_of_a_loss(cell: str, rng: np.random.Generator) -> None:
    found = trace(
        cell,
        parameters_of(cell, rng, K),
        rng.normal(size=(T, B, D)),
        targets=rng.integers(0, K, (T, B)),
        statistics=OF_SWEEPS,
    )
    all_defined(found, cell)
    assert not np.isnan(found.statistic("gain_factors")).any()


@every_cell
def test_of_gradients_at_the_outputs(cell: str, rng: np.random.Generator) -> None:
    found = trace(
        cell,
        parameters_of(cell, rng, 0),
        rng.normal(size=(T, B, D)),
        output_gradients=rng.normal(size=(T, B, H)),
        statistics=OF_SWEEPS,
    )
    all_defined(found, cell)


@every_cell
def test_of_gradients_of_the_final_state(cell: str, rng: np.random.Generator) -> None:
    names = make_cell(cell).state_names
    final = tuple(rng.normal(size=(2, B, H)) for _ in names)
    found = trace(
        cell,
        parameters_of(cell, rng, 0),
        rng.normal(size=(T, B, D)),
        final_state_gradients=final if len(names) > 1 else final[0],
        statistics=OF_SWEEPS,
    )
    all_defined(found, cell)
    assert np.isneginf(found.statistic("output_gradient_norm")).all()


def test_carried_states_reach_a_trace_s_statistics(rng: np.random.Generator) -> None:
    """The gradient of c at T alone: all of it is carried, none of it comes from an output."""
    found = trace(
        "lstm",
        parameters_of("lstm", rng, 0),
        rng.normal(size=(T, B, D)),
        final_state_gradients=(np.zeros((2, B, H)), rng.normal(size=(2, B, H))),
    )
    assert np.isfinite(found.statistic("cell_gradient_norm")).all()
    carry = found.statistic("gain_factors")[..., 2]
    assert np.isfinite(carry).all()
    assert (carry < 0).all()  # forget gates are below 1
