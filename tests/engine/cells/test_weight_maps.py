"""Weights that are functions of a parameter: what they are, and their gradients."""

import numpy as np
import pytest

from engine.cells.weight_maps import WeightMap, antisymmetric, cayley, exponential

H = 5
STEP = 1e-6

MAPS = {"exponential": exponential, "cayley": cayley, "antisymmetric": antisymmetric(0.3)}
every_map = pytest.mark.parametrize("weight_map", MAPS.values(), ids=MAPS)
rotations = pytest.mark.parametrize("weight_map", [exponential, cayley], ids=lambda m: m.__name__)


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def of_two(lower: float) -> np.ndarray:
    """Return a parameter of two units; what stands on and above the diagonal is not read."""
    return np.array([[7.0, 8.0], [lower, 9.0]])


@rotations
@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
def test_the_weights_are_orthogonal(
    weight_map: WeightMap, size: float, rng: np.random.Generator
) -> None:
    weights = weight_map(size * rng.normal(size=(64, 64))).weights
    # Rounding of 64-term sums; the Cayley map's equations have a condition of some hundreds.
    np.testing.assert_allclose(weights.T @ weights, np.eye(64), atol=2e-13)


def test_the_exponential_of_one_angle_is_its_rotation() -> None:
    np.testing.assert_allclose(exponential(of_two(0.7)).weights, rotation(0.7), atol=1e-15)


def test_the_cayley_map_of_one_tangent_is_the_rotation_by_twice_its_angle() -> None:
    found = cayley(of_two(np.tan(0.35))).weights
    np.testing.assert_allclose(found, rotation(0.7), atol=1e-15)


def test_antisymmetric_weights_are_those_of_the_docstring(rng: np.random.Generator) -> None:
    M = rng.normal(size=(H, H))
    np.testing.assert_array_equal(MAPS["antisymmetric"](M).weights, M - M.T - 0.3 * np.eye(H))


@every_map
def test_the_gradient_is_that_of_the_stored_parameter(
    weight_map: WeightMap, rng: np.random.Generator
) -> None:
    stored, gradient, direction = rng.normal(size=(3, H, H))
    up, down = (weight_map(stored + sign * STEP * direction).weights for sign in (1, -1))
    difference = np.vdot(gradient, (up - down) / (2 * STEP))
    found = np.vdot(weight_map(stored).pull_back(gradient), direction)
    assert found == pytest.approx(difference, rel=1e-6)


def test_the_exponentials_gradient_is_exact_where_angles_coincide(rng: np.random.Generator) -> None:
    # At S = 0 all eigenvalues are one and ∂L/∂S = G.
    gradient = rng.normal(size=(H, H))
    found = exponential(np.zeros((H, H))).pull_back(gradient)
    np.testing.assert_allclose(found, np.tril(gradient - gradient.T, -1), atol=1e-14)


@rotations
def test_what_is_not_read_has_no_gradient(weight_map: WeightMap, rng: np.random.Generator) -> None:
    stored, gradient = rng.normal(size=(2, H, H))
    assert not np.triu(weight_map(stored).pull_back(gradient)).any()


@rotations
def test_a_parameter_that_is_no_number_gives_none(weight_map: WeightMap) -> None:
    mapped = weight_map(np.full((2, 2), np.inf))
    assert np.isnan(mapped.weights).all()
    assert np.isnan(mapped.pull_back(np.ones((2, 2)))).all()
