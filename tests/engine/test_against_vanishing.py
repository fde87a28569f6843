"""Float32 sweeps whose adjoints fall far out of float32's range, beside float64 autograd.

The training's own precision is where exponents are at work: small weights take a gradient from 1
to 1e-100 within sixty steps, and losses that come in on the way join what has nearly vanished.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.tasks.base import Batch
from tests.engine.against import MODELS, log10_norm
from tests.reference.problems import Array, Problem, Recipe, make_problem, relative_difference

pytest.importorskip("torch")

from tests.reference import torch_twin

pytestmark = pytest.mark.torch

SINGLE = 1e-4
"""Float32 keeps 6e-8 of a number; sixty steps forward and back leave some hundred times that."""

HELD_BY_AUTOGRAD = -150
"""log10 of the norms whose squares float64 still holds."""

RECIPES = tuple(
    Recipe(
        cell=cell,
        activation=activation,
        layers=2,
        asked=asked,
        spread=spread,
        length=60,
        batch=4,
        hidden=8,
        loss="mean_squared_error",
        reduction="sum",
    )
    for cell, activation in dict.fromkeys((cell, activation) for cell, activation, _ in MODELS)
    if activation in (None, "sigmoid", "tanh", "relu")
    for asked in ("last", "some", "every")
    for spread in (0.1, 0.6)
)

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@cache
def rounded_problem(recipe: Recipe) -> Problem:
    """Return the problem in numbers that float32 holds exactly, without the GRU's b_hr, b_hz."""
    problem = make_problem(recipe)
    parameters = {}
    for name, values in problem.parameters.items():
        closed = 2 * recipe.hidden if name.startswith("bias_hh") else 0
        parameters[name] = _rounded(np.concatenate([0 * values[:closed], values[closed:]]))
    return replace(
        problem,
        parameters=parameters,
        inputs=_rounded(problem.inputs),
        targets=_rounded(np.asarray(problem.targets, np.float64)),
        initial={name: _rounded(values) for name, values in problem.initial.items()},
    )


def _rounded(values: Array) -> Array:
    return values.astype(np.float32).astype(np.float64)


@cache
def swept(recipe: Recipe) -> Sweep:
    problem = rounded_problem(recipe)
    network = Network(
        make_cell(problem.cell, problem.activation, problem.options),
        inputs=recipe.inputs,
        hidden=recipe.hidden,
        layers=recipe.layers,
        outputs=recipe.outputs,
        dtype=np.float32,
    )
    network.load(problem.parameters)
    sweep = Sweep(network, length=recipe.length, batch=recipe.batch)
    sweep.unroll(problem.inputs, problem.initial)
    batch = Batch(problem.inputs, problem.targets, problem.mask)
    sweep.forward_loss(batch, problem.loss, problem.reduction)
    sweep.backward()
    return sweep


@cache
def autograd(recipe: Recipe) -> torch_twin.Gradients:
    return torch_twin.differentiate(rounded_problem(recipe))


@every_recipe
def test_the_log_norms_of_single_precision_are_those_of_double(recipe: Recipe) -> None:
    exact = log10_norm(autograd(recipe).hidden_gradient)
    held = exact > HELD_BY_AUTOGRAD
    assert np.abs(swept(recipe).log10_hidden_norms[held] - exact[held]).max() < SINGLE


@every_recipe
def test_no_norm_is_zero_that_is_not_zero_in_truth(recipe: Recipe) -> None:
    exact = log10_norm(autograd(recipe).hidden_gradient)
    assert not np.isneginf(swept(recipe).log10_hidden_norms[exact > HELD_BY_AUTOGRAD]).any()


@every_recipe
def test_the_parameter_gradients_of_single_precision_are_those_of_double(recipe: Recipe) -> None:
    mine, exact = swept(recipe).network.gradients(), autograd(recipe).parameters
    differences = {}
    for name, values in mine.items():
        closed = 2 * recipe.hidden if name.startswith("bias_hh") else 0
        differences[name] = relative_difference(values[closed:], exact[name][closed:])
    assert max(differences.values()) < SINGLE, differences


def test_these_problems_do_leave_the_range_of_single_precision() -> None:
    below = [log10_norm(autograd(recipe).hidden_gradient).min() < -45 for recipe in RECIPES]
    assert sum(below) > 10
