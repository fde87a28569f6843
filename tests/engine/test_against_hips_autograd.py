"""The engine's gradients are those of HIPS autograd: the proof that needs no torch."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.compiled import SWITCH
from tests.engine.against import (
    EXACT,
    GRID,
    MATRIX,
    ODD_GRID,
    disagreement,
    ours,
    over,
    problem_of,
    state_parts,
    trace,
)
from tests.reference import hips_twin
from tests.reference.cells import CELLS
from tests.reference.problems import Recipe, relative_difference

every_recipe = over(GRID + ODD_GRID)

MEMORY = {name: cell.states(cell.defaults) for name, cell in CELLS.items()}


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
    theirs = hips_twin.hidden_gradient(problem_of(recipe), autograd(recipe))
    assert relative_difference(mine, theirs) <= EXACT


@every_recipe
def test_every_input_gradient_is_autograds(recipe: Recipe) -> None:
    assert relative_difference(ours(recipe).input_gradients, autograd(recipe)["inputs"]) <= EXACT


@every_recipe
def test_the_initial_states_gradient_is_autograds(recipe: Recipe) -> None:
    mine = state_parts(problem_of(recipe), ours(recipe).initial_state_gradient)
    differences = disagreement(mine, autograd(recipe)["initial"])
    assert max(differences.values()) <= EXACT, differences


@over(ODD_GRID + tuple(r for r in GRID if r.asked != "last"))
def test_the_gradients_of_all_loss_times_sum_to_the_total_one(recipe: Recipe) -> None:
    summed = np.nansum(ours(recipe).loss_state_gradients(), axis=1)
    theirs = hips_twin.hidden_gradient(problem_of(recipe), autograd(recipe))
    assert relative_difference(summed, theirs) <= EXACT


@over([r for r in GRID if r.asked != "last" and CELLS[r.cell].effective is None])
def test_the_terms_of_all_paths_sum_to_the_parameter_gradient(recipe: Recipe) -> None:
    summed = {
        name: np.nansum(ours(recipe).path_terms(name), axis=(0, 1))
        for name in problem_of(recipe).parameters
    }
    differences = disagreement(summed, autograd(recipe)["parameters"])
    assert max(differences.values()) <= EXACT, differences


@pytest.mark.parametrize(
    "recipe", [r for r in MATRIX if r.cell in ("elman", "lstm", "gru")], ids=str
)
def test_the_plain_path_is_autograds_where_loops_are_compiled(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With numba these cells are swept by compiled loops everywhere else in this module."""
    monkeypatch.setenv(SWITCH, "0")
    plain = trace(problem_of(recipe))
    differences = disagreement(plain.parameter_gradients, autograd(recipe)["parameters"])
    assert max(differences.values()) <= EXACT, differences
    theirs = hips_twin.hidden_gradient(problem_of(recipe), autograd(recipe))
    assert relative_difference(plain.hidden_gradient.array(), theirs) <= EXACT


@pytest.mark.parametrize("t", [1, 3, 6])
@over(
    [r for r in GRID if r.asked == "every" and MEMORY[r.cell] == ("h",)],  # `hidden` is all of it
    reduction="sum",
)
def test_the_immediate_gradient_is_the_total_one_of_that_step_alone(recipe: Recipe, t: int) -> None:
    problem = problem_of(recipe)
    step = slice(t, t + 1)
    alone = replace(
        problem,
        inputs=problem.inputs[step],
        targets=problem.targets[step],
        mask=problem.mask[step],
        initial={"h": ours(recipe).hidden[:, t - 1]},
    )
    theirs = hips_twin.hidden_gradient(alone, hips_twin.differentiate(alone)[1])
    mine = ours(recipe).immediate_gradient.array()[:, step]
    assert relative_difference(mine, theirs) <= EXACT
