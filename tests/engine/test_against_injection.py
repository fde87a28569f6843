"""Gradients put in from outside: at the outputs, at the final state, over two halves."""

from dataclasses import replace

import numpy as np
import pytest

from tests.engine.against import (
    EXACT,
    MODELS,
    disagreement,
    ours,
    problem_of,
    state_argument,
    state_parts,
)
from tests.engine.against import trace as trace_problem
from tests.reference.problems import Problem, Recipe, relative_difference

torch = pytest.importorskip("torch")

from tests.reference import torch_twin  # noqa: E402  # after importorskip

pytestmark = pytest.mark.torch

RECIPES = tuple(
    Recipe(
        cell=cell,
        activation=activation,
        options=options,
        layers=layers,
        asked="some",
        reduction=reduction,
    )
    for cell, activation, options in MODELS
    if activation in (None, "relu", "tanh")
    for layers in (1, 2)
    for reduction in ("mean", "sum")
)

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@every_recipe
def test_output_gradients_take_the_place_of_a_loss(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    gradients = rng.normal(size=ours(recipe).outputs.shape)
    mine = trace_problem(
        problem, targets=None, mask=None, output_gradients=gradients
    ).parameter_gradients
    theirs = torch_twin.differentiate(problem, output_gradients=gradients).parameters
    differences = disagreement(mine, theirs)
    assert max(differences.values()) <= EXACT, differences


@every_recipe
def test_output_gradients_reach_every_hidden_state(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    gradients = rng.normal(size=ours(recipe).outputs.shape)
    mine = trace_problem(problem, targets=None, mask=None, output_gradients=gradients)
    theirs = torch_twin.differentiate(problem, output_gradients=gradients).hidden_gradient
    assert relative_difference(mine.hidden_gradient.array(), theirs) <= EXACT


@every_recipe
def test_final_state_gradients_are_added_to_the_losss(
    recipe: Recipe, rng: np.random.Generator
) -> None:
    problem = problem_of(recipe)
    shape = (problem.layers, problem.batch, problem.hidden)
    final = {name: rng.normal(size=shape) for name in problem.states}
    mine = trace_problem(problem, final_state_gradients=state_argument(problem, final))
    theirs = torch_twin.differentiate(problem, final_state_gradients=final)
    assert relative_difference(mine.hidden_gradient.array(), theirs.hidden_gradient) <= EXACT
    differences = disagreement(mine.parameter_gradients, theirs.parameters)
    assert max(differences.values()) <= EXACT, differences


def cut(problem: Problem, start: int, stop: int) -> Problem:
    return replace(
        problem,
        inputs=problem.inputs[start:stop],
        targets=problem.targets[start:stop],
        mask=problem.mask[start:stop],
    )


@pytest.mark.parametrize(
    "recipe", [replace(r, asked="every") for r in RECIPES if r.reduction == "sum"], ids=str
)
def test_two_halves_joined_by_the_states_gradient_make_the_whole(recipe: Recipe) -> None:
    whole, middle = problem_of(recipe), 3
    first = cut(whole, 0, middle)
    # Only the state at the cut is asked of torch's forward pass; every gradient is ours.
    at_cut = torch_twin.states(first)
    second = replace(cut(whole, middle, whole.length), initial=at_cut)
    later = trace_problem(second)
    arriving = state_parts(whole, later.initial_state_gradient)
    earlier = trace_problem(first, final_state_gradients=state_argument(whole, arriving))
    joined = {
        name: earlier.parameter_gradients[name] + later.parameter_gradients[name]
        for name in whole.parameters
    }
    differences = disagreement(joined, ours(recipe).parameter_gradients)
    assert max(differences.values()) <= EXACT, differences
