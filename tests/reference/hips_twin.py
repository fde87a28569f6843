"""HIPS autograd as the judge, where torch is not installed.

A zero is added to every state; the gradient with respect to that zero is the total dL/dh_t.
"""

from collections.abc import Mapping
from typing import Any

import autograd.numpy as xp
import numpy as np
from autograd import value_and_grad

from tests.reference.arithmetic import Arithmetic, Tensor
from tests.reference.cells import CELLS
from tests.reference.equations import effective, unroll
from tests.reference.problems import Array, Problem


def _loss(leaves: Mapping[str, Any], problem: Problem) -> Tensor:
    def watch(name: str, layer: int, t: int, value: Tensor) -> Tensor:
        return value + leaves["zeros"][name][layer, t] if name in leaves["zeros"] else value

    parameters = leaves["parameters"]
    # HIPS containers know no `get`: the names that are there are looked up beforehand.
    math = Arithmetic(xp, xp.array)
    named = effective(math, problem, {name: parameters[name] for name in problem.parameters})
    unrolled = unroll(
        math,
        problem,
        lambda _: named,
        [leaves["inputs"][t] for t in range(problem.length)],
        {
            name: [leaves["initial"][name][s] for s in range(problem.layers)]
            for name in problem.states
        },
        watch,
    )
    return sum(unrolled.losses[1:], unrolled.losses[0])


def differentiate(problem: Problem) -> tuple[float, dict[str, Any]]:
    """Return the loss and its gradients.

    Returns:
        The loss, and under "parameters" and "initial" a dict by name, under "inputs" [T,B,D],
        under "states" the total dL/dh_t (and dL/dc_t, …) [S,T,B,H] by name.
    """
    per_state = (problem.layers, problem.batch, problem.hidden)
    per_step = (problem.layers, problem.length, problem.batch, problem.hidden)
    leaves = {
        "parameters": dict(problem.parameters),
        "inputs": problem.inputs,
        "initial": {
            n: np.asarray(problem.initial.get(n, np.zeros(per_state))) for n in problem.states
        },
        "zeros": {name: np.zeros(per_step) for name in CELLS[problem.cell].made},
    }
    loss, gradients = value_and_grad(_loss)(leaves, problem)
    result: dict[str, Any] = dict(gradients)
    result["states"] = result.pop("zeros")
    return float(loss), result


def hidden_gradient(problem: Problem, gradients: Mapping[str, Any]) -> Array:
    """Return the total gradient at the hidden state [S,T,B,H], or 2H for two parts."""
    parts = [np.asarray(gradients["states"][name]) for name in CELLS[problem.cell].hidden]
    return np.concatenate(parts, axis=-1)
