"""Truncated gradients of every cell are those of states that autograd was told to cut."""

from functools import cache

import pytest

import engine
from tests.engine.against import EXACT, MODELS, disagreement, problem_of, state_parts, trace
from tests.reference.problems import Recipe, relative_difference

pytest.importorskip("torch")

from tests.reference import torch_twin

pytestmark = pytest.mark.torch

WINDOW = 3
"""Of seven steps: two walls, and a last window that is shorter."""

RECIPES = [
    Recipe(cell=cell, activation=activation, options=options, layers=2)
    for cell, activation, options in MODELS
    if activation in (None, "tanh")
]

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@cache
def ours(recipe: Recipe) -> engine.Trace:
    return trace(problem_of(recipe), truncation=WINDOW)


@cache
def theirs(recipe: Recipe) -> torch_twin.Gradients:
    return torch_twin.differentiate(problem_of(recipe), window=WINDOW)


@every_recipe
def test_every_parameter_gradient_is_that_of_cut_states(recipe: Recipe) -> None:
    differences = disagreement(ours(recipe).parameter_gradients, theirs(recipe).parameters)
    assert max(differences.values()) <= EXACT, differences


@every_recipe
def test_every_gradient_at_a_hidden_state_is_that_of_cut_states(recipe: Recipe) -> None:
    mine = ours(recipe).hidden_gradient.array()
    assert relative_difference(mine, theirs(recipe).hidden_gradient) <= EXACT


@every_recipe
def test_the_initial_states_gradient_ends_at_the_first_wall(recipe: Recipe) -> None:
    mine = state_parts(problem_of(recipe), ours(recipe).initial_state_gradient)
    differences = disagreement(mine, theirs(recipe).initial)
    assert max(differences.values()) <= EXACT, differences
