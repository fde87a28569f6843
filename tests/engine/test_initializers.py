"""How weights start: what each rule promises of the matrices it draws."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

import engine
from engine.cells import CELLS
from engine.cells.base import CellDefinition
from engine.initializers import (
    INITIALIZERS,
    ForgetBias,
    HeInitializer,
    IdentityInitializer,
    InitializerOptions,
    KeepGate,
    NormalInitializer,
    OrthogonalInitializer,
    PytorchInitializer,
    SparseInitializer,
    Start,
    UniformInitializer,
    XavierInitializer,
    as_bias,
    as_recurrent,
)
from engine.initializers.matrices import orthogonal, spectral_radius
from engine.schema import kind_of

H, D, K = 48, 5, 3
T = 40
LSTM = CELLS["lstm"]
GRU = CELLS["gru"]
ELMAN = CELLS["elman"]
LSTM_SHAPES = {
    "weight_ih_l0": (4 * H, D),
    "weight_hh_l0": (4 * H, H),
    "bias_ih_l0": (4 * H,),
    "readout.weight": (K, H),
    "readout.bias": (K,),
}
GRU_SHAPES = {"bias_ih_l0": (3 * H,), "bias_hh_l0": (3 * H,)}


def start(
    recurrent: InitializerOptions,
    spectral_radius: float | None = None,
    forget_bias: ForgetBias | None = None,
) -> Start:
    return Start(
        recurrent=recurrent,
        inputs=PytorchInitializer(),
        spectral_radius=spectral_radius,
        forget_bias=forget_bias,
    )


def draw(
    rule: Start,
    rng: np.random.Generator,
    cell: CellDefinition = LSTM,
    shapes: Mapping[str, tuple[int, ...]] = LSTM_SHAPES,
) -> dict[str, np.ndarray]:
    return rule.draw(shapes, cell, rng, hidden=H, length=T)


def blocks(matrix: np.ndarray) -> list[np.ndarray]:
    return np.split(matrix, len(matrix) // H)


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_the_registry_uses_the_kinds(kind: str) -> None:
    assert kind_of(INITIALIZERS[kind]) == kind


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_every_parameter_is_drawn_in_its_shape_and_again_the_same(kind: str) -> None:
    rule = start(INITIALIZERS[kind]())
    first = draw(rule, np.random.default_rng(3))
    again = draw(rule, np.random.default_rng(3))
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
    drawn = draw(start(OrthogonalInitializer(gain=0.5)), rng)
    gates = blocks(drawn["weight_hh_l0"])
    for block in gates:
        np.testing.assert_allclose(block @ block.T, 0.25 * np.eye(H), atol=1e-13)
    assert not np.allclose(gates[0], gates[1])
    assert np.all(drawn["bias_ih_l0"] == 0)


def test_pytorchs_rule_is_uniform_within_one_over_root_h(rng: np.random.Generator) -> None:
    drawn = draw(start(PytorchInitializer()), rng)
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


@pytest.mark.torch
@pytest.mark.parametrize("width", [H, 2 * H], ids=["one direction", "both directions"])
def test_the_readout_is_pytorchs_linear_layer(rng: np.random.Generator, width: int) -> None:
    import torch

    torch.manual_seed(0)
    outputs = 2000
    shapes = {"readout.weight": (outputs, width), "readout.bias": (outputs,)}
    drawn = draw(start(IdentityInitializer()), rng, ELMAN, shapes)
    theirs = torch.nn.Linear(width, outputs)
    for ours, layer in zip(drawn.values(), (theirs.weight, theirs.bias), strict=True):
        limit = np.abs(layer.detach().numpy()).max()
        # The largest of 2,000 numbers and more lies within half a per cent of the bound.
        assert np.abs(ours).max() == pytest.approx(limit, rel=0.01)
        assert ours.var() == pytest.approx(limit**2 / 3, rel=0.06)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_trainings_readout_starts_by_all_that_it_reads(bidirectional: bool) -> None:
    config = engine.RunConfig.from_dict(
        {
            "task": {"kind": "copy", "length": 24},
            "model": {"cell": "elman", "hidden_size": H, "bidirectional": bidirectional},
            "training": {"steps": 0},
        }
    )
    weight = next(engine.train(config)).parameters()["readout.weight"]
    reads = 2 * H if bidirectional else H
    assert weight.shape[1] == reads
    assert 0.9 < np.abs(weight).max() * math.sqrt(reads) <= 1


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
    drawn = draw(rule, rng, ELMAN, shapes)
    assert np.array_equal(drawn["weight_hh_l0"], 0.9 * np.eye(H))
    assert np.all(drawn["bias_ih_l0"] == 0)
    assert drawn["weight_ih_l0"].std() == pytest.approx(0.001, rel=0.03)


@pytest.mark.parametrize("kind", INITIALIZERS)
def test_the_spectral_radius_of_every_block_is_what_was_asked_for(
    kind: str, rng: np.random.Generator
) -> None:
    drawn = draw(start(INITIALIZERS[kind](), spectral_radius=0.7), rng)
    for block in blocks(drawn["weight_hh_l0"]):
        assert spectral_radius(block) == pytest.approx(0.7, rel=1e-10)


def test_the_spectral_radius_is_the_largest_absolute_eigenvalue() -> None:
    rotation = np.array([[0.0, -2.0], [2.0, 0.0]])
    assert spectral_radius(rotation) == pytest.approx(2.0, rel=1e-14)


def test_the_forget_bias_is_set_in_the_forget_gates_block_alone(rng: np.random.Generator) -> None:
    rule = start(OrthogonalInitializer(), forget_bias=1.5)
    gates = blocks(draw(rule, rng)["bias_ih_l0"])
    assert np.all(gates[LSTM.gates.index("f")] == 1.5)
    assert all(np.all(gates[n] == 0) for n, gate in enumerate(LSTM.gates) if gate != "f")


def test_of_the_grus_second_bias_only_the_candidates_part_is_drawn(
    rng: np.random.Generator,
) -> None:
    drawn = draw(start(PytorchInitializer()), rng, GRU, GRU_SHAPES)
    reset, update, candidate = blocks(drawn["bias_hh_l0"])
    assert np.all(reset == 0)
    assert np.all(update == 0)
    assert np.all(candidate != 0)


def test_uniform_and_normal_have_the_size_that_was_asked_for(rng: np.random.Generator) -> None:
    shape = (300, 100)
    uniform = UniformInitializer(limit=0.3).input_block(rng, shape)
    normal = NormalInitializer(deviation=0.3).input_block(rng, shape)
    assert 0.299 < np.abs(uniform).max() <= 0.3
    # 30,000 entries: a variance is sure to about one per cent.
    assert uniform.var() == pytest.approx(0.3**2 / 3, rel=0.05)
    assert normal.var() == pytest.approx(0.3**2, rel=0.05)
    assert np.abs(normal).max() > 1  # tails: a uniform draw has none


@pytest.mark.parametrize(("columns", "k"), [(H, 15), (H, 4), (10, 15), (1, 3)])
def test_sparse_rows_have_as_many_weights_as_asked_for(
    columns: int, k: int, rng: np.random.Generator
) -> None:
    block = SparseInitializer(nonzeros=k).input_block(rng, (200, columns))
    assert set(np.count_nonzero(block, axis=1)) == {min(k, columns)}
    # Every column is somebody's: a row's places are drawn from all.
    assert np.all(np.count_nonzero(block, axis=0) > 0)


def test_sparse_weights_are_unit_normal_times_the_gain(rng: np.random.Generator) -> None:
    weights = SparseInitializer(gain=0.5).input_block(rng, (2000, H))
    assert weights[weights != 0].var() == pytest.approx(0.25, rel=0.05)
    # 30,000 weights on 48 columns of 625 each, give or take a standard deviation of 25.
    np.testing.assert_allclose(np.count_nonzero(weights, axis=0), 625, atol=125)


def test_sparse_blocks_can_always_be_rescaled(rng: np.random.Generator) -> None:
    # A row without a weight would leave room for a nilpotent block, of spectral radius 0.
    for _ in range(20):
        block = start(SparseInitializer(nonzeros=1), 1.1).recurrent_block(rng, 6)
        assert spectral_radius(block) == pytest.approx(1.1, rel=1e-9)


def test_a_spectral_radius_scales_the_very_matrix_that_was_drawn() -> None:
    plain = draw(start(SparseInitializer()), np.random.default_rng(4))["weight_hh_l0"]
    scaled = draw(start(SparseInitializer(), 0.95), np.random.default_rng(4))["weight_hh_l0"]
    for before, after in zip(blocks(plain), blocks(scaled), strict=True):
        np.testing.assert_allclose(after, before * (0.95 / spectral_radius(before)), rtol=1e-12)


def test_a_forget_bias_opens_the_grus_update_gate_which_keeps(rng: np.random.Generator) -> None:
    rule = start(OrthogonalInitializer(), forget_bias=1.5)
    reset, update, candidate = blocks(draw(rule, rng, GRU, GRU_SHAPES)["bias_ih_l0"])
    assert np.all(update == 1.5)
    assert np.all(reset == 0)
    assert np.all(candidate == 0)


def test_chrono_spreads_lasting_times_evenly_over_the_sequence(rng: np.random.Generator) -> None:
    gate = KeepGate(gate="f", writes="i")
    kept = gate.biases("chrono", rng, 20_000, 101)["f"]
    lasting = 1 + np.exp(kept)
    assert lasting.min() >= 2
    assert lasting.max() <= 101
    # Uniform on [2, 101]: quantiles of 20,000 draws are sure to half a per cent of the range.
    shares = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(np.quantile(lasting, shares), [11.9, 51.5, 91.1], atol=1.5)


def test_chrono_closes_the_lstms_input_gate_by_as_much(rng: np.random.Generator) -> None:
    drawn = draw(start(PytorchInitializer(), forget_bias="chrono"), rng)["bias_ih_l0"]
    i, f, g, o = blocks(drawn)
    assert np.array_equal(i, -f)
    assert np.all(f >= 0)
    limit = 1 / math.sqrt(H)
    assert max(np.abs(g).max(), np.abs(o).max()) <= limit
    assert f.max() > 3  # log 38 = 3.6 is the largest there can be


def test_a_gate_that_overwrites_gets_the_opposite_sign(rng: np.random.Generator) -> None:
    gate = KeepGate(gate="f", sign=-1)
    assert np.all(gate.biases(1.5, rng, H, T)["f"] == -1.5)
    assert np.all(gate.biases("chrono", rng, H, T)["f"] <= 0)


@pytest.mark.parametrize("length", [1, 2])
def test_chrono_knows_sequences_too_short_to_spread_over(
    length: int, rng: np.random.Generator
) -> None:
    assert np.all(KeepGate(gate="z").biases("chrono", rng, H, length)["z"] == 0)


def test_parameters_of_a_cells_own_start_by_the_rule_that_it_names(
    rng: np.random.Generator,
) -> None:
    cell = replace(ELMAN, own_starts={"W_s": as_recurrent, "p": as_bias})
    rule = start(OrthogonalInitializer(), 0.5)
    drawn = draw(rule, rng, cell, {"W_s_l0": (2 * H, H), "p_l1": (H,)})
    for block in blocks(drawn["W_s_l0"]):
        np.testing.assert_allclose(block @ block.T, 0.25 * np.eye(H), atol=1e-13)
    assert np.all(drawn["p_l1"] == 0)


def test_a_parameter_without_a_rule_is_a_mistake_in_the_code(rng: np.random.Generator) -> None:
    with pytest.raises(KeyError, match="W_s has no rule"):
        draw(start(PytorchInitializer()), rng, ELMAN, {"W_s_l0": (H, H)})


@pytest.mark.parametrize("name", CELLS)
def test_every_cells_gate_that_keeps_is_one_of_its_gates(name: str) -> None:
    keep = CELLS[name].keep_gate
    if keep is not None:
        assert keep.gate in CELLS[name].gates
        assert keep.writes is None or keep.writes in CELLS[name].gates
