"""Statistics of step Jacobians hold what can be written down for networks solved by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.observation import Observation
from engine.cells import CELLS
from engine.statistics import STATISTICS
from engine.statistics.sampling import SAMPLED_TIMES, state_times

Observe = Callable[..., Observation]
EXACT = 1e-10
H = 4
BOUNDED = ["elman", "preactivation", "leaky", "residual", "indrnn"]


def compute(name: str, observation: Observation) -> Array:
    function = STATISTICS[name].compute
    assert function is not None
    return np.asarray(function(observation))


def test_jacobian_statistics_of_a_linear_rotation(
    observe: Observe, rng: np.random.Generator
) -> None:
    rotation = np.linalg.qr(rng.normal(size=(H, H)))[0]
    seen = observe(activation="identity", weights={"weight_hh_l0": 0.5 * rotation}, length=30)
    distance = np.arange(29, -1, -1)
    expected = {
        "jacobian_singular_values": np.full((30, H), np.log10(0.5)),
        "jacobian_product_norm": distance * np.log10(0.5),
        "jacobian_product_bound": distance * np.log10(0.5),
        "lyapunov_spectrum": np.full(H, np.log(0.5)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(compute(name, seen)[0], values, atol=EXACT, err_msg=name)


@pytest.mark.parametrize("scale", [0.3, 2.0])
@pytest.mark.parametrize("cell", BOUNDED)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "softplus"])
def test_product_norms_lie_under_their_bound(
    observe: Observe, cell: str, activation: str, scale: float, rng: np.random.Generator
) -> None:
    shape = (H,) if cell == "indrnn" else (H, H)
    name = "u" if cell == "indrnn" else "weight_hh"
    weights = {f"{name}_l{s}": scale * rng.normal(size=shape) for s in (0, 1)}
    seen = observe(cell, activation, layers=2, length=20, weights=weights)
    norms, bounds = compute("jacobian_product_norm", seen), compute("jacobian_product_bound", seen)
    assert (norms <= bounds + EXACT).all()
    assert (bounds[:, -1] == 0).all()


@pytest.mark.parametrize("cell", sorted({*CELLS} - {*BOUNDED, "orthogonal"}))
def test_other_cells_have_no_bound(observe: Observe, cell: str) -> None:
    assert np.isnan(compute("jacobian_product_bound", observe(cell))).all()


def test_closed_steps_are_left_out_and_counted(observe: Observe) -> None:
    seen = observe(activation="relu", weights={"bias_ih_l0": np.full(H, -100.0)}, size=3)
    for name in ("jacobian_singular_values", "lyapunov_spectrum"):
        assert np.isneginf(compute(name, seen)).all()
        assert (compute(f"{name}_left_out", seen) == 3).all()
    assert compute("jacobian_product_norm_left_out", seen)[0].tolist() == [3] * 6 + [0]


def test_some_samples_left_out_leave_the_mean_of_the_others(observe: Observe) -> None:
    seen = observe(activation="relu", size=64, length=1, weights={"bias_ih_l0": np.full(H, -1.0)})
    logs = seen.jacobians.log10_singular_values((1,))[0, 0, 0]
    alive = logs[np.isfinite(logs)]
    assert 0 < len(alive) < 64
    mean = compute("jacobian_singular_values", seen)[0, 0, 0]
    left_out = compute("jacobian_singular_values_left_out", seen)[0, 0, 0]
    assert (mean, left_out) == (pytest.approx(alive.mean(), rel=1e-12), 64 - len(alive))


@pytest.mark.parametrize("length", [257, 1000, 10_000])
def test_sampled_state_times_keep_the_first_and_the_last(length: int) -> None:
    times = state_times(length)
    assert (times[0], times[-1], len(set(times))) == (1, length, SAMPLED_TIMES)
