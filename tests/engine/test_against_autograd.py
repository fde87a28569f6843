"""The engine's gradients are those of PyTorch autograd on an unrolled network."""

from functools import cache

import numpy as np
import pytest

from tests.engine.against import (
    EXACT,
    GRID,
    ODD_GRID,
    disagreement,
    largest_difference,
    log10_norm,
    ours,
    over,
    problem_of,
    state_parts,
)
from tests.reference.problems import Recipe, relative_difference

pytest.importorskip("torch")

from tests.reference import torch_twin  # after importorskip

pytestmark = pytest.mark.torch

every_recipe = over(GRID + ODD_GRID)
some_recipes = over(ODD_GRID + tuple(r for r in GRID if r.asked == "every"))

PATHS = tuple(
    r
    for r in ODD_GRID + GRID
    if r.asked != "last" and r.length <= 7 and r.layers < 3  # T² terms for each parameter
)


@cache
def autograd(recipe: Recipe) -> torch_twin.Gradients:
    return torch_twin.differentiate(problem_of(recipe))


@every_recipe
def test_the_loss_is_pytorchs(recipe: Recipe) -> None:
    assert ours(recipe).loss == pytest.approx(autograd(recipe).loss, rel=1e-12, abs=1e-300)


@every_recipe
def test_the_outputs_are_pytorchs(recipe: Recipe) -> None:
    assert relative_difference(ours(recipe).outputs, autograd(recipe).outputs) <= EXACT


@every_recipe
def test_the_hidden_states_are_pytorchs(recipe: Recipe) -> None:
    assert relative_difference(ours(recipe).hidden, autograd(recipe).hidden) <= EXACT


@every_recipe
def test_every_parameter_gradient_is_autograds(recipe: Recipe) -> None:
    differences = disagreement(ours(recipe).parameter_gradients, autograd(recipe).parameters)
    assert max(differences.values()) <= EXACT, differences


@every_recipe
def test_every_total_gradient_at_a_hidden_state_is_autograds(recipe: Recipe) -> None:
    mine = ours(recipe).hidden_gradient.array()
    assert relative_difference(mine, autograd(recipe).hidden_gradient) <= EXACT


@every_recipe
def test_the_log_norms_are_those_of_the_gradients(recipe: Recipe) -> None:
    mine = ours(recipe).hidden_gradient.log10_norm()
    # A relative difference of 1e-10 in the norm is 4e-11 in its log10.
    assert largest_difference(mine, log10_norm(autograd(recipe).hidden_gradient)) <= EXACT


@every_recipe
def test_the_statistic_is_the_mean_over_the_samples_of_their_own_losses(recipe: Recipe) -> None:
    problem = problem_of(recipe)
    norms = np.linalg.norm(autograd(recipe).hidden_gradient, axis=-1)
    # dℓ/dh of a sample's own loss is B times that of the mean.
    factor = problem.batch if problem.reduction == "mean" else 1
    with np.errstate(divide="ignore"):
        theirs = np.log10(factor * norms.mean(axis=-1))
    assert largest_difference(ours(recipe).statistic("hidden_gradient_norm"), theirs) <= EXACT


@every_recipe
def test_every_immediate_gradient_is_that_of_one_step_alone(recipe: Recipe) -> None:
    mine = ours(recipe).immediate_gradient.array()
    theirs = torch_twin.immediate_gradient(problem_of(recipe))
    assert relative_difference(mine, theirs) <= EXACT


@every_recipe
def test_every_input_gradient_is_autograds(recipe: Recipe) -> None:
    mine = ours(recipe).input_gradients
    assert relative_difference(mine, autograd(recipe).inputs) <= EXACT


@every_recipe
def test_the_initial_states_gradient_is_autograds(recipe: Recipe) -> None:
    mine = state_parts(problem_of(recipe), ours(recipe).initial_state_gradient)
    differences = disagreement(mine, autograd(recipe).initial)
    assert max(differences.values()) <= EXACT, differences


@some_recipes
def test_each_loss_time_has_the_gradients_of_an_autograd_call_of_its_own(recipe: Recipe) -> None:
    mine = ours(recipe).loss_state_gradients()
    theirs = torch_twin.loss_state_gradients(problem_of(recipe))
    assert relative_difference(np.nan_to_num(mine), np.nan_to_num(theirs)) <= EXACT


@some_recipes
def test_the_loss_state_statistic_is_the_mean_norm_of_these_gradients(recipe: Recipe) -> None:
    problem = problem_of(recipe)
    norms = np.linalg.norm(torch_twin.loss_state_gradients(problem), axis=-1)
    factor = problem.batch if problem.reduction == "mean" else 1
    with np.errstate(divide="ignore"):
        theirs = np.log10(factor * norms.mean(axis=-1))
    mine = ours(recipe).statistic("loss_state_gradient")
    asked = np.asarray(problem.mask.any(axis=1))
    defined = np.tri(problem.length, dtype=bool)
    assert np.isnan(mine[:, ~defined]).all()
    reached = defined & asked[:, None]
    assert largest_difference(mine[:, reached], theirs[:, reached]) <= EXACT


@over(PATHS)
def test_every_path_term_is_the_gradient_of_one_steps_copy_of_the_parameter(
    recipe: Recipe,
) -> None:
    problem = problem_of(recipe)
    differences = {
        name: relative_difference(
            np.nan_to_num(ours(recipe).path_terms(name)),
            np.nan_to_num(torch_twin.path_terms(problem, name)),
        )
        for name in problem.parameters
    }
    assert max(differences.values()) <= EXACT, differences


@over(PATHS)
def test_the_path_terms_sum_to_the_gradient(recipe: Recipe) -> None:
    sums = {
        name: np.nansum(ours(recipe).path_terms(name), axis=(0, 1))
        for name in problem_of(recipe).parameters
    }
    differences = disagreement(sums, autograd(recipe).effective)
    assert max(differences.values()) <= EXACT, differences
