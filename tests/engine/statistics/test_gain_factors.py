"""The factors of a step back are what the definition says, and sum to what is measured."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.gains import FACTORS
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.cells import CELLS
from engine.statistics import STATISTICS
from engine.tracing import trace

Observe = Callable[..., Observation]
EXACT = 1e-10
H = 4


def compute(name: str, observation: Observation) -> Array:
    function = STATISTICS[name].compute
    assert function is not None
    return np.asarray(function(observation))


def factor(observation: Observation, name: str) -> Array:
    return compute("gain_factors", observation)[0, :, FACTORS.index(name)]


def test_gain_factors_of_a_linear_cell_are_those_of_its_weights(
    observe: Observe, rng: np.random.Generator
) -> None:
    rotation = np.linalg.qr(rng.normal(size=(H, H)))[0]
    seen = observe(activation="identity", weights={"weight_hh_l0": 0.3 * rotation}, length=40)
    np.testing.assert_allclose(factor(seen, "weights"), np.log(0.3), atol=EXACT)
    for name in ("slope", "arriving"):
        np.testing.assert_allclose(factor(seen, name), 0.0, atol=EXACT)
    for name in ("carry", "recurrent"):
        assert (factor(seen, name) == 0).all()


@pytest.mark.parametrize("asked", [(6,), (2, 4, 6), tuple(range(1, 7))])
@pytest.mark.parametrize("cell", CELLS)
def test_gain_factors_sum_to_the_measured_gain(
    observe: Observe, cell: str, asked: tuple[int, ...]
) -> None:
    seen = observe(cell, asked=asked, length=6)
    logs, left_out = seen.gains[0][0], seen.gains[1][0]
    # ln ‖J_tᵀ λ_t‖, which is the gradient of a network that starts in the state at t − 1.
    pulled = np.log([norm_of_start(seen, row) for row in range(6)])
    arriving = FACTORS.index("arriving")
    steps = logs.sum(axis=1) - logs[:, arriving]
    counted = ~(left_out[:-1] | left_out[1:])
    assert counted[:-1].all()
    measured = pulled[:-1] - pulled[1:]
    summed = steps[:-1] + logs[1:, arriving]
    np.testing.assert_allclose(summed[counted], measured[counted], atol=EXACT)


def norm_of_start(seen: Observation, row: int) -> Array:
    """Return ‖∂L/∂s‖, [B], of the network that starts in the state of that row."""
    tape, batch = seen.sweep.tapes[0], seen.batch
    cell = tape.cell

    def part(name: str) -> Array:
        earlier = name.partition("_")[2]
        if earlier:
            return tape.outputs[max(row - int(earlier), 0)]
        if cell.state_delta is not None:  # step t writes it beside its gates, into row t − 1
            states = tape.tape_rows.view(tape.tape, name)
            return states[row - 1] if row else np.zeros_like(states[0])
        return tape.now(row)[name]

    found = trace(
        cell.name,
        seen.network.parameters(),
        batch.inputs[row:],
        targets=batch.targets[row:],
        mask=batch.mask[row:],
        loss="mean_squared_error",
        reduction="sum",
        initial_state=tuple(part(name).T[None] for name in cell.state_names),
        options={"activation": cell.activation.name} if CELLS[cell.name].activation_choice else {},
    ).initial_state_gradient
    parts = found if isinstance(found, tuple) else (found,)
    norm: Array = np.sqrt(sum((array[0] ** 2).sum(axis=-1) for array in parts))
    return norm


def test_samples_without_a_gradient_are_counted(observe: Observe) -> None:
    seen = observe(asked=(4,), length=7, size=3)
    count = compute("gain_factors_left_out", seen)[0]
    assert count.tolist() == [0, 0, 0, 0, 3, 3, 3]
    assert np.isneginf(factor(seen, "weights")[4:]).all()
    assert np.isfinite(factor(seen, "weights")[:4]).all()


def test_units_that_are_off_for_every_sample_are_dead(observe: Observe) -> None:
    weights = {
        "weight_hh_l0": np.zeros((H, H)),
        "weight_ih_l0": np.zeros((H, 2)),
        "bias_ih_l0": np.array([-1.0, 0.0, 1.0, 2.0]),
    }
    assert compute("dead_units", observe(activation="relu", weights=weights)).tolist() == [0.5]
    assert np.isnan(compute("dead_units", observe(activation="tanh", weights=weights))).all()


OF_ANY_ACTIVATION = [name for name, definition in CELLS.items() if definition.activation_choice]


@pytest.mark.parametrize("cell", OF_ANY_ACTIVATION)
def test_dead_units_are_those_whose_preactivation_is_never_above_zero(
    observe: Observe, cell: str
) -> None:
    seen = observe(cell, "relu", length=2, size=1, hidden=16, layers=2)
    expected = (seen.preactivations <= 0).all(axis=(1, 2)).mean(axis=-1)
    assert (expected > 0).all()
    assert (expected < 1).all()
    assert compute("dead_units", seen).tolist() == expected.tolist()


@pytest.mark.parametrize("cell", OF_ANY_ACTIVATION)
def test_a_layer_whose_states_are_no_numbers_has_no_share_of_dead_units(
    observe: Observe, cell: str
) -> None:
    seen = observe(cell, "relu", layers=2, weights={"weight_ih_l1": np.full((H, H), np.nan)})
    assert np.isnan(seen.activity).any(axis=(1, 2, 3)).tolist() == [False, True]
    assert np.isnan(compute("dead_units", seen)).tolist() == [False, True]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "hard_tanh"])
def test_units_whose_state_is_not_a_number_are_neither_dead_nor_on(
    observe: Observe, activation: str
) -> None:
    weights = {"weight_hh_l0": np.zeros((H, H)), "weight_ih_l0": np.full((H, 2), np.nan)}
    seen = observe(activation=activation, weights=weights)
    for name in ("dead_units", "activation_slope", "activation"):
        assert np.isnan(compute(name, seen)).all(), name
    assert not compute("activation_slope_histogram", seen).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["elman", "preactivation", "lstm", "gru"])
def test_gain_factors_sum_over_a_gradient_that_leaves_the_number_range(
    observe: Observe, cell: str, dtype: str
) -> None:
    rng = np.random.default_rng(3)
    blocks = len(CELLS[cell].gates)
    weights = {
        "weight_hh_l0": 0.02 * rng.normal(size=(blocks * H, H)),
        "bias_ih_l0": np.full(blocks * H, -2.0),
    }
    seen = observe(cell, "sigmoid", length=400, weights=weights, dtype=dtype, asked=(150, 400))
    logs, left_out = seen.gains
    norms = np.log(10) * seen.log10_hidden_norms
    assert not left_out.any()
    if seen.cell.states == ("h",):
        gain = norms[:, :-1] - norms[:, 1:]
        tolerance = 1e-4 if dtype == "float32" else 1e-9
        np.testing.assert_allclose(logs[:, 1:].sum(axis=2), gain, atol=tolerance)
    assert norms.min() < -500  # far under the smallest number of either type


def test_factors_of_a_tanh_cell_follow_its_equations(observe: Observe) -> None:
    seen = observe(length=6, asked=(3, 6), size=2)
    logs, h = seen.gains[0][0], seen.hidden[0]
    adjoints = seen.sweep.backward_layers[0].adjoints.transpose(0, 2, 1)[1:]
    delta = adjoints * (1 - h**2)
    back = delta @ seen.network.parameters()["weight_hh_l0"]
    norm = [np.linalg.norm(a, axis=-1) for a in (adjoints, delta, back)]
    np.testing.assert_allclose(logs[:, 0], np.log(norm[1] / norm[0]), atol=EXACT)
    np.testing.assert_allclose(logs[:, 1], np.log(norm[2] / norm[1]), atol=EXACT)
    np.testing.assert_allclose(logs[1:, 4], np.log(norm[0][:-1] / norm[2][1:]), atol=EXACT)


def test_the_carry_of_a_gru_is_its_update_gate(observe: Observe) -> None:
    seen = observe("gru", length=5, asked=(2, 5), size=2)
    logs = seen.gains[0][0]
    adjoints = seen.sweep.backward_layers[0].adjoints.transpose(0, 2, 1)[1:]
    z = seen.sweep.tapes[0].now(slice(0, 5))["z"].transpose(0, 2, 1)
    carry = np.linalg.norm(z * adjoints, axis=-1) / np.linalg.norm(adjoints, axis=-1)
    np.testing.assert_allclose(logs[:, 2], np.log(carry), atol=EXACT)


def test_a_state_before_its_activation_meets_the_weights_first(observe: Observe) -> None:
    seen = observe("preactivation", length=5, asked=(2, 5), size=2)
    logs = seen.gains[0][0]
    adjoints = seen.sweep.backward_layers[0].state_adjoints.transpose(0, 2, 1)
    back = adjoints @ seen.network.parameters()["weight_hh_l0"]
    gain = np.linalg.norm(back, axis=-1) / np.linalg.norm(adjoints, axis=-1)
    np.testing.assert_allclose(logs[:, 1], np.log(gain), atol=EXACT)


def test_the_weights_of_an_indrnn_are_its_own_feedback(observe: Observe) -> None:
    seen = observe("indrnn", "tanh", length=5, asked=(2, 5), size=2)
    logs = seen.gains[0][0]
    adjoints = seen.sweep.backward_layers[0].adjoints.transpose(0, 2, 1)[1:]
    delta = adjoints * (1 - seen.hidden[0] ** 2)
    back = delta * seen.network.parameters()["u_l0"]
    norm = [np.linalg.norm(a, axis=-1) for a in (adjoints, delta, back)]
    np.testing.assert_allclose(logs[:, 0], np.log(norm[1] / norm[0]), atol=EXACT)
    np.testing.assert_allclose(logs[:, 1], np.log(norm[2] / norm[1]), atol=EXACT)
    assert (logs[:, 2:4] == 0).all()


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_what_returns_is_right_however_much_arrives_beside_it(
    observe: Observe, cell: str, scale: float
) -> None:
    """float32 against float64, with a loss at every step beside recurrences of any size."""
    asked = tuple(range(1, 21))
    blocks = len(CELLS[cell].gates)
    weights = {"weight_hh_l0": scale * np.random.default_rng(1).normal(size=(blocks * H, H))}
    exact = observe(cell, length=20, weights=weights, asked=asked)
    network = Network(exact.cell, inputs=2, hidden=H, outputs=3, dtype=np.dtype("float32"))
    network.load(exact.network.parameters())
    rounded = Observation(network, exact.batch, "mean_squared_error")
    # Seven digits, of which a difference may take three before the products are made again.
    np.testing.assert_allclose(rounded.gains[0], exact.gains[0], atol=1e-4)
