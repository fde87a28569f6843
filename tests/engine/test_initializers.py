"""How weights start: what each rule promises of the matrices it draws."""

import math

import numpy as np
import pytest

from engine.initializers import (
    INITIALIZERS,
    HeInitializer,
    IdentityInitializer,
    InitializerOptions,
    OrthogonalInitializer,
    PytorchInitializer,
    Start,
    XavierInitializer,
    orthogonal,
    spectral_radius,
)
from engine.schema import kind_of

H, D, K = 48, 5, 3
LSTM = ("i", "f", "g", "o")
LSTM_SHAPES = {
    "weight_ih_l0": (4 * H, D),
    "weight_hh_l0": (4 * H, H),
    "bias_ih_l0": (4 * H,),
    "readout.weight": (K, H),
    "readout.bias": (K,),
}
GRU_SHAPES = {"bias_ih_l0": (3 * H,), "bias_hh_l0": (3 * H,)}


def start(recurrent: InitializerOptions, **options: float) -> Start:
    return Start(recurrent=recurrent, inputs=PytorchInitializer(), **options)


def blocks(matrix: np.ndarray) -> list[np.ndarray]:
    return np.split(matrix, len(matrix) // H)


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_the_registry_uses_the_kinds(kind: str) -> None:
    assert kind_of(INITIALIZERS[kind]) == kind


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_every_parameter_is_drawn_in_its_shape_and_again_the_same(kind: str) -> None:
    rule = start(INITIALIZERS[kind]())
    first = rule.draw(LSTM_SHAPES, LSTM, H, np.random.default_rng(3))
    again = rule.draw(LSTM_SHAPES, LSTM, H, np.random.default_rng(3))
    assert {name: array.shape for name, array in first.items()} == LSTM_SHAPES
    assert all(np.array_equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("shape", [(H, H), (H, D), (D, H), (1, 1), (H, 1)])
def test_orthogonal_is_orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> None:
    matrix = orthogonal(rng, shape)
    small = min(shape)
    gram = matrix.T @ matrix if shape[0] >= shape[1] else matrix @ matrix.T
    # Householder QR is exact to a few units in the last place times the size.
    np.testing.assert_allclose(gram, np.eye(small), atol=1e-13)


def test_orthogonal_has_no_preferred_sign(rng: np.random.Generator) -> None:
    signs = [np.linalg.det(orthogonal(rng, (3, 3))) > 0 for _ in range(200)]
    # Fair coins: 200 of them stray by less than 50 in all but 1e-12 of all cases.
    assert 50 < sum(signs) < 150
    corners = [orthogonal(rng, (3, 3))[0, 0] for _ in range(400)]
    # Uniform on the sphere: mean 0, deviation √(1/3), over √400.
    assert abs(float(np.mean(corners))) < 5 * math.sqrt(1 / 3 / 400)


def test_each_gate_has_a_rotation_of_its_own(rng: np.random.Generator) -> None:
    drawn = start(OrthogonalInitializer(gain=0.5)).draw(LSTM_SHAPES, LSTM, H, rng)
    gates = blocks(drawn["weight_hh_l0"])
    for block in gates:
        np.testing.assert_allclose(block @ block.T, 0.25 * np.eye(H), atol=1e-13)
    assert not np.allclose(gates[0], gates[1])
    assert np.all(drawn["bias_ih_l0"] == 0)


def test_pytorchs_rule_is_uniform_within_one_over_root_h(rng: np.random.Generator) -> None:
    drawn = start(PytorchInitializer()).draw(LSTM_SHAPES, LSTM, H, rng)
    limit = 1 / math.sqrt(H)
    for name, array in drawn.items():
        assert np.abs(array).max() <= limit, name
        assert np.abs(array).max() > 0.6 * limit, name
    # 9,216 uniform entries: variance limit²/3 within a few per cent.
    assert drawn["weight_hh_l0"].var() == pytest.approx(limit**2 / 3, rel=0.05)


@pytest.mark.torch
@pytest.mark.parametrize("layer", ["RNN", "LSTM", "GRU"])
def test_pytorchs_rule_spreads_as_pytorch_does(layer: str) -> None:
    import torch

    torch.manual_seed(0)
    theirs = getattr(torch.nn, layer)(D, 256)
    ours = start(PytorchInitializer()).recurrent_block(np.random.default_rng(0), 256)
    weights = theirs.weight_hh_l0.detach().numpy()
    # 65,536 entries and more each: a quantile is sure to about a per cent.
    shares = [0.0, 0.1, 0.25, 0.75, 0.9, 1.0]
    np.testing.assert_allclose(
        np.quantile(ours, shares), np.quantile(weights, shares), rtol=0.02, atol=1e-4
    )


def test_the_readout_is_pytorchs_linear_layer(rng: np.random.Generator) -> None:
    drawn = start(IdentityInitializer()).draw({"readout.weight": (200, H)}, ("h",), H, rng)
    limit = 1 / math.sqrt(H)
    assert np.abs(drawn["readout.weight"]).max() <= limit
    assert drawn["readout.weight"].var() == pytest.approx(limit**2 / 3, rel=0.05)


def test_xavier_and_he_have_their_variances(rng: np.random.Generator) -> None:
    shape = (300, 100)
    xavier = XavierInitializer(gain=2.0).input_block(rng, shape)
    he = HeInitializer(gain=2.0).input_block(rng, shape)
    # 30,000 entries: a variance is sure to about one per cent.
    assert xavier.var() == pytest.approx(4 * 2 / 400, rel=0.05)
    assert he.var() == pytest.approx(4 * 2 / 100, rel=0.05)
    assert np.abs(xavier).max() <= 2 * math.sqrt(6 / 400)


def test_the_identity_start_is_the_irnns(rng: np.random.Generator) -> None:
    rule = Start(recurrent=IdentityInitializer(gain=0.9), inputs=IdentityInitializer())
    shapes = {"weight_ih_l0": (H, 400), "weight_hh_l0": (H, H), "bias_ih_l0": (H,)}
    drawn = rule.draw(shapes, ("h",), H, rng)
    assert np.array_equal(drawn["weight_hh_l0"], 0.9 * np.eye(H))
    assert np.all(drawn["bias_ih_l0"] == 0)
    assert drawn["weight_ih_l0"].std() == pytest.approx(0.001, rel=0.03)


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_the_spectral_radius_of_every_block_is_what_was_asked_for(
    kind: str, rng: np.random.Generator
) -> None:
    drawn = start(INITIALIZERS[kind](), spectral_radius=0.7).draw(LSTM_SHAPES, LSTM, H, rng)
    for block in blocks(drawn["weight_hh_l0"]):
        assert spectral_radius(block) == pytest.approx(0.7, rel=1e-10)


def test_the_spectral_radius_is_the_largest_absolute_eigenvalue() -> None:
    rotation = np.array([[0.0, -2.0], [2.0, 0.0]])
    assert spectral_radius(rotation) == pytest.approx(2.0, rel=1e-14)


def test_the_forget_bias_is_set_in_the_forget_gates_block_alone(rng: np.random.Generator) -> None:
    rule = start(OrthogonalInitializer(), forget_bias=1.5)
    gates = blocks(rule.draw(LSTM_SHAPES, LSTM, H, rng)["bias_ih_l0"])
    assert np.all(gates[LSTM.index("f")] == 1.5)
    assert all(np.all(gates[n] == 0) for n, gate in enumerate(LSTM) if gate != "f")


def test_of_the_grus_second_bias_only_the_candidates_part_is_drawn(
    rng: np.random.Generator,
) -> None:
    drawn = start(PytorchInitializer()).draw(GRU_SHAPES, ("r", "z", "n"), H, rng)
    reset, update, candidate = blocks(drawn["bias_hh_l0"])
    assert np.all(reset == 0)
    assert np.all(update == 0)
    assert np.all(candidate != 0)
