"""Cells whose units never mix keep an exponent for every entry."""

import numpy as np
import pytest

import engine
from engine.arrays import Array
from engine.bptt.exponents import log10_mean_norms, log10_norms
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.tasks.base import Batch

UNMIXED = [name for name in CELLS if make_cell(name).gain]


def observe_two_units(cell: str, recurrent: dict[str, Array], dtype: str, length: int) -> Array:
    """Return log10 of the mean |dℓ/dh_{t,i}|, (T, 2), of a linear network asked at T alone."""
    network = Network(
        make_cell(cell, "identity"), inputs=1, hidden=2, outputs=1, bias=False, dtype=dtype
    )
    network.load({"weight_ih_l0": np.ones((2, 1)), "readout.weight": np.ones((1, 2))} | recurrent)
    mask = np.zeros((length, 3), bool)
    mask[-1] = True
    batch = Batch(np.ones((length, 3, 1)), np.zeros((length, 3, 1)), mask)
    return Observation(network, batch, "mean_squared_error").log10_hidden_means[0]


def test_the_cells_without_mixing_are_those_with_a_diagonal_recurrence() -> None:
    assert UNMIXED == ["indrnn", "min_gru", "lru"]


# float32 holds 0.1 to 1e-8 of it, which a thousand steps make 6e-6 of the logarithm.
@pytest.mark.parametrize(("dtype", "digits"), [("float32", 1e-4), ("float64", 1e-10)])
def test_a_unit_may_fade_a_thousand_decades_below_another(dtype: str, digits: float) -> None:
    logs = observe_two_units("indrnn", {"u_l0": np.array([1, 0.1])}, dtype, 1000)
    np.testing.assert_allclose(logs[:, 0], logs[-1, 0], atol=1e-10)
    np.testing.assert_allclose(logs[:, 1] - logs[-1, 1], np.arange(-999, 1), atol=digits)


@pytest.mark.parametrize(("dtype", "floor"), [("float32", -100), ("float64", -900)])
def test_in_a_cell_that_mixes_it_is_below_resolution(dtype: str, floor: int) -> None:
    logs = observe_two_units("elman", {"weight_hh_l0": np.diag([1, 0.1])}, dtype, 1000)
    assert logs[0, 1] - logs[0, 0] == pytest.approx(floor * np.log10(2))


def test_a_closed_path_is_an_exact_zero_of_its_entry() -> None:
    logs = observe_two_units("indrnn", {"u_l0": np.array([1.0, 0.0])}, "float32", 40)
    assert np.isneginf(logs[:-1, 1]).all()
    assert np.isfinite(logs[:, 0]).all()


@pytest.mark.parametrize("window", [None, 7])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", UNMIXED)
def test_entries_are_those_of_the_sweep_where_nothing_drifts_apart(
    cell: str, layers: int, window: int | None, rng: np.random.Generator
) -> None:
    activation = "tanh" if CELLS[cell].activation_choice else None
    network = Network(
        make_cell(cell, activation), inputs=2, hidden=4, layers=layers, outputs=3, dtype="float64"
    )
    network.load({n: rng.normal(size=s) for n, s in network.parameter_shapes.items()})
    mask = np.zeros((40, 3), bool)
    mask[[4, 11, 39]] = True
    batch = Batch(rng.normal(size=(40, 3, 2)), rng.integers(0, 3, (40, 3)), mask)
    sweep = Sweep(network, length=40, batch=3, window=window)
    sweep.forward(batch, "cross_entropy")
    sweep.backward()
    for layer in sweep.backward_layers:
        assert layer.entries is not None
        swept = np.ldexp(layer.state_adjoints, np.maximum(layer.state_exponents, -2000)[:, None])
        entries = np.ldexp(layer.entries.values, np.maximum(layer.entries.exponents, -2000))
        np.testing.assert_allclose(entries, swept, rtol=1e-12, atol=1e-300)
        norms = np.linalg.norm(swept, axis=1)
        np.testing.assert_allclose(
            10 ** log10_norms(*layer.squared_norms()), norms, rtol=1e-12, atol=1e-300
        )
        means = norms.mean(axis=1)
        np.testing.assert_allclose(
            10 ** log10_mean_norms(*layer.squared_norms()), means, rtol=1e-12, atol=1e-300
        )


@pytest.mark.parametrize("cell", UNMIXED)
def test_a_trace_has_an_exponent_for_every_entry(cell: str, rng: np.random.Generator) -> None:
    network = Network(make_cell(cell), inputs=2, hidden=4, outputs=3, dtype="float64")
    network.load({n: rng.normal(size=s) for n, s in network.parameter_shapes.items()})
    found = engine.trace(
        cell,
        network.parameters(),
        rng.normal(size=(30, 2, 2)),
        targets=rng.integers(0, 3, (30, 2)),
    ).hidden_gradient
    assert found.exponents.shape == found.values.shape
    plain = np.linalg.norm(found.array(), axis=-1)
    np.testing.assert_allclose(10 ** found.log10_norm(), plain, rtol=1e-12)
