"""Layers that read the sequence both ways: each direction is the layer that it is, mirrored."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

import engine
from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.cells import make_cell
from engine.tasks.base import Batch
from engine.tracing import Trace
from tests.engine.bptt.test_every_cell import every_cell
from tests.engine.bptt.test_sweep import random_weights

T, B, D, H, K = CHUNK + 3, 3, 2, 4, 3

MIRRORED = [
    "hidden_gradient_norm",
    "immediate_gradient_norm",
    "cell_gradient_norm",
    "hidden_gradient",
    "activation",
    "activation_slope",
    "preactivation_histogram",
    "activation_slope_histogram",
    "saturation",
    "gain_factors",
    "gain_factors_left_out",
    "jacobian_singular_values",
    "jacobian_product_norm",
    "jacobian_product_bound",
    "gate",
    "lyapunov_spectrum",
    "weight_geometry",
    "loss_state_gradient",
]


def two_way(
    name: str, options: Mapping[str, Any], layers: int, dtype: str = "float64"
) -> tuple[Network, Batch]:
    rng = np.random.default_rng(layers)
    network = Network(
        make_cell(name, options=options), inputs=D, hidden=H, layers=layers, outputs=K,
        bidirectional=True, layer_skips=True, dtype=dtype,
    )  # fmt: skip
    random_weights(network, rng, 0.5)
    batch = Batch(
        rng.normal(size=(T, B, D)).astype(dtype),
        rng.integers(0, K, (T, B)),
        rng.random((T, B)) < 0.6,
    )
    return network, batch


def traced(name: str, options: Mapping[str, Any], layers: int) -> Trace:
    network, batch = two_way(name, options, layers)
    return engine.trace(
        name,
        network.parameters(),
        batch.inputs,
        targets=batch.targets,
        mask=batch.mask,
        options={**options, "layer_skips": True},
    )


def one_way(trace: Trace, name: str, options: Mapping[str, Any], backwards: bool) -> Trace:
    """Trace one direction of a layer alone, with what reached it from the read-out put in."""
    network, batch = two_way(name, options, 1)
    suffix = "_l0_reverse" if backwards else "_l0"
    weights = {
        n.removesuffix(suffix) + "_l0": value
        for n, value in network.parameters().items()
        if n.endswith(suffix)
    }
    side = slice(H, None) if backwards else slice(H)
    arriving = _from_read_out(trace, network, batch)[:, :, side]
    turn = slice(None, None, -1) if backwards else slice(None)
    return engine.trace(
        name,
        weights,
        batch.inputs[turn],
        output_gradients=arriving[turn],
        options=options,
    )


def _from_read_out(trace: Trace, network: Network, batch: Batch) -> Array:
    logits = trace.outputs - trace.outputs.max(axis=-1, keepdims=True)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    shares -= np.eye(K)[batch.targets]
    shares *= batch.mask[..., None] / batch.mask.sum()
    found: Array = shares @ network.parameters()["readout.weight"]
    return found


@cache
def one_layer(name: str) -> Trace:
    return traced(name, {}, 1)


@pytest.mark.parametrize("statistic", MIRRORED)
@pytest.mark.parametrize("cell", ["elman", "preactivation", "lstm", "gru", "skip", "lru"])
def test_a_direction_alone_has_the_statistics_of_that_layer_on_the_turned_sequence(
    cell: str, statistic: str
) -> None:
    whole = one_layer(cell).statistic(statistic)
    axes = engine.STATISTICS[statistic].axes[1:]
    for entry, backwards in enumerate((False, True)):
        alone = one_way(one_layer(cell), cell, {}, backwards).statistic(statistic)[0]
        for axis, name in enumerate(axes[1:]):
            if backwards and name.endswith("time"):
                alone = np.flip(alone, axis)
        assert np.allclose(whole[entry], alone, rtol=0, atol=1e-10, equal_nan=True)


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_the_gradient_is_that_of_central_differences(
    name: str, options: Mapping[str, Any], layers: int
) -> None:
    network, batch = two_way(name, options, layers)
    sweep = Sweep(network, length=T, batch=B)
    sweep.forward(batch, "cross_entropy")
    sweep.backward()
    gradient, place = network.gradients(), network.parameters()
    direction = {
        n: np.where(value == 0, 0, np.random.default_rng(1).normal(size=value.shape))
        for n, value in place.items()
    }
    values = []
    for step in (1e-6, -1e-6):
        network.load({n: place[n] + step * direction[n] for n in place})
        values.append(sweep.forward(batch, "cross_entropy").value)
    along = sum(float(np.vdot(gradient[n], direction[n])) for n in place)
    assert along == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


@every_cell
def test_gradients_of_all_losses_sum_to_the_total_one(
    name: str, options: Mapping[str, Any]
) -> None:
    found = traced(name, options, 2)
    summed, total = found.loss_state_gradients().sum(axis=1), found.hidden_gradient.array()
    assert np.abs(summed - total).max() <= 1e-10 * np.abs(total).max()


@pytest.mark.parametrize("cell", ["elman", "gru", "skip", "indrnn"])
def test_terms_of_all_paths_sum_to_the_parameters_gradient(cell: str) -> None:
    found = traced(cell, {}, 2)
    for parameter, gradient in found.parameter_gradients.items():
        summed = found.path_terms(parameter).sum(axis=(0, 1))
        assert np.abs(summed - gradient).max() <= 1e-10 * max(np.abs(gradient).max(), 1e-3)


@pytest.mark.parametrize("cell", ["elman", "lstm", "indrnn"])
def test_norms_of_path_terms_are_the_statistic(cell: str) -> None:
    found = traced(cell, {}, 2)
    norms = found.statistic("path_gradient")
    for row, parameter in zip(norms, found.parameter_gradients, strict=True):
        terms = found.path_terms(parameter)
        expected = np.linalg.norm(terms.reshape(T, T, -1), axis=-1)
        seen = np.isfinite(row)
        assert np.allclose(row[seen], np.log10(expected[seen]), rtol=0, atol=1e-9)
        assert not np.any(expected[~seen])


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_gain_factors_sum_to_the_gain_of_each_step_in_its_direction(cell: str) -> None:
    network, batch = two_way(cell, {}, 2)
    seen = Observation(network, batch, "cross_entropy")
    factors, left_out = seen.gains
    norms = np.log(10) * seen.log10_hidden_norms
    for entry, backwards in enumerate(network.backwards):
        later, earlier = (
            (slice(0, -1), slice(1, None)) if backwards else (slice(1, None), slice(-1))
        )
        gain = norms[entry, earlier] - norms[entry, later]
        kept = ~left_out[entry, later]
        sums = factors[entry].sum(axis=1)[later]
        assert kept.any()
        assert np.allclose(sums[kept], gain[kept], rtol=0, atol=1e-9)


def test_in_one_layer_states_after_a_loss_are_not_defined_forwards_nor_before_it_backwards() -> (
    None
):
    ahead, behind = one_layer("elman").statistic("loss_state_gradient")
    k, t = np.arange(T)[None, :], np.arange(T)[:, None]
    assert np.array_equal(np.isnan(ahead), np.broadcast_to(k > t, (T, T)))
    assert np.array_equal(np.isnan(behind), np.broadcast_to(k < t, (T, T)))


def test_in_a_stack_every_loss_time_and_state_time_is_defined() -> None:
    found = traced("elman", {}, 2)
    assert not np.isnan(found.statistic("loss_state_gradient")).any()
    # The lower layer reaches all, the top one its own side alone.
    asked = np.flatnonzero(np.isfinite(found.statistic("loss_state_gradient")[2, :, 0]))
    lower = found.statistic("loss_state_gradient")[:2, asked]
    assert np.isfinite(lower).all()
    top = found.statistic("loss_state_gradient")[2:, asked]
    assert np.all(top[0][np.arange(T) > asked[:, None]] == -np.inf)
    assert np.all(top[1][np.arange(T) < asked[:, None]] == -np.inf)


def test_the_last_loss_of_a_layer_that_reads_backwards_is_the_first_asked() -> None:
    _, batch = two_way("elman", {}, 1)
    asked = np.flatnonzero(batch.mask.any(axis=1))
    found = one_layer("elman")
    matrix, rows = (found.statistic(n) for n in ("loss_state_gradient", "last_loss_gradient"))
    assert np.array_equal(rows[0], matrix[0, asked[-1]], equal_nan=True)
    assert np.array_equal(rows[1], matrix[1, asked[0]], equal_nan=True)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gradient_that_leaves_the_numbers_of_float32_keeps_its_size(layers: int) -> None:
    length, norms = 300, {}
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(0)
        network = Network(
            make_cell("elman", "tanh"), inputs=1, hidden=H, layers=layers, outputs=K,
            bidirectional=True, dtype=dtype,
        )  # fmt: skip
        random_weights(network, rng, 0.1)
        inputs = rng.normal(size=(length, 2, 1)).astype(dtype)
        mask = np.zeros((length, 2), bool)
        mask[[0, -1]] = True
        seen = Observation(
            network, Batch(inputs, np.zeros((length, 2), np.int64), mask), "cross_entropy"
        )
        norms[dtype] = np.concatenate([seen.log10_hidden_norm_means[:, None],
                                       seen.loss_state((1, length))], axis=1)  # fmt: skip
    wide, narrow = norms["float64"], norms["float32"]
    assert np.nanmin(wide[np.isfinite(wide)]) < -60
    assert np.array_equal(np.isfinite(wide), np.isfinite(narrow))
    known = np.isfinite(wide)
    assert np.abs(wide[known] - narrow[known]).max() <= 1e-3 * length**0.5


@pytest.mark.parametrize("layers", [1, 2])
def test_compiled_and_plain_loops_agree(layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for switch in ("1", "0"):
        monkeypatch.setenv("GRADTIDE_COMPILED", switch)
        network, batch = two_way("elman", {}, layers, "float32")
        sweep = Sweep(network, length=T, batch=B)
        sweep.forward(batch, "cross_entropy")
        sweep.backward()
        found.append(network.gradient.copy())
    compiled, plain = found
    assert np.abs(compiled - plain).max() <= 1e-4 * np.abs(plain).max()


def test_a_window_is_refused_with_its_field() -> None:
    network, batch = two_way("elman", {}, 1)
    with pytest.raises(engine.ShapeError, match="truncation: expected null"):
        engine.trace(
            "elman", network.parameters(), batch.inputs, targets=batch.targets, truncation=3
        )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["elman", "lstm", "skip"])
def test_a_chain_leads_from_the_loss_in_its_layers_own_direction(cell: str, layers: int) -> None:
    found = traced(cell, {}, layers)
    names = list(found.parameter_gradients)
    norms, arriving = found.statistic("path_gradient"), found.statistic("loss_state_gradient")
    t = 1 + int(np.flatnonzero(np.isfinite(arriving[-1]).any(axis=1))[2])
    for name in names:
        k = {"readout": t, "reverse": t + 3}.get(name.split(".")[0].split("_")[-1], t - 2)
        chain = found.chain(t, k, name)
        assert chain.log10_norm == pytest.approx(norms[names.index(name), t - 1, k - 1], abs=1e-9)
        if chain.layer is None:
            continue
        at = ["0", "0r", "1", "1r"].index(str(chain.layer))
        times = [time for time, _ in chain.arriving]
        assert times == list(range(t, k + (1 if k > t else -1), 1 if k > t else -1))
        told = [log10_norm for _, log10_norm in chain.arriving]
        assert told == pytest.approx(arriving[at, t - 1, np.array(times) - 1].tolist(), abs=1e-9)
        assert chain.is_product == (int(str(chain.layer)[0]) == layers - 1)
        steps = [factor.time for factor in chain.factors if factor.name == "state_by_state"]
        assert len(steps) == abs(t - k)


def test_the_factors_of_a_chain_backwards_multiply_to_its_term() -> None:
    network, batch = two_way("elman", {}, 1)
    one = engine.trace(
        "elman", network.parameters(), batch.inputs[:, :1], targets=batch.targets[:, :1]
    )
    chain = one.chain(4, 7, "weight_hh_l0_reverse")
    product = np.eye(1)
    for factor in chain.factors:
        assert factor.value is not None
        product = np.tensordot(product, factor.value, axes=(product.ndim - 1, 0))
    term = one.path_terms("weight_hh_l0_reverse")[3, 6]
    assert chain.value is not None
    scale = chain.value / product[0]
    assert np.allclose(chain.value, term, rtol=1e-10, atol=0)
    assert np.allclose(scale, scale.flat[0], rtol=1e-9)


def test_a_chain_to_the_other_side_of_the_loss_is_refused() -> None:
    with pytest.raises(engine.ConfigError, match=r"expected a number in 9 … 19, got 3"):
        one_layer("elman").chain(9, 3, "weight_hh_l0_reverse")
