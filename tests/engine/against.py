"""What the comparisons share: the cases, and the one place that calls `engine.trace`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

import engine
from tests.reference.problems import (
    ACTIVATIONS,
    LEAKY_SLOPE,
    Array,
    Problem,
    Recipe,
    make_problem,
    relative_difference,
)

State = Array | tuple[Array, ...]

EXACT = 1e-10
"""SCIENCE.md: two exact float64 gradients, max of the difference over max of the array."""

MODELS: tuple[tuple[str, str | None], ...] = (
    *(("elman", name) for name in ACTIVATIONS),
    *(("preactivation", name) for name in ACTIVATIONS),
    ("lstm", None),
    ("gru", None),
)

MATRIX = tuple(
    Recipe(cell=cell, activation=activation, layers=layers, loss=loss, asked=asked)
    for cell, activation in MODELS
    for layers in (1, 2, 3)
    for loss in ("cross_entropy", "mean_squared_error")
    for asked in ("last", "every")
)
"""Every cell, activation and depth, with both losses at the last step and at every one."""

ODD = tuple(
    Recipe(cell=cell, activation=activation, layers=layers, asked="some", **extra)
    for cell, activation in (
        ("elman", "tanh"),
        ("preactivation", "sigmoid"),
        ("lstm", None),
        ("gru", None),
    )
    for layers, extra in (
        (1, {"reduction": "sum"}),
        (2, {"reduction": "sum", "loss": "mean_squared_error"}),
        (2, {"bias_hh": True}),
        (2, {"bias": False}),
        (2, {"initial": False}),
        (2, {"layer_skips": True}),
        (3, {"layer_skips": True, "inputs": 4}),
        (1, {"length": 1}),
        (1, {"batch": 1, "hidden": 1, "outputs": 1, "loss": "mean_squared_error"}),
        (2, {"length": 70, "batch": 2}),
    )
)
"""Masks with holes, sums, second biases, no biases, skips, edges, and a T longer than a chunk."""


def options_of(problem: Problem) -> dict[str, Any]:
    """Return the cell's options as `engine.trace` takes them."""
    options: dict[str, Any] = {}
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
    """Return a recurrent state as `engine.trace` takes it: h alone, or (h, c), each [S,B,H]."""
    if not parts:
        return None
    return (parts["h"], parts["c"]) if problem.cell == "lstm" else parts["h"]


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
