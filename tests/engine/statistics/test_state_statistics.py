"""Gates, pre-activations, and the gradients at cell states and outputs."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.observation import Observation
from engine.cells import CELLS
from engine.statistics import STATISTICS
from engine.statistics.parameter_gradient_histogram import EDGES, SMALLEST

Observe = Callable[..., Observation]
EXACT = 1e-10
H = 4


def compute(name: str, observation: Observation) -> Array:
    function = STATISTICS[name].compute
    assert function is not None
    return np.asarray(function(observation))


def silent(gates: int, biases: Array) -> dict[str, Array]:
    """Return weights of zero, and biases."""
    return {
        "weight_hh_l0": np.zeros((gates * H, H)),
        "weight_ih_l0": np.zeros((gates * H, 2)),
        "bias_ih_l0": biases,
    }


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def test_without_weights_the_cell_gradient_falls_by_the_forget_gate(observe: Observe) -> None:
    biases = np.repeat([0.3, -1.0, 0.5, 0.2], H)  # i, f, g, o
    seen = observe("lstm", weights=silent(4, biases), length=9)
    norms = compute("cell_gradient_norm", seen)[0]
    expected = norms[-1] + np.log10(sigmoid(np.array(-1.0))) * np.arange(8, -1, -1)
    np.testing.assert_allclose(norms, expected, atol=EXACT)


def test_the_cell_gradient_takes_in_what_comes_through_h(observe: Observe) -> None:
    seen = observe("lstm", length=5, asked=(2, 5))
    tape, layer = seen.sweep.tapes[0], seen.sweep.backward_layers[0]
    norms = 10 ** seen.log10_cell_norms[0]
    now = tape.now(slice(0, 5))
    through_h = layer.adjoints[1:] * now["o"] * (1 - now["tanh_c"] ** 2)
    total = layer.carried_rows.rows["c"][1:] + through_h
    scale = seen.sweep.loss.sample_scale
    np.testing.assert_allclose(norms, scale * np.linalg.norm(total, axis=1), rtol=EXACT)


@pytest.mark.parametrize("cell", ["elman", "gru", "janet"])
def test_cells_without_a_second_state_have_no_cell_gradient(observe: Observe, cell: str) -> None:
    assert np.isnan(compute("cell_gradient_norm", observe(cell))).all()


def test_output_gradient_of_a_silent_network_is_that_of_equal_classes(observe: Observe) -> None:
    weights = {"readout.weight": np.zeros((3, H)), "readout.bias": np.zeros(3)}
    seen = observe(weights=weights, asked=(3, 5), length=7)
    batch = type(seen.batch)(seen.batch.inputs, np.zeros((7, 3), np.int64), seen.batch.mask)
    asked = Observation(seen.network, batch, "cross_entropy")
    norms = compute("output_gradient_norm", asked)
    assert np.isneginf(norms[[0, 1, 3, 5, 6]]).all()
    # B/M = 1/2: two of the seven steps are asked.
    np.testing.assert_allclose(10 ** norms[[2, 4]], np.sqrt(1 - 1 / 3) / 2, rtol=EXACT)


def test_gates_without_weights_are_their_biases(observe: Observe) -> None:
    biases = np.array([0.3, -1.0, 0.5, 0.2])
    seen = observe("lstm", weights=silent(4, np.repeat(biases, H)))
    gates = compute("gate", seen)[0]
    expected = sigmoid(biases)
    expected[2] = np.tanh(biases[2])
    np.testing.assert_allclose(gates, np.broadcast_to(expected[:, None, None], gates.shape))


def test_the_only_gate_of_a_simple_cell_is_its_activation(observe: Observe) -> None:
    seen = observe("elman", "relu")
    np.testing.assert_array_equal(compute("gate", seen)[:, 0], compute("activation", seen))


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if len(cell.gates) == 1])
def test_the_only_gate_is_tanh_of_the_preactivation(observe: Observe, cell: str) -> None:
    seen = observe(cell, layers=2, length=5)
    expected = np.tanh(seen.preactivations).mean(axis=2)
    np.testing.assert_allclose(compute("gate", seen)[:, 0], expected, atol=EXACT)


@pytest.mark.parametrize("cell", CELLS)
def test_the_candidate_is_the_function_of_its_preactivation(observe: Observe, cell: str) -> None:
    seen = observe(cell, layers=2, length=5)
    activation = seen.cell.activation
    slopes = activation.slope(seen.preactivations)
    np.testing.assert_allclose(slopes, seen.slopes, atol=EXACT)


def test_preactivations_without_weights_are_the_bias(observe: Observe) -> None:
    biases = np.array([-100.0, 0.1, 7.9, 8.0])
    counts = compute("preactivation_histogram", observe(weights=silent(1, biases), size=3))[0, 0]
    assert counts.sum() == 3 * H
    assert counts[[0, 1 + 32, 64, 65]].tolist() == [3, 3, 3, 3]


def test_gradients_of_exactly_zero_are_counted_apart(observe: Observe) -> None:
    seen = observe(activation="identity", length=1)  # h_0 = 0: nothing to learn for W_h
    counts = compute("parameter_gradient_histogram", seen)
    index = list(seen.network.parameter_shapes).index("weight_hh_l0")
    assert counts[index, 0] == H * H
    assert counts[:, 0].sum() == H * H


def test_gradient_histogram_agrees_with_numpy_s_own(observe: Observe) -> None:
    seen = observe("gru", length=12)
    counts = compute("parameter_gradient_histogram", seen)
    for index, gradient in enumerate(seen.parameter_gradients.values()):
        sizes = np.abs(gradient).ravel()
        edges = [0.0, *EDGES, np.inf]
        assert counts[index].tolist() == np.histogram(sizes, edges)[0].tolist()
        assert counts[index, 0] == (sizes < SMALLEST).sum()
