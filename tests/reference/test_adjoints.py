"""The reference's adjoints and Jacobians obey the recurrence that defines them."""

import numpy as np
import pytest

from tests.reference import hips_twin
from tests.reference.adjoints import differentiate
from tests.reference.cells import CELLS
from tests.reference.problems import Recipe, make_problem, relative_difference

EXACT = 1e-12
"""Two ways to the same float64 numbers."""

RECIPES = [
    Recipe(
        cell=name,
        activation="tanh" if cell.choice else None,
        options=options,
        layers=2,
        asked="some",
        length=4,
        batch=2,
        hidden=2,
    )
    for name, cell in CELLS.items()
    for options in cell.variants[:2]
    if options or not cell.defaults.get("skip")  # ten states make hundreds of small derivatives
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_an_adjoint_is_what_arrives_and_what_the_jacobian_brings_back(recipe: Recipe) -> None:
    found = differentiate(make_problem(recipe))
    brought = np.einsum("stbij,stbi->stbj", found.jacobians, found.adjoints[:, 1:])
    joined = found.arriving[:, :-1] + brought[:, 1:]
    assert relative_difference(found.adjoints[:, 1:-1], joined) < EXACT
    assert relative_difference(found.adjoints[:, -1], found.arriving[:, -1]) < EXACT
    assert relative_difference(found.adjoints[:, 0], brought[:, 0]) < EXACT


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.cell != "lru"], ids=str)
def test_the_h_part_of_the_adjoint_is_the_total_gradient(recipe: Recipe) -> None:
    problem = make_problem(recipe)
    h = differentiate(problem).adjoints[:, 1:, :, : recipe.hidden]
    theirs = hips_twin.hidden_gradient(problem, hips_twin.differentiate(problem)[1])
    assert relative_difference(h, theirs) < EXACT
