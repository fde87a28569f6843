"""Statistics made of Jacobians and of path terms, beside those that autograd makes of them."""

from functools import cache

import numpy as np
import pytest

from tests.engine.against import MODELS, ours, problem_of
from tests.reference import hips_twin
from tests.reference.adjoints import Adjoints, differentiate
from tests.reference.problems import Recipe

CLOSE = 1e-9
"""Of logs of singular values, the smallest of which are a thousandth of the largest."""

RECIPES = tuple(
    Recipe(
        cell=cell,
        activation=activation,
        options=options,
        layers=layers,
        asked="every",
        length=5,
        batch=2,
        hidden=3,
    )
    for cell, activation, options in MODELS
    if activation in (None, "tanh")
    if options or cell != "skip"  # ten states and more make hundreds of small derivatives
    for layers in (1, 2)
)

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@cache
def autograd(recipe: Recipe) -> Adjoints:
    return differentiate(problem_of(recipe))


@every_recipe
def test_the_singular_values_are_those_of_autograds_jacobians(recipe: Recipe) -> None:
    values = np.linalg.svd(autograd(recipe).jacobians, compute_uv=False)
    mine = ours(recipe).statistic("jacobian_singular_values")
    np.testing.assert_allclose(mine, np.log10(values).mean(axis=2), atol=CLOSE)


@every_recipe
def test_the_product_norms_are_those_of_autograds_jacobians(recipe: Recipe) -> None:
    jacobians = autograd(recipe).jacobians
    T = recipe.length
    product = np.broadcast_to(np.eye(jacobians.shape[-1]), jacobians[:, 0].shape)
    theirs = np.zeros(jacobians.shape[:3])
    for k in range(T, 0, -1):
        theirs[:, k - 1] = np.log10(np.linalg.norm(product, 2, axis=(-2, -1)))
        product = product @ jacobians[:, k - 1]
    mine = ours(recipe).statistic("jacobian_product_norm")
    np.testing.assert_allclose(mine, theirs.mean(axis=2), atol=CLOSE)


@every_recipe
def test_the_lyapunov_exponents_are_those_of_autograds_jacobians(recipe: Recipe) -> None:
    jacobians = autograd(recipe).jacobians
    Q = np.broadcast_to(np.eye(jacobians.shape[-1]), jacobians[:, 0].shape)
    total = np.zeros((*jacobians.shape[:1], recipe.batch, jacobians.shape[-1]))
    for t in range(recipe.length):
        Q, R = np.linalg.qr(jacobians[:, t] @ Q)
        total += np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1)))
    mine = ours(recipe).statistic("lyapunov_spectrum")
    np.testing.assert_allclose(mine, (total / recipe.length).mean(axis=1), atol=CLOSE)


@every_recipe
def test_the_lyapunov_exponents_sum_to_the_mean_log_determinant(recipe: Recipe) -> None:
    _, log_determinants = np.linalg.slogdet(autograd(recipe).jacobians)
    mine = ours(recipe).statistic("lyapunov_spectrum").sum(axis=-1)
    np.testing.assert_allclose(mine, log_determinants.mean(axis=(1, 2)), atol=CLOSE)


@every_recipe
def test_the_whole_adjoint_grows_in_no_step_by_more_than_the_largest_singular_value(
    recipe: Recipe,
) -> None:
    found = autograd(recipe)
    brought = np.einsum("stbij,stbi->stbj", found.jacobians, found.adjoints[:, 1:])
    gain = np.log10(
        np.linalg.norm(brought, axis=-1) / np.linalg.norm(found.adjoints[:, 1:], axis=-1)
    )
    largest = ours(recipe).statistic("jacobian_singular_values")[..., 0]
    assert (gain.mean(axis=-1) <= largest + CLOSE).all()


@pytest.mark.parametrize("recipe", [r for r in RECIPES if "lstm" in r.cell], ids=str)
def test_the_cell_gradient_is_the_one_with_the_way_through_h(recipe: Recipe) -> None:
    problem = problem_of(recipe)
    gradients = hips_twin.differentiate(problem)[1]["states"]["c"]
    theirs = np.log10(problem.batch * np.linalg.norm(gradients, axis=-1).mean(axis=-1))
    np.testing.assert_allclose(ours(recipe).statistic("cell_gradient_norm"), theirs, atol=CLOSE)
