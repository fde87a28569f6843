"""The references hold each other: what is compared with the engine is itself compared."""

from functools import cache

import numpy as np
import pytest

from tests.reference import hips_twin
from tests.reference.arithmetic import ACTIVATIONS
from tests.reference.cells import CELLS
from tests.reference.problems import Recipe, make_problem, relative_difference
from tests.reference.renormalised import longdouble_log10_norms, mpmath_log10_norms

torch = pytest.importorskip("torch")

from tests.reference import torch_layers, torch_twin  # noqa: E402  # after importorskip

pytestmark = pytest.mark.torch

EXACT = 1e-12
"""Two ways to the same float64 gradient differ by rounding alone, at this size under 1e-14."""

FUSED = [
    Recipe(cell=cell, activation=activation, layers=layers, loss=loss, asked="some", bias_hh=True)
    for cell, activation in (("elman", "tanh"), ("elman", "relu"), ("lstm", None), ("gru", None))
    for layers in (1, 2)
    for loss in ("cross_entropy", "mean_squared_error")
]

OWN = [
    Recipe(
        cell=name,
        activation=activation if cell.choice else None,
        options=options,
        layers=layers,
        loss=loss,
        asked="some",
        layer_skips=layers == 3,
    )
    for name, cell in CELLS.items()
    for options in cell.variants
    for layers, loss, activation in (
        (1, "cross_entropy", "tanh"),
        (3, "mean_squared_error", "sigmoid"),
    )
] + [Recipe(activation=name, asked="some") for name in ACTIVATIONS]


@cache
def unrolled(recipe: Recipe) -> torch_twin.Gradients:
    return torch_twin.differentiate(make_problem(recipe))


@pytest.mark.parametrize("recipe", FUSED, ids=str)
def test_the_unrolled_network_has_the_parameter_gradients_of_pytorchs_layer(
    recipe: Recipe,
) -> None:
    theirs = torch_layers.differentiate(make_problem(recipe)).parameters
    worst = {
        name: relative_difference(unrolled(recipe).parameters[name], theirs[name])
        for name in theirs
    }
    assert max(worst.values()) < EXACT, worst


@pytest.mark.parametrize("recipe", FUSED, ids=str)
def test_the_unrolled_network_has_the_outputs_of_pytorchs_layer(recipe: Recipe) -> None:
    theirs = torch_layers.differentiate(make_problem(recipe))
    assert relative_difference(unrolled(recipe).outputs, theirs.outputs) < EXACT


@pytest.mark.parametrize("recipe", FUSED, ids=str)
def test_output_grad_of_pytorchs_layer_is_the_immediate_derivative(recipe: Recipe) -> None:
    problem = make_problem(recipe)
    output_grad = torch_layers.differentiate(problem).output_grad
    assert relative_difference(torch_twin.immediate_gradient(problem)[-1], output_grad) < EXACT


@pytest.mark.parametrize("recipe", [r for r in FUSED if r.layers == 1], ids=str)
def test_the_total_gradient_is_that_of_a_layer_called_step_by_step(recipe: Recipe) -> None:
    theirs = torch_layers.stepwise_hidden_gradient(make_problem(recipe))
    assert relative_difference(unrolled(recipe).hidden_gradient, theirs) < EXACT


@pytest.mark.parametrize("recipe", FUSED + OWN, ids=str)
def test_hips_autograd_agrees_with_pytorch_on_every_parameter(recipe: Recipe) -> None:
    _, ours = hips_twin.differentiate(make_problem(recipe))
    theirs = unrolled(recipe).parameters
    worst = {name: relative_difference(ours["parameters"][name], theirs[name]) for name in theirs}
    assert max(worst.values()) < EXACT, worst


@pytest.mark.parametrize("recipe", FUSED + OWN, ids=str)
def test_hips_autograd_agrees_with_pytorch_on_every_state(recipe: Recipe) -> None:
    problem = make_problem(recipe)
    mine = hips_twin.hidden_gradient(problem, hips_twin.differentiate(problem)[1])
    theirs = unrolled(recipe).hidden_gradient
    assert relative_difference(mine, theirs) < EXACT


@pytest.mark.parametrize("recipe", FUSED + OWN, ids=str)
def test_the_loss_times_sum_to_the_total_gradient(recipe: Recipe) -> None:
    matrix = torch_twin.loss_state_gradients(make_problem(recipe))
    assert relative_difference(np.nansum(matrix, 1), unrolled(recipe).hidden_gradient) < EXACT


@pytest.mark.parametrize("recipe", FUSED + OWN, ids=str)
def test_the_path_terms_sum_to_the_parameter_gradient(recipe: Recipe) -> None:
    problem = make_problem(recipe)
    worst = {
        name: relative_difference(np.nansum(torch_twin.path_terms(problem, name), (0, 1)), theirs)
        for name, theirs in unrolled(recipe).effective.items()
    }
    assert max(worst.values()) < EXACT, worst


def test_the_renormalised_norms_are_those_of_autograd_where_nothing_underflows() -> None:
    recipe = Recipe(cell="elman", activation="sigmoid", asked="last", length=12)
    problem = make_problem(recipe)
    norms = np.linalg.norm(problem.batch * unrolled(recipe).hidden_gradient[0], axis=-1)
    assert np.abs(longdouble_log10_norms(problem) - np.log10(norms)).max() < EXACT


def test_the_renormalised_norms_are_those_of_fifty_digits_far_below_the_smallest_double() -> None:
    problem = make_problem(
        Recipe(cell="elman", activation="sigmoid", asked="last", length=400, hidden=3)
    )
    exact = np.array(mpmath_log10_norms(problem, 1))
    assert exact[0] < -330  # under the smallest subnormal double
    assert np.abs(longdouble_log10_norms(problem)[:, 1] - exact).max() < EXACT * abs(exact[0])
