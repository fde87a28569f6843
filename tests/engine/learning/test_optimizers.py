"""Optimizers: each against a formula of its own, and against PyTorch's."""

import numpy as np
import pytest

from engine.arrays import Array
from engine.config import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd
from engine.errors import ConfigError
from engine.learning.optimizers import make_updater

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


def test_nesterov_sums_one_share_of_momentum_more() -> None:
    rows, momentum = gradients(), 0.8
    # Gradient k acts at its own update with 1 + μ, at each later one with μ^(distance + 1).
    weights = [1 + sum(momentum ** (d + 1) for d in range(STEPS - k)) for k in range(STEPS)]
    expected = 1 - 0.1 * (np.asarray(weights)[:, None] * rows).sum(axis=0)
    found = run(Sgd(learning_rate=0.1, momentum=momentum, nesterov=True), rows)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(ConfigError, match="/nesterov: without momentum"):
        Sgd(nesterov=True)


def test_adagrad_divides_by_all_that_was() -> None:
    rows = gradients()
    totals = np.sqrt(np.cumsum(rows**2, axis=0))
    expected = 1 - 0.1 * (rows / totals).sum(axis=0)
    found = run(Adagrad(learning_rate=0.1, epsilon=1e-300), rows)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_rmsprop_follows_its_definition() -> None:
    rows, decay = gradients(), 0.8
    expected = np.ones(SIZE)
    for k in range(1, STEPS + 1):
        weights = (1 - decay) * decay ** np.arange(k - 1, -1, -1.0)[:, None]
        square, mean = (weights * rows[:k] ** 2).sum(axis=0), (weights * rows[:k]).sum(axis=0)
        expected -= 0.05 * rows[k - 1] / (np.sqrt(square - mean**2) + 1e-4)
    options = RmsProp(learning_rate=0.05, decay=decay, centered=True, epsilon=1e-4)
    np.testing.assert_allclose(run(options, rows), expected, rtol=1e-9)


def test_a_centered_rmsprop_of_constant_gradients_divides_by_no_negative_root() -> None:
    # Σ (1 − α) α^d is 1 up to rounding: variances of zero come out a little below it at times.
    rows = np.full((4000, SIZE), 0.1)
    found = run(RmsProp(learning_rate=1e-6, decay=0.5, centered=True, epsilon=1e-3), rows)
    assert np.all(np.isfinite(found))


def test_adamw_shrinks_weights_that_have_no_gradient() -> None:
    found = run(AdamW(learning_rate=0.1, weight_decay=0.5), np.zeros((STEPS, SIZE)))
    np.testing.assert_allclose(found, 0.95**STEPS, rtol=1e-13)


def test_adamw_without_decay_is_adam() -> None:
    rows = gradients()
    assert np.array_equal(run(AdamW(weight_decay=0), rows), run(Adam(), rows))


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
        (
            Sgd(learning_rate=0.1, momentum=0.9, nesterov=True),
            "SGD",
            {"momentum": 0.9, "nesterov": True},
        ),
        (RmsProp(learning_rate=0.01), "RMSprop", {}),
        (
            RmsProp(learning_rate=0.01, decay=0.9, momentum=0.7, epsilon=1e-4),
            "RMSprop",
            {"alpha": 0.9, "momentum": 0.7, "eps": 1e-4},
        ),
        (
            RmsProp(learning_rate=0.01, decay=0.9, centered=True, epsilon=1e-2),
            "RMSprop",
            {"alpha": 0.9, "centered": True, "eps": 1e-2},
        ),
        (Adagrad(learning_rate=0.1), "Adagrad", {}),
        (Adagrad(learning_rate=0.1, epsilon=1e-3), "Adagrad", {"eps": 1e-3}),
        (AdamW(learning_rate=0.01), "AdamW", {}),
        (
            AdamW(learning_rate=0.1, beta1=0.7, beta2=0.9, weight_decay=0.3),
            "AdamW",
            {"betas": (0.7, 0.9), "weight_decay": 0.3},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
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


@pytest.mark.parametrize(
    "options",
    [
        Sgd(momentum=0.5, nesterov=True),
        RmsProp(momentum=0.5, centered=True),
        Adagrad(),
        Adam(),
        AdamW(),
    ],
    ids=lambda options: options.kind,
)
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
