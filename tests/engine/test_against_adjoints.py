"""Adjoints of stacks and the statistics made of Jacobians, beside autograd's whole states."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.engine.against import EXACT, MODELS, ours, problem_of
from tests.reference.adjoints import Adjoints, differentiate
from tests.reference.cells import CELLS
from tests.reference.problems import Array, Recipe, relative_difference

ONE_PATH = ("elman", "orthogonal", "indrnn")

RECIPES = tuple(
    Recipe(
        cell=cell,
        activation=activation,
        options=options,
        layers=layers,
        asked=asked,
        reduction="sum",  # so that an adjoint is that of its sample's own loss
        length=5,
        batch=2,
        hidden=3,
    )
    for cell, activation, options in MODELS
    if activation in (None, "tanh")
    if options or cell != "skip"  # ten states and more make hundreds of small derivatives
    for layers, asked in ((1, "last"), (2, "every"))
)

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@cache
def autograd(recipe: Recipe) -> Adjoints:
    return differentiate(problem_of(recipe))


def brought_back(jacobians: Array, adjoints: Array) -> Array:
    """Return J_tᵀ λ_t for t = 1 … T of [S,T,B,n,n] and [S,T+1,B,n]."""
    return np.asarray(np.einsum("stbij,stbi->stbj", jacobians, adjoints[:, 1:]))


@pytest.mark.parametrize(
    "recipe",
    [
        replace(r, layers=3, asked="some")
        for r in RECIPES
        if r.layers == 1 and CELLS[r.cell].states({**CELLS[r.cell].defaults}) == ("h",)
    ],
    ids=str,
)
def test_an_adjoint_is_what_arrives_and_what_the_jacobian_brings_back(recipe: Recipe) -> None:
    theirs = autograd(recipe)
    mine = ours(recipe).hidden_gradient.array()
    start = np.asarray(ours(recipe).initial_state_gradient)
    adjoints = np.concatenate([start[:, None], mine], axis=1)
    brought = brought_back(theirs.jacobians, adjoints)
    assert relative_difference(mine[:, :-1], theirs.arriving[:, :-1] + brought[:, 1:]) <= EXACT
    assert relative_difference(mine[:, -1], theirs.arriving[:, -1]) <= EXACT
    assert relative_difference(start, brought[:, 0]) <= EXACT


def logs(vectors: Array) -> Array:
    """Return ln of the norms of [S,T,B,n], −inf where one is zero."""
    with np.errstate(divide="ignore"):  # a zero leaves its sample out
        return np.asarray(np.log(np.linalg.norm(vectors, axis=-1)))


def between(recipe: Recipe) -> Array:
    """Return ln of the norm that stands between λ_t and J_tᵀ λ_t: of w, of δ or of r."""
    found = autograd(recipe)
    if recipe.cell == "preactivation":
        problem = problem_of(recipe)
        weights = [problem.parameters[f"weight_hh_l{s}"] for s in range(recipe.layers)]
        return logs(np.einsum("stbi,sij->stbj", found.adjoints[:, 1:], np.array(weights)))
    through = found.of_bias if recipe.cell in ONE_PATH else found.beside
    return logs(brought_back(through, found.adjoints))


def factors(recipe: Recipe) -> Array:
    """Return the mean of ln of each factor by its definition, [S,T,5]; −inf where none counts."""
    found = autograd(recipe)
    norms = logs(found.adjoints)
    v, middle = norms[:, 1:], between(recipe)
    pulled = logs(brought_back(found.jacobians, found.adjoints))
    zero = np.zeros_like(v)
    with np.errstate(invalid="ignore"):
        first, second, arriving = middle - v, pulled - middle, norms[:, :-1] - pulled
    if recipe.cell == "preactivation":
        five: list[Array] = [second, first, zero, zero, arriving]
    elif recipe.cell in ONE_PATH:
        five = [first, second, zero, zero, arriving]
    else:
        five = [zero, zero, first, second, arriving]
    counts = np.isfinite([v, middle, pulled, norms[:, :-1]]).all(axis=0)
    share = counts.sum(axis=-1)
    means = [np.where(counts, log, 0.0).sum(axis=-1) / np.maximum(share, 1) for log in five]
    return np.where(share[..., None] > 0, np.stack(means, axis=-1), -np.inf)


@every_recipe
def test_every_gain_factor_is_the_one_of_its_definition(recipe: Recipe) -> None:
    np.testing.assert_allclose(ours(recipe).statistic("gain_factors"), factors(recipe), atol=EXACT)


@every_recipe
def test_the_gain_factors_sum_to_the_gain(recipe: Recipe) -> None:
    mine = ours(recipe).statistic("gain_factors").sum(axis=-1)
    norms = logs(autograd(recipe).adjoints).mean(axis=-1)
    gain = norms[:, :-1] - norms[:, 1:]
    counted = np.isfinite(mine)
    # A skip brings nothing past its weights at the last step: no later state is there.
    assert counted[:, : recipe.length - 1].all()
    assert counted[:, -1].all() == (recipe.cell != "skip")
    np.testing.assert_allclose(mine[counted], gain[counted], atol=EXACT)
