"""What the comparisons share: the cases, and the one place that calls `engine.trace`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import engine
from tests.reference.arithmetic import LEAKY_SLOPE
from tests.reference.cells import CELLS
from tests.reference.problems import (
    Array,
    Problem,
    Recipe,
    make_problem,
    relative_difference,
)

State = Array | tuple[Array, ...]
Model = tuple[str, str | None, tuple[tuple[str, Any], ...]]

EXACT = 1e-10
"""SCIENCE.md: two exact float64 gradients, max of the difference over max of the array."""


def _models() -> Iterable[Model]:
    """Yield every cell of the engine's catalog with its activations and options."""
    catalog: Any = engine.catalog()
    activations = [entry["name"] for entry in catalog["activations"]]
    for entry in catalog["cells"]:
        variants = CELLS[entry["name"]].variants
        chosen = activations if entry["activation_choice"] else [None]
        for activation in chosen:
            yield entry["name"], activation, variants[0]
        for variant in variants[1:]:
            yield entry["name"], entry["default_activation"] if len(chosen) > 1 else None, variant


MODELS: tuple[Model, ...] = tuple(_models())

LOSSES = ("cross_entropy", "mean_squared_error")
PLACES = ("every", "some", "last")

GRID = tuple(
    Recipe(cell=cell, activation=activation, options=options, layers=layers, loss=loss, asked=asked)
    for cell, activation, options in MODELS
    for layers in (1, 2, 3)
    for loss in LOSSES
    for asked in PLACES
)
"""Every cell, activation, option and depth, both losses, at the last step, every one and some."""


def _round_about() -> Iterable[Recipe]:
    """Yield every depth of a model, or one where only its activation is unusual."""
    for index, (cell, activation, options) in enumerate(MODELS):
        usual = cell == "elman" or activation in (None, "tanh")
        for layers in (1, 2, 3) if usual else (1 + index % 2,):
            turn = index + layers
            loss, asked = LOSSES[turn % len(LOSSES)], PLACES[turn % len(PLACES)]
            yield Recipe(
                cell=cell,
                activation=activation,
                options=options,
                layers=layers,
                loss=loss,
                asked=asked,
            )


MATRIX = tuple(_round_about())
"""Of the grid some for each model, so that loss and placement go round."""

EXTRAS: tuple[dict[str, Any], ...] = (
    # A squared error: the gradient of a cross-entropy that is nearly right is all cancellation.
    {"length": 40, "layers": 2, "batch": 2, "loss": "mean_squared_error"},
    {"reduction": "sum"},
    {"layer_skips": True, "layers": 3, "inputs": 4},
    {"reduction": "sum", "layers": 2, "loss": "mean_squared_error"},
    {"bias": False, "layers": 2},
    {"layer_skips": True, "layers": 2},
    {"batch": 1, "hidden": 1, "outputs": 1, "loss": "mean_squared_error"},
    {"initial": False, "layers": 2},
    {"length": 1},
)
"""A T longer than a chunk, sums, skips between layers, no biases, no initial state, edges."""

ODD_GRID = tuple(
    Recipe(**{"cell": cell, "activation": activation, "options": options, **extra, "asked": "some"})
    for cell, activation, options in MODELS
    if activation in (None, "tanh", "sigmoid")
    for extra in EXTRAS
) + tuple(
    Recipe(cell=cell, activation=activation, layers=2, asked="some", bias_hh=True)
    for cell, activation in (("elman", "tanh"), ("preactivation", "sigmoid"), ("lstm", None))
)
"""Losses with holes, and what a grid of the usual does not have."""

ODD = tuple(
    recipe
    for index, recipe in enumerate(ODD_GRID)
    if recipe.bias_hh or (index + index // len(EXTRAS)) % 3 == 0
)
"""Of these one in three, another third for each model."""

OFTEN = frozenset(MATRIX + ODD)


def over(recipes: Iterable[Recipe], **changes: Any) -> pytest.MarkDecorator:  # noqa: ANN401
    """Run a test on these recipes with `changes`: on most of them only among the long tests."""
    cases = [
        pytest.param(
            replace(recipe, **changes),
            id=str(replace(recipe, **changes)),
            marks=[] if recipe in OFTEN else [pytest.mark.long],
        )
        for recipe in recipes
    ]
    return pytest.mark.parametrize("recipe", cases)


def options_of(problem: Problem) -> dict[str, Any]:
    """Return the cell's options as `engine.trace` takes them."""
    options: dict[str, Any] = dict(problem.options)
    if problem.activation == "leaky_relu":
        options["activation"] = {"kind": "leaky_relu", "slope": LEAKY_SLOPE}
    elif problem.activation is not None:
        options["activation"] = problem.activation
    if problem.layer_skips:
        options["layer_skips"] = True
    return options


def trace(problem: Problem, **changes: object) -> engine.Trace:
    """Trace a problem; `changes` replace arguments of `engine.trace`."""
    arguments: dict[str, Any] = {
        "targets": problem.targets,
        "mask": problem.mask,
        "loss": problem.loss,
        "reduction": problem.reduction,
        "initial_state": state_argument(problem, problem.initial),
        "options": options_of(problem),
    }
    arguments.update(changes)
    return engine.trace(problem.cell, problem.parameters, problem.inputs, **arguments)


def state_argument(problem: Problem, parts: Mapping[str, Array]) -> State | None:
    """Return a recurrent state as `engine.trace` takes it: h alone, or a tuple, each [S,B,H]."""
    if not parts:
        return None
    found = tuple(parts[name] for name in problem.states)
    return found if len(found) > 1 else found[0]


def state_parts(problem: Problem, state: State) -> dict[str, Array]:
    """Return the parts of a recurrent state of `engine.trace` by name."""
    parts = state if isinstance(state, tuple) else (state,)
    return dict(zip(problem.states, parts, strict=True))


@cache
def problem_of(recipe: Recipe) -> Problem:
    """Return the recipe's problem; made once."""
    return make_problem(recipe)


@cache
def ours(recipe: Recipe) -> engine.Trace:
    """Return the engine's trace of the recipe's problem; made once."""
    return trace(problem_of(recipe))


def loss_of(problem: Problem) -> float:
    """Return the loss that the engine finds."""
    loss = trace(problem).loss
    assert loss is not None
    return loss


def disagreement(mine: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, float]:
    """Return the relative difference of each array, by name; the names must be the same."""
    assert set(mine) == set(theirs)
    return {name: relative_difference(mine[name], theirs[name]) for name in theirs}


def log10_norm(gradient: Array) -> Array:
    """Return log10 ‖gradient‖ over the last axis, −inf where it is zero."""
    with np.errstate(divide="ignore"):  # the log of an exact zero is the point
        logs: Array = np.log10(np.linalg.norm(gradient, axis=-1))
    return logs


def largest_difference(mine: Array, theirs: Array) -> float:
    """Return the largest abs difference of two arrays of logs; infinite where zeros differ."""
    if mine.shape != theirs.shape or not np.array_equal(np.isneginf(mine), np.isneginf(theirs)):
        return float("inf")
    finite = np.isfinite(theirs)
    return float(np.abs(mine[finite] - theirs[finite]).max(initial=0.0))
