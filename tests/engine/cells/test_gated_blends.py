"""Cells whose new state is a weighting of the old one and a candidate: which share is whose."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import engine

H, D, T, B = 3, 2, 4, 2

OPEN = 40.0
"""A pre-activation at which a sigmoid is 1 to the last bit but one, and its slope 0."""


def parameters(gates: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random weights of one layer."""
    shapes = {
        "weight_ih_l0": (gates * H, D),
        "weight_hh_l0": (gates * H, H),
        "bias_ih_l0": (gates * H,),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def traced(
    cell: str, weights: Mapping[str, np.ndarray], rng: np.random.Generator, **options: object
) -> tuple[engine.Trace, np.ndarray, np.ndarray]:
    """Return a trace of random inputs whose loss is ⟨u, h_T⟩, with h_0 and u."""
    h_0, u = rng.uniform(-0.9, 0.9, (2, 1, B, H))
    xs = rng.normal(size=(T, B, D))
    found = engine.trace(
        cell, weights, xs, initial_state=h_0, final_state_gradients=u, options=options
    )
    return found, h_0, u


def constant_gate(weights: dict[str, np.ndarray], block: int, a: float) -> Mapping[str, np.ndarray]:
    """Set one gate's pre-activation to `a`, whatever is read."""
    rows = slice(block * H, (block + 1) * H)
    weights["weight_ih_l0"][rows] = weights["weight_hh_l0"][rows] = 0
    weights["bias_ih_l0"][rows] = a
    return weights


@pytest.mark.parametrize(("cell", "options"), [("ugrnn", {}), ("janet", {"beta": 0.0})])
def test_an_open_first_gate_keeps_the_state_and_returns_the_gradient(
    cell: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    weights = constant_gate(parameters(2, rng), 0, OPEN)
    found, h_0, u = traced(cell, weights, rng, **options)
    np.testing.assert_allclose(found.hidden[0, -1], h_0[0], atol=1e-15)
    np.testing.assert_allclose(found.initial_state_gradient, u, atol=1e-15)


@pytest.mark.parametrize("cell", ["ugrnn", "janet"])
def test_a_closed_first_gate_leaves_the_candidate_alone(
    cell: str, rng: np.random.Generator
) -> None:
    weights = constant_gate(parameters(2, rng), 0, -OPEN)
    found, h_0, u = traced(cell, weights, rng)
    plain = {name: value[H:] for name, value in weights.items()}
    alone = engine.trace(
        "elman", plain, np.zeros((T, B, D)), initial_state=h_0, final_state_gradients=u
    )
    assert alone.outputs.shape == found.outputs.shape
    xs_free = engine.trace(
        cell, weights, np.zeros((T, B, D)), initial_state=h_0, final_state_gradients=u
    )
    np.testing.assert_allclose(xs_free.hidden, alone.hidden, atol=1e-15)
    np.testing.assert_allclose(
        xs_free.initial_state_gradient, alone.initial_state_gradient, atol=1e-14
    )


def test_janets_beta_lets_in_more_than_was_forgotten(rng: np.random.Generator) -> None:
    weights = constant_gate(parameters(2, rng), 0, 0.3)
    weights["weight_hh_l0"][:] = 0
    weights["weight_ih_l0"][:] = 0
    found, h_0, _ = traced("janet", weights, rng, beta=2.0)
    kept = 1 / (1 + np.exp(-0.3))
    taken = 1 - 1 / (1 + np.exp(-(0.3 - 2.0)))
    expected = kept * h_0[0] + taken * np.tanh(weights["bias_ih_l0"][H:])
    np.testing.assert_allclose(found.hidden[0, 0], expected, atol=1e-15)


@pytest.mark.parametrize(("cell", "keep"), [("residual", 1.0), ("leaky", 0.75)])
def test_what_passes_beside_the_weights_is_the_cells_constant(
    cell: str, keep: float, rng: np.random.Generator
) -> None:
    weights = parameters(1, rng)
    weights["weight_hh_l0"][:] = 0
    found, _, u = traced(cell, weights, rng, alpha=0.25)
    np.testing.assert_allclose(found.initial_state_gradient, keep**T * u, rtol=1e-14)


@pytest.mark.parametrize(("cell", "keep"), [("residual", 1.0), ("leaky", 0.75)])
def test_a_linear_steps_jacobian_is_the_constant_and_the_weights_share(
    cell: str, keep: float, rng: np.random.Generator
) -> None:
    weights = parameters(1, rng)
    found, _, u = traced(cell, weights, rng, alpha=0.25, activation="identity")
    jacobian = keep * np.eye(H) + 0.25 * weights["weight_hh_l0"]
    expected = u[0] @ np.linalg.matrix_power(jacobian, T)
    np.testing.assert_allclose(found.initial_state_gradient[0], expected, rtol=1e-12)
