"""Activations: each is what its formula says, and its slope is the function's derivative."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, make_activation
from engine.activations.base import steep_values
from engine.arrays import Array
from engine.errors import ConfigError

# Written from the definitions, with what is safe only for moderate arguments.
FORMULAS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": lambda a: (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a)),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.where(a > 0, a, 0),
    "leaky_relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "elu": lambda a: np.where(a > 0, a, np.exp(a) - 1),
    "softplus": lambda a: np.log(1 + np.exp(a)),
    "hard_tanh": lambda a: np.where(np.abs(a) < 1, a, np.sign(a)),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "identity": lambda a: a,
}
KINKS = (-1.0, 0.0, 1.0)


def arguments(rng: np.random.Generator) -> Array:
    """Return arguments away from every kink."""
    a = rng.normal(scale=2, size=400)
    return a[np.abs(a[:, None] - np.array(KINKS)).min(axis=1) > 1e-3]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_what_its_formula_says(name: str, rng: np.random.Generator) -> None:
    a = arguments(rng)
    # The formulas lose digits where they subtract; the functions do not.
    np.testing.assert_allclose(ACTIVATIONS[name].value(a), FORMULAS[name](a), atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_slope_is_the_functions_derivative(name: str, rng: np.random.Generator) -> None:
    activation = ACTIVATIONS[name]
    a = arguments(rng)
    step = 1e-6
    differences = (activation.value(a + step) - activation.value(a - step)) / (2 * step)
    np.testing.assert_allclose(activation.slope(a), differences, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_lie_in_the_stated_range_and_reach_gamma(name: str) -> None:
    activation = ACTIVATIONS[name]
    slopes = activation.slope(np.linspace(-40, 40, 8001))
    low, high = activation.slope_range
    assert low <= slopes.min()
    assert slopes.max() == activation.gamma == high


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_function_is_steep_between_two_values_alone(
    name: str, share: float, dtype: type, rng: np.random.Generator
) -> None:
    activation = ACTIVATIONS[name]
    limit = share * activation.gamma
    low, high = steep_values(activation, limit, np.dtype(dtype))
    values = activation.value(rng.normal(scale=4, size=4000).astype(dtype))
    edges: Array = np.array([edge for edge in (low, high) if np.isfinite(edge)], dtype)
    near = [np.nextafter(edges, dtype(way)) for way in (-2, 2)]
    values = np.concatenate([values, edges, *near])
    slopes = np.empty_like(values)
    activation.slope_of_value(values, slopes)
    np.testing.assert_array_equal((values < low) | (values > high), slopes < limit)


@pytest.mark.torch
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_pytorchs_at_the_kinks_too(
    name: str, rng: np.random.Generator
) -> None:
    import torch

    a = np.concatenate([rng.normal(scale=3, size=200), KINKS, [-15.0, 15.0]])
    argument = torch.tensor(a, requires_grad=True)
    named = {"identity": torch.clone, "hard_tanh": torch.nn.functional.hardtanh}
    function = named.get(name) or getattr(torch.nn.functional, name)
    value = function(argument)
    value.sum().backward()
    assert argument.grad is not None
    ours = ACTIVATIONS[name]
    np.testing.assert_allclose(ours.value(a), value.detach().numpy(), atol=1e-15, rtol=1e-14)
    # Where a slope is taken from a value near its end, 1 − φ² and the like keep 1e-16 of one.
    np.testing.assert_allclose(ours.slope(a), argument.grad.numpy(), atol=1e-15)


@pytest.mark.parametrize(
    ("name", "at_kink"), [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0), ("softsign", 1.0)]
)
def test_the_slope_at_the_kink_is_pytorchs(name: str, at_kink: float) -> None:
    assert ACTIVATIONS[name].slope(np.zeros(1))[0] == at_kink


def test_hard_tanh_is_flat_at_its_corners() -> None:
    slopes = ACTIVATIONS["hard_tanh"].slope(np.array([-1.0, -0.999, 0.999, 1.0]))
    assert slopes.tolist() == [0, 1, 1, 0]


def test_a_softplus_far_below_zero_keeps_the_digits_of_its_slope() -> None:
    slope = ACTIVATIONS["softplus"].slope(np.array([-50.0]))[0]
    assert slope == pytest.approx(math.exp(-50), rel=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_activation_may_be_applied_in_place_again_and_again(name: str, dtype: str) -> None:
    activation = ACTIVATIONS[name]
    a = np.linspace(-5, 5, 41).astype(dtype)
    expected = activation.value(a)
    scratch = np.zeros_like(a)
    for _ in range(2):
        out = a.copy()
        activation.apply(out, out, scratch)
        assert np.array_equal(out, expected)
    assert expected.dtype == dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("a", [-800.0, 800.0])
def test_no_activation_overflows_far_out(name: str, a: float) -> None:
    activation = ACTIVATIONS[name]
    far = np.array([a])
    assert np.isfinite(activation.value(far))[0]
    low, high = activation.slope_range
    assert low <= activation.slope(far)[0] <= high


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softsign", "hard_tanh", "elu", "softplus"])
def test_a_smooth_unit_far_out_is_saturated(name: str) -> None:
    activation = ACTIVATIONS[name]
    assert activation.saturation == "fraction_of_gamma"
    assert activation.slope(np.array([-8.0]))[0] < activation.gamma / 10


@pytest.mark.parametrize("slope", [-0.1, 1.0, "steep", True])
def test_a_leaky_slope_outside_its_range_is_refused(slope: object) -> None:
    with pytest.raises(ConfigError, match=r"/slope: expected a number in \[0, 1\)"):
        make_activation({"kind": "leaky_relu", "slope": slope})
