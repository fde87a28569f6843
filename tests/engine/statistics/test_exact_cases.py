"""Statistics hold the values that can be written down for networks solved by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.observation import Observation
from engine.statistics import STATISTICS
from engine.tracing import trace

Observe = Callable[..., Observation]
EXACT = 1e-10  # float64 rounding over a dozen steps stays four decades below

H = 4


def compute(name: str, observation: Observation) -> Array:
    function = STATISTICS[name].compute
    assert function is not None
    return np.asarray(function(observation))


@pytest.fixture
def orthogonal(rng: np.random.Generator) -> Array:
    return np.linalg.qr(rng.normal(size=(H, H)))[0]


@pytest.mark.parametrize("rho", [0.02, 0.7, 1.0, 3.0])
def test_linear_cell_scales_by_rho_at_every_step(
    observe: Observe, orthogonal: Array, rho: float
) -> None:
    seen = observe(activation="identity", weights={"weight_hh_l0": rho * orthogonal}, length=9)
    norms = compute("hidden_gradient_norm", seen)[0]
    expected = norms[-1] + np.log10(rho) * np.arange(8, -1, -1)
    np.testing.assert_allclose(norms, expected, atol=EXACT)


def test_linear_orthogonal_cell_is_constant_at_any_length(
    observe: Observe, orthogonal: Array
) -> None:
    seen = observe(activation="identity", weights={"weight_hh_l0": orthogonal}, length=2000)
    norms = compute("hidden_gradient_norm", seen)[0]
    np.testing.assert_allclose(norms, norms[-1], atol=1e-9)  # rounding adds up over 2000 steps


def test_zero_recurrent_weights_stop_the_gradient_before_the_last_time_step(
    observe: Observe,
) -> None:
    seen = observe(weights={"weight_hh_l0": np.zeros((H, H))})
    norms = compute("hidden_gradient_norm", seen)[0]
    assert np.isneginf(norms[:-1]).all()
    assert np.isfinite(norms[-1])


def test_immediate_and_total_agree_at_the_last_time_step(observe: Observe) -> None:
    seen = observe(asked=(2, 5, 7))
    total = compute("hidden_gradient_norm", seen)[0]
    immediate = compute("immediate_gradient_norm", seen)[0]
    assert immediate[-1] == pytest.approx(total[-1], abs=EXACT)
    assert abs(immediate[4] - total[4]) > 1e-3


def test_immediate_gradient_is_zero_where_nothing_is_asked(observe: Observe) -> None:
    immediate = compute("immediate_gradient_norm", observe(asked=(2, 5, 7)))[0]
    assert np.isneginf(immediate[[0, 2, 3, 5]]).all()
    assert np.isfinite(immediate[[1, 4, 6]]).all()


def test_diagonal_linear_cell_scales_every_unit_by_rho(observe: Observe) -> None:
    seen = observe(activation="identity", weights={"weight_hh_l0": 0.5 * np.eye(H)})
    units = compute("hidden_gradient", seen)[0]
    expected = units[-1] + np.log10(0.5) * np.arange(6, -1, -1)[:, None]
    np.testing.assert_allclose(units, expected, atol=EXACT)


def test_hidden_gradient_is_the_mean_of_absolute_values(observe: Observe) -> None:
    seen = observe(size=1)
    units = 10 ** compute("hidden_gradient", seen)[0]
    norms = 10 ** compute("hidden_gradient_norm", seen)[0]
    np.testing.assert_allclose(np.sqrt((units**2).sum(axis=1)), norms, rtol=EXACT)


def test_activation_without_weights_is_that_of_the_bias(
    observe: Observe, rng: np.random.Generator
) -> None:
    bias = rng.normal(size=H)
    seen = observe(
        weights={
            "weight_hh_l0": np.zeros((H, H)),
            "weight_ih_l0": np.zeros((H, 2)),
            "bias_ih_l0": bias,
        }
    )
    expected = np.broadcast_to(np.tanh(bias), (7, H))
    np.testing.assert_allclose(compute("activation", seen)[0], expected, atol=EXACT)


def test_activation_slope_of_tanh_is_one_minus_h_squared(observe: Observe) -> None:
    seen = observe()
    expected = (1 - np.asarray(seen.hidden) ** 2).mean(axis=2)
    np.testing.assert_allclose(compute("activation_slope", seen), expected, atol=EXACT)


def test_identity_slopes_stand_in_the_last_bin(observe: Observe) -> None:
    counts = compute("activation_slope_histogram", observe(activation="identity"))
    assert (counts[..., -1] == 3 * H).all()
    assert (counts[..., :-1] == 0).all()


def test_histogram_agrees_with_numpy_s_own(observe: Observe) -> None:
    seen = observe(activation="sigmoid")
    counts = compute("activation_slope_histogram", seen)
    expected, _ = np.histogram(np.asarray(seen.slopes)[0, 3], bins=40, range=(0, 0.25))
    np.testing.assert_array_equal(counts[0, 3], expected)


@pytest.mark.parametrize(("bias", "share"), [(10.0, 1.0), (-10.0, 1.0), (0.0, 0.0), (0.5, 0.0)])
def test_saturation_of_tanh_follows_its_bias(observe: Observe, bias: float, share: float) -> None:
    seen = observe(
        weights={
            "weight_hh_l0": np.zeros((H, H)),
            "weight_ih_l0": np.zeros((H, 2)),
            "bias_ih_l0": np.full(H, bias),
        }
    )
    assert (compute("saturation", seen) == share).all()


def test_saturation_of_relu_counts_the_units_that_are_off(observe: Observe) -> None:
    seen = observe(
        activation="relu",
        weights={
            "weight_hh_l0": np.zeros((H, H)),
            "weight_ih_l0": np.zeros((H, 2)),
            "bias_ih_l0": np.array([1.0, -1.0, 0.0, 2.0]),
        },
    )
    assert (compute("saturation", seen) == 0.5).all()


@pytest.mark.parametrize("activation", ["identity", "leaky_relu"])
def test_saturation_is_not_defined_without_a_flat_part(observe: Observe, activation: str) -> None:
    assert np.isnan(compute("saturation", observe(activation=activation))).all()


def test_weight_geometry_of_a_scaled_rotation(observe: Observe, orthogonal: Array) -> None:
    seen = observe(weights={"weight_hh_l0": 0.8 * orthogonal})
    expected = [0.8, 0.8, abs(0.8**2 - 1) * np.sqrt(H), 0.0]
    # The last is the root of a difference that is zero: rounding of 1e-16 leaves 1e-8.
    np.testing.assert_allclose(compute("weight_geometry", seen)[0, 0], expected, atol=1e-7)


def test_weight_geometry_of_a_nilpotent_matrix(observe: Observe) -> None:
    nilpotent = np.zeros((H, H))
    nilpotent[0, 1:] = [1.0, 2.0, 2.0]
    geometry = compute("weight_geometry", observe(weights={"weight_hh_l0": nilpotent}))[0, 0]
    np.testing.assert_allclose(geometry[[0, 1, 3]], [0.0, 3.0, 3.0], atol=EXACT)


def test_weight_geometry_keeps_the_gates_apart(observe: Observe, rng: np.random.Generator) -> None:
    blocks = [scale * np.linalg.qr(rng.normal(size=(H, H)))[0] for scale in (0.1, 0.2, 0.3, 0.4)]
    seen = observe("lstm", weights={"weight_hh_l0": np.concatenate(blocks)})
    radius = compute("weight_geometry", seen)[0, :, 0]
    np.testing.assert_allclose(radius, [0.1, 0.2, 0.3, 0.4], atol=EXACT)


def test_weight_geometry_of_weights_that_are_not_finite_is_not_a_number() -> None:
    from engine.statistics.weight_geometry import geometry

    assert np.isnan(geometry(np.array([[[1.0, np.inf], [0.0, 1.0]]]))).all()


def test_loss_state_rows_of_a_linear_cell_scale_by_rho(observe: Observe, orthogonal: Array) -> None:
    times = tuple(range(1, 8))
    seen = observe(activation="identity", weights={"weight_hh_l0": 0.6 * orthogonal}, asked=times)
    rows = compute("loss_state_gradient", seen)[0]
    lag = np.subtract.outer(np.arange(7), np.arange(7))
    expected = np.diagonal(rows)[:, None] + np.log10(0.6) * lag
    lower = lag >= 0
    np.testing.assert_allclose(rows[lower], expected[lower], atol=EXACT)
    assert np.isnan(rows[~lower]).all()


def test_the_row_of_the_only_asked_time_is_the_whole_gradient(observe: Observe) -> None:
    seen = observe(asked=(5,), layers=2)
    rows = compute("loss_state_gradient", seen)
    means = compute("hidden_gradient_norm", seen)
    np.testing.assert_allclose(rows[:, 4, :5], means[:, :5], atol=EXACT)
    np.testing.assert_allclose(rows[:, 4, :5], seen.loss_state([5])[:, 0, :5], atol=EXACT)


def test_rows_of_times_that_are_not_asked_are_zero(observe: Observe) -> None:
    rows = compute("loss_state_gradient", observe(asked=(5, 6)))[0]
    assert np.isneginf(rows[1, :2]).all()
    assert np.isnan(rows[1, 2:]).all()


def test_last_loss_row_of_a_linear_cell_scales_by_rho(observe: Observe, orthogonal: Array) -> None:
    seen = observe(activation="identity", weights={"weight_hh_l0": 0.6 * orthogonal}, asked=(2, 6))
    row = compute("last_loss_gradient", seen)[0]
    np.testing.assert_allclose(row[:6], row[5] + np.log10(0.6) * np.arange(5, -1, -1), atol=EXACT)
    assert np.isnan(row[6:]).all()


def test_long_sequences_keep_the_last_asked_row(observe: Observe) -> None:
    seen = observe(length=300, asked=range(1, 299), size=1)
    rows = compute("loss_state_gradient", seen)
    last = compute("last_loss_gradient", seen)
    assert rows.shape == (1, 64, 300)
    np.testing.assert_allclose(rows[0, -1, :298], last[0, :298], atol=EXACT)


def test_asked_times_count_from_one(observe: Observe) -> None:
    assert observe(asked=(2, 4)).asked_times == (2, 4)


def test_gradients_at_the_outputs_stand_in_for_the_loss(observe: Observe) -> None:
    seen = observe(asked=(3, 5), layers=2)
    parameters = seen.network.parameters()
    dy = np.asarray(seen.sweep.readout.dy) * seen.sweep.loss.scale
    gradients = np.zeros((7, 3, 3))
    gradients[[2, 4]] = dy.transpose(0, 2, 1)
    injected = trace(
        "elman",
        parameters,
        seen.batch.inputs,
        output_gradients=gradients,
        options={"activation": "tanh"},
    )
    for name in ("loss_state_gradient", "last_loss_gradient", "hidden_gradient_norm"):
        np.testing.assert_allclose(injected.statistic(name), compute(name, seen), atol=EXACT)


def test_without_anything_asked_there_is_no_last_loss(
    observe: Observe, rng: np.random.Generator
) -> None:
    seen = observe()
    ended = trace(
        "elman",
        seen.network.parameters(),
        seen.batch.inputs,
        final_state_gradients=rng.normal(size=(1, 3, H)),
        options={"activation": "tanh"},
    )
    assert np.isnan(ended.statistic("last_loss_gradient")).all()
