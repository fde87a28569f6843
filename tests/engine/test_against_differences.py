"""The engine's gradients are the slopes of the engine's own loss: no other framework is asked."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

import engine
from tests.engine.against import GRID, ODD_GRID, loss_of, ours, over, problem_of, state_parts
from tests.reference.problems import Array, Problem, Recipe

STEP = 1e-6
"""Rounding (1e-16 / step) and curvature (step²) both stay below 1e-9 of a loss near one."""

TOLERANCE = 1e-6
"""SCIENCE.md: relative, for random projections away from kinks."""

every_recipe = over(GRID + ODD_GRID)

# After seven steps of a sigmoid the initial state's gradient is under the rounding.
every_short_recipe = over([r for r in GRID if r.asked == "every"], length=2)


def assert_slope(found: float, gradient: list[Array], direction: list[Array], loss: float) -> None:
    expected = sum(float(np.vdot(g, u)) for g, u in zip(gradient, direction, strict=True))
    # A projection that is small by chance is measured against what it could have been.
    typical = np.sqrt(sum(float(np.vdot(g, g)) for g in gradient))
    # Nor can a difference of two losses say more than their last bits do.
    rounding = 4 * np.finfo(float).eps * abs(loss) / STEP
    assert abs(found - expected) <= TOLERANCE * max(abs(expected), typical) + rounding


def moved(problem: Problem, sign: int, direction: Mapping[str, Array]) -> Problem:
    parameters = {n: p + sign * STEP * direction[n] for n, p in problem.parameters.items()}
    return replace(problem, parameters=parameters)


@every_recipe
def test_the_loss_changes_as_the_parameter_gradients_say(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    u = {name: rng.normal(size=p.shape) for name, p in problem.parameters.items()}
    difference = loss_of(moved(problem, 1, u)) - loss_of(moved(problem, -1, u))
    gradients = ours(recipe).parameter_gradients
    assert_slope(
        difference / (2 * STEP), [gradients[n] for n in u], list(u.values()), loss_of(problem)
    )


@every_recipe
def test_the_loss_changes_as_the_input_gradients_say(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    u = rng.normal(size=problem.inputs.shape)
    losses = [
        loss_of(replace(problem, inputs=problem.inputs + sign * STEP * u)) for sign in (1, -1)
    ]
    found = (losses[0] - losses[1]) / (2 * STEP)
    assert_slope(found, [ours(recipe).input_gradients], [u], loss_of(problem))


@every_short_recipe
def test_the_loss_changes_as_the_initial_states_gradient_says(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    u = {name: rng.normal(size=h.shape) for name, h in problem.initial.items()}
    losses = [
        loss_of(
            replace(
                problem,
                initial={n: h + sign * STEP * u[n] for n, h in problem.initial.items()},
            )
        )
        for sign in (1, -1)
    ]
    gradients = state_parts(problem, ours(recipe).initial_state_gradient)
    found = (losses[0] - losses[1]) / (2 * STEP)
    assert_slope(found, [gradients[n] for n in u], list(u.values()), loss_of(problem))


@pytest.mark.parametrize(
    ("activation", "at_zero"), [("relu", 0.0), ("leaky_relu", 0.2), ("identity", 1.0)]
)
def test_at_the_kink_the_slope_is_the_one_of_the_negative_side(
    activation: str, at_zero: float
) -> None:
    options = {"activation": {"kind": activation, "slope": 0.2} if at_zero == 0.2 else activation}
    parameters = {
        "weight_ih_l0": np.array([[1.0]]),
        "weight_hh_l0": np.array([[0.5]]),
        "bias_ih_l0": np.array([0.0]),
        "readout.weight": np.array([[2.0]]),
        "readout.bias": np.array([0.0]),
    }
    traced = engine.trace(
        "elman",
        parameters,
        np.zeros((1, 1, 1)),
        targets=np.ones((1, 1, 1)),
        loss="mean_squared_error",
        options=options,
    )
    # y = 2 φ(0) = 0, dL/dy = 2 (0 − 1), dL/da = −4 φ′(0).
    assert traced.parameter_gradients["bias_ih_l0"][0] == -4.0 * at_zero
