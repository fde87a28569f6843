"""The engine's gradients are those of HIPS autograd: the proof that needs no torch."""

from functools import cache
from typing import Any

import pytest

from tests.engine.against import (
    EXACT,
    MATRIX,
    ODD,
    disagreement,
    ours,
    problem_of,
    state_parts,
)
from tests.reference import hips_twin
from tests.reference.problems import Recipe, relative_difference

every_recipe = pytest.mark.parametrize("recipe", MATRIX + ODD, ids=str)


@cache
def autograd(recipe: Recipe) -> dict[str, Any]:
    return hips_twin.differentiate(problem_of(recipe))[1]


@every_recipe
def test_every_parameter_gradient_is_autograds(recipe: Recipe) -> None:
    differences = disagreement(ours(recipe).parameter_gradients, autograd(recipe)["parameters"])
    assert max(differences.values()) <= EXACT, differences


@every_recipe
def test_every_total_gradient_at_a_hidden_state_is_autograds(recipe: Recipe) -> None:
    mine = ours(recipe).hidden_gradient.array()
    assert relative_difference(mine, hips_twin.states(autograd(recipe), "h")) <= EXACT


@every_recipe
def test_every_input_gradient_is_autograds(recipe: Recipe) -> None:
    assert relative_difference(ours(recipe).input_gradients, autograd(recipe)["inputs"]) <= EXACT


@every_recipe
def test_the_initial_states_gradient_is_autograds(recipe: Recipe) -> None:
    mine = state_parts(problem_of(recipe), ours(recipe).initial_state_gradient)
    differences = disagreement(mine, autograd(recipe)["initial"])
    assert max(differences.values()) <= EXACT, differences
