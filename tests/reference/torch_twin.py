"""PyTorch as the judge: unrolled float64 networks, `retain_grad` on every state of every step.

Skips where torch is not installed; `hips_twin` holds the same without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from tests.reference.arithmetic import Arithmetic
from tests.reference.cells import CELLS
from tests.reference.equations import (
    Unrolled,
    cell_step,
    effective,
    layer_output,
    layer_step,
    read_out,
    step_loss,
    unroll,
)
from tests.reference.problems import Array, Problem

constant = partial(torch.tensor, dtype=torch.float64)
MATH = Arithmetic(torch, constant)


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """What autograd says of one problem. Shapes as in `engine.trace`.

    effective: of what the network multiplies with in the place of parameters.
    hidden_gradient: total dL/dh_t [S,T,B,H]; cell_gradient: total dL/dc_t, c_t → h_t included.
    """

    loss: float
    outputs: Array
    hidden: Array
    parameters: dict[str, Array]
    effective: dict[str, Array]
    hidden_gradient: Array
    cell_gradient: Array | None
    inputs: Array
    initial: dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class _Graph:
    parameters: dict[str, torch.Tensor]
    used: dict[str, torch.Tensor]
    inputs: list[torch.Tensor]
    initial: dict[str, list[torch.Tensor]]
    watched: dict[tuple[str, int, int], torch.Tensor]
    unrolled: Unrolled


def _leaf(values: Array) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float64, requires_grad=True)


def _build(
    problem: Problem, *, fresh_parameters: bool = False, window: int | None = None
) -> tuple[_Graph, list[dict[str, torch.Tensor]]]:
    parameters = {name: _leaf(values) for name, values in problem.parameters.items()}
    inputs = [_leaf(x) for x in problem.inputs]
    zeros = np.zeros((problem.layers, problem.batch, problem.hidden))
    initial = {
        name: [_leaf(layer) for layer in problem.initial.get(name, zeros)]
        for name in problem.states
    }
    watched: dict[tuple[str, int, int], torch.Tensor] = {}

    def watch(name: str, layer: int, t: int, value: torch.Tensor) -> torch.Tensor:
        value.retain_grad()
        watched[name, layer, t] = value
        return value

    used = effective(MATH, problem, parameters)
    for value in used.values():
        value.retain_grad()
    # A copy of every parameter for each step: their gradients are the terms of the sum over steps.
    copies = [
        {name: p.clone() if fresh_parameters else p for name, p in used.items()}
        for _ in range(problem.length)
    ]

    def cut(_layer: int, t: int, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return _detached(state) if window and t and t % window == 0 else state

    unrolled = unroll(MATH, problem, copies.__getitem__, inputs, initial, watch, before=cut)
    return _Graph(
        parameters=parameters,
        used=used,
        inputs=inputs,
        initial=initial,
        watched=watched,
        unrolled=unrolled,
    ), copies


def _gradient(tensor: torch.Tensor) -> Array:
    grad = tensor.grad if tensor.grad is not None else torch.zeros_like(tensor)
    return grad.detach().numpy()


def _stack(graph: _Graph, problem: Problem, names: tuple[str, ...]) -> Array:
    return np.array(
        [
            [
                np.hstack([_gradient(graph.watched[name, s, t]) for name in names])
                for t in range(problem.length)
            ]
            for s in range(problem.layers)
        ]
    )


def differentiate(
    problem: Problem,
    *,
    output_gradients: Array | None = None,
    final_state_gradients: Mapping[str, Array] | None = None,
    window: int | None = None,
) -> Gradients:
    """Differentiate the problem's loss, or the scalar of injected gradients instead.

    Args:
        output_gradients: [T,B,K], dL/dy of a loss made elsewhere; the problem's own then counts
            for nothing.
        final_state_gradients: Per part of the state [S,B,H], added to the scalar either way.
        window: No gradient goes on through t = window, 2·window, …
    """
    graph, _ = _build(problem, window=window)
    unrolled, hidden = graph.unrolled, CELLS[problem.cell].hidden
    scalar = torch.stack(unrolled.losses).sum()
    if output_gradients is not None:
        scalar = sum(
            (constant(g) * y).sum() for g, y in zip(output_gradients, unrolled.outputs, strict=True)
        )
    for name, values in (final_state_gradients or {}).items():
        for layer, g in zip(unrolled.states, values, strict=True):
            scalar = scalar + (constant(g) * layer[-1][name]).sum()
    scalar.backward()  # type: ignore[no-untyped-call]  # torch types it not
    return Gradients(
        loss=float(scalar.detach()),
        outputs=torch.stack(unrolled.outputs).detach().numpy(),
        hidden=np.array(
            [
                [
                    np.hstack([state[name].detach().numpy() for name in hidden])
                    for state in layer[1:]
                ]
                for layer in unrolled.states
            ]
        ),
        parameters={name: _gradient(p) for name, p in graph.parameters.items()},
        effective={name: _gradient(p) for name, p in graph.used.items()},
        hidden_gradient=_stack(graph, problem, hidden),
        cell_gradient=_stack(graph, problem, ("c",)) if "c" in problem.states else None,
        inputs=np.array([_gradient(x) for x in graph.inputs]),
        initial={
            name: np.array([_gradient(h) for h in layers]) for name, layers in graph.initial.items()
        },
    )


def states(problem: Problem) -> dict[str, Array]:
    """Return the recurrent state after the last step, by part [S,B,H]."""
    graph, _ = _build(problem)
    return {
        name: np.array([layer[-1][name].detach().numpy() for layer in graph.unrolled.states])
        for name in problem.states
    }


def immediate_gradient(problem: Problem) -> Array:
    """Return dL_t/dh_t through the layers above at that step alone [S,T,B,H].

    Each state is made a leaf of its own; the layers above it take one step from states of the
    step before that are cut off.
    """
    graph, _ = _build(problem)
    states = [[_detached(state) for state in layer] for layer in graph.unrolled.states]
    parameters = {name: p.detach() for name, p in graph.used.items()}
    parts = CELLS[problem.cell].hidden
    width = len(parts) * problem.hidden
    result = np.zeros((problem.layers, problem.length, problem.batch, width))
    for t in range(problem.length):
        below = graph.inputs[t].detach()
        for s in range(problem.layers):
            leaves = {n: states[s][t + 1][n].clone().requires_grad_() for n in parts}
            step = layer_step(MATH, problem, parameters, s, below, states[s][t])
            x = layer_output(problem, step, leaves)
            below = x.detach()
            for upper in range(s + 1, problem.layers):
                step = layer_step(MATH, problem, parameters, upper, x, states[upper][t])
                x = layer_output(problem, step, cell_step(problem, step))
            step_loss(MATH, problem, t, read_out(parameters, x)).backward()
            result[s, t] = np.hstack([_gradient(leaves[n]) for n in parts])
    return result


def _detached(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in state.items()}


def loss_state_gradients(problem: Problem) -> Array:
    """Return dL_t/dh_k [S,T,T,B,H] from T separate calls of autograd; NaN where k > t."""
    graph, _ = _build(problem)
    parts = CELLS[problem.cell].hidden
    H = problem.hidden
    size = (problem.layers, problem.length, problem.length, problem.batch, len(parts) * H)
    result = np.full(size, np.nan)
    for t, loss in enumerate(graph.unrolled.losses):
        keys = [(s, k, part) for s in range(problem.layers) for k in range(t + 1) for part in parts]
        wanted = [graph.watched[part, s, k] for s, k, part in keys]
        grads = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        for (s, k, part), grad in zip(keys, grads, strict=True):
            first = parts.index(part) * H
            result[s, t, k, :, first : first + H] = 0.0 if grad is None else grad.numpy()
    return result


def path_terms(problem: Problem, parameter: str) -> Array:
    """Return A_{t,k}(P) [T,T,*shape]: dL_t by the copy of P that step k used; NaN where k > t.

    Where the network multiplies with a function of P, the copy is of its value.
    """
    graph, copies = _build(problem, fresh_parameters=True)
    shape = problem.parameters[parameter].shape
    result = np.full((problem.length, problem.length, *shape), np.nan)
    for t, loss in enumerate(graph.unrolled.losses):
        wanted = [copies[k][parameter] for k in range(t + 1)]
        grads = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        for k, grad in enumerate(grads):
            result[t, k] = 0.0 if grad is None else grad.numpy()
    return result
