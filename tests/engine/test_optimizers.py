"""Optimizers, schedules and clipping: each against a formula of its own."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrays import Array
from engine.config import (
    Adam,
    Clipping,
    ConstantSchedule,
    CosineSchedule,
    NormClipping,
    Optimizer,
    Sgd,
    TrainingConfig,
    ValueClipping,
)
from engine.learning.clipping import Clipper
from engine.learning.optimizers import make_updater
from engine.learning.schedules import learning_rate

SIZE, STEPS = 17, 40


def gradients(dtype: str = "float64") -> Array:
    """Return gradients of very different sizes, one row a step."""
    rng = np.random.default_rng(5)
    sizes = 10.0 ** rng.integers(-6, 3, (1, SIZE))
    return (rng.standard_normal((STEPS, SIZE)) * sizes).astype(dtype)


def run(options: Optimizer, rows: Array) -> Array:
    """Return θ after updates with the given gradients, from θ = 1."""
    flat = np.ones(SIZE, rows.dtype)
    updater = make_updater(options, flat)
    for step, gradient in enumerate(rows):
        updater.update(flat, gradient, options.learning_rate, step)
    return flat


def test_plain_sgd_subtracts_the_scaled_gradient() -> None:
    rows = gradients()
    expected = 1 - 0.1 * rows.sum(axis=0)
    np.testing.assert_allclose(run(Sgd(learning_rate=0.1), rows), expected, rtol=1e-12)


def test_momentum_sums_old_gradients_with_falling_weights() -> None:
    rows, momentum = gradients(), 0.8
    # Unrolled: gradient k acts in every later update, with weight μ^(distance).
    weights = [sum(momentum**d for d in range(STEPS - k)) for k in range(STEPS)]
    expected = 1 - 0.1 * (np.asarray(weights)[:, None] * rows).sum(axis=0)
    found = run(Sgd(learning_rate=0.1, momentum=momentum), rows)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_adam_follows_its_definition() -> None:
    rows, options = gradients(), Adam(learning_rate=0.05, beta1=0.8, beta2=0.95, epsilon=1e-4)
    expected = np.ones(SIZE)
    for k in range(1, STEPS + 1):
        # Moments as weighted means over all gradients so far, not by recursion.
        first = options.beta1 ** np.arange(k - 1, -1, -1.0)[:, None]
        second = options.beta2 ** np.arange(k - 1, -1, -1.0)[:, None]
        mean = (first * rows[:k]).sum(axis=0) / first.sum()
        square = (second * rows[:k] ** 2).sum(axis=0) / second.sum()
        expected -= options.learning_rate * mean / (np.sqrt(square) + options.epsilon)
    np.testing.assert_allclose(run(options, rows), expected, rtol=1e-11)


def test_adams_first_step_has_the_learning_rates_size_whatever_the_gradient() -> None:
    flat = np.zeros(SIZE)
    options = Adam(learning_rate=0.05, epsilon=1e-30)
    make_updater(options, flat).update(flat, gradients()[0], options.learning_rate, 0)
    np.testing.assert_allclose(np.abs(flat), 0.05, rtol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("options", "name", "settings"),
    [
        (Sgd(learning_rate=0.1), "SGD", {}),
        (Sgd(learning_rate=0.1, momentum=0.9), "SGD", {"momentum": 0.9}),
        (Adam(learning_rate=0.01), "Adam", {}),
        (
            Adam(learning_rate=0.01, beta1=0.7, beta2=0.9, epsilon=1e-3),
            "Adam",
            {"betas": (0.7, 0.9), "eps": 1e-3},
        ),
    ],
    ids=["sgd", "momentum", "adam", "adam-options"],
)
def test_updates_are_those_of_torch(
    options: Optimizer, name: str, settings: dict[str, object]
) -> None:
    import torch

    rows = gradients()
    parameter = torch.nn.Parameter(torch.ones(SIZE, dtype=torch.float64))
    theirs = getattr(torch.optim, name)([parameter], lr=options.learning_rate, **settings)
    for row in rows:
        parameter.grad = torch.from_numpy(row.copy())
        theirs.step()
    # Both in double precision, differing in the order of operations alone.
    np.testing.assert_allclose(run(options, rows), parameter.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize("options", [Sgd(momentum=0.5), Adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_are_in_place_in_the_parameters_type(options: Optimizer, dtype: str) -> None:
    flat = np.ones(SIZE, dtype)
    updater = make_updater(options, flat)
    moments = dict(updater.moments)
    gradient = gradients(dtype)[0]
    before = gradient.copy()
    updater.update(flat, gradient, 0.1, 0)
    assert np.array_equal(gradient, before)
    assert all(updater.moments[name] is moments[name] for name in moments)
    assert {m.dtype for m in moments.values()} == {np.dtype(dtype)}
    assert flat.dtype == dtype


# Schedules


def test_the_constant_schedule_is_constant() -> None:
    training = TrainingConfig(optimizer=Sgd(learning_rate=0.3), schedule=ConstantSchedule())
    assert {learning_rate(training, step) for step in (0, 7, 999, 5000)} == {0.3}


def cosine(final_share: float = 0.0, horizon: int | None = None) -> TrainingConfig:
    schedule = CosineSchedule(final_share=final_share, horizon=horizon)
    return TrainingConfig(steps=100, optimizer=Sgd(learning_rate=0.4), schedule=schedule)


def test_the_cosine_schedule_has_its_endpoints() -> None:
    training = cosine(final_share=0.1)
    assert learning_rate(training, 0) == 0.4
    assert learning_rate(training, 50) == pytest.approx(0.4 * 0.55, rel=1e-12)
    assert learning_rate(training, 100) == pytest.approx(0.04, rel=1e-12)
    assert learning_rate(training, 1000) == learning_rate(training, 100)


def test_the_cosine_schedule_falls_all_the_way() -> None:
    rates = np.array([learning_rate(cosine(), step) for step in range(101)])
    assert np.all(np.diff(rates) < 0)
    assert rates[-1] == 0


def test_a_horizon_of_its_own_outlives_the_training() -> None:
    assert learning_rate(cosine(horizon=200), 100) == pytest.approx(0.2, rel=1e-12)


def test_a_training_without_steps_has_a_learning_rate() -> None:
    training = TrainingConfig(steps=0, schedule=CosineSchedule())
    assert learning_rate(training, 0) == training.optimizer.learning_rate


# Clipping

VECTORS = st.lists(st.floats(-1e8, 1e8, allow_subnormal=False), min_size=1, max_size=20).map(
    np.array
)
THRESHOLDS = st.floats(1e-6, 1e6)


@given(gradient=VECTORS, threshold=THRESHOLDS)
def test_clipping_by_norm_keeps_direction_and_bounds_the_norm(
    gradient: Array, threshold: float
) -> None:
    norm = float(np.linalg.norm(gradient))
    clipped, factor = Clipper(NormClipping(threshold=threshold), gradient).clip(gradient, norm)
    length = float(np.linalg.norm(clipped))
    assert length == pytest.approx(min(norm, threshold), rel=1e-12)
    assert factor == pytest.approx(min(1, threshold / norm) if norm else 1, rel=1e-12)
    # Cosine 1, to a few roundings.
    assert float(clipped @ gradient) == pytest.approx(length * norm, rel=1e-12)


@given(gradient=VECTORS, threshold=THRESHOLDS)
def test_clipping_by_value_bounds_every_entry_and_says_what_is_left(
    gradient: Array, threshold: float
) -> None:
    norm = float(np.linalg.norm(gradient))
    clipped, factor = Clipper(ValueClipping(threshold=threshold), gradient).clip(gradient, norm)
    assert np.array_equal(clipped, np.minimum(np.maximum(gradient, -threshold), threshold))
    expected = float(np.linalg.norm(clipped)) / norm if norm else 1
    assert factor == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [None, NormClipping(threshold=10), ValueClipping(threshold=9)])
def test_what_is_short_enough_passes_untouched(options: Clipping | None) -> None:
    gradient = np.array([3.0, -4.0])
    clipped, factor = Clipper(options, gradient).clip(gradient, 5.0)
    assert clipped is gradient
    assert factor == 1.0


@pytest.mark.parametrize(
    ("options", "expected"), [(NormClipping(), 1), (ValueClipping(), math.sqrt(2))]
)
def test_clipping_leaves_the_gradient_itself_alone(options: Clipping, expected: float) -> None:
    gradient = np.array([30.0, -40.0], dtype=np.float32)
    clipped, factor = Clipper(options, gradient).clip(gradient, 50.0)
    assert gradient.tolist() == [30.0, -40.0]
    assert clipped.dtype == np.float32
    assert factor == pytest.approx(expected / 50)


@pytest.mark.parametrize("options", [None, NormClipping(), ValueClipping()])
def test_a_gradient_of_zero_has_a_clip_factor_of_one(options: Clipping | None) -> None:
    zero = np.zeros(4)
    assert Clipper(options, zero).clip(zero, 0.0)[1] == 1.0


@pytest.mark.parametrize("options", [None, NormClipping(), ValueClipping()])
@pytest.mark.parametrize("norm", [math.inf, math.nan])
def test_a_gradient_that_is_not_finite_has_no_clip_factor(
    options: Clipping | None, norm: float
) -> None:
    gradient = np.array([norm, 1.0])
    with np.errstate(invalid="ignore"):
        assert math.isnan(Clipper(options, gradient).clip(gradient, norm)[1])


def test_a_tiny_float32_gradient_is_measured_in_double_precision() -> None:
    gradient = np.full(4, 1e-30, dtype=np.float32)
    clipper = Clipper(ValueClipping(threshold=5e-31), gradient)
    assert clipper.clip(gradient, 2e-30)[1] == pytest.approx(0.5, rel=1e-6)
