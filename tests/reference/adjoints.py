"""Adjoints and Jacobians of the whole state, by HIPS autograd.

λ_t  dL/ds_t, the parts of s_t as independent coordinates: a zero is added to every part after
     the step that made it, and the derivative taken by that zero
J_t  ∂s_t/∂s_{t−1}, the layer's input held, for each sample by itself
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import autograd.numpy as xp
import numpy as np
from autograd import grad, jacobian

from tests.reference.arithmetic import Arithmetic, Tensor
from tests.reference.equations import (
    State,
    cell_step,
    effective,
    layer_output,
    layer_step,
    read_out,
    step_loss,
    unroll,
)
from tests.reference.problems import Array, Problem

MATH = Arithmetic(xp, xp.array)

Keep = Callable[[int, int, Tensor], None]


@dataclass(frozen=True, kw_only=True)
class Adjoints:
    """What autograd says of a problem's states; n = all parts of the state side by side.

    Attributes:
        states: s_t [S,T+1,B,n], row 0 the initial one.
        adjoints: λ_t [S,T+1,B,n].
        arriving: What comes to s_t, t = 1 … T, from the read-out or the layer above [S,T,B,n].
        jacobians: J_t [S,T,B,n,n].
        beside: J_t without the ways through recurrent weights [S,T,B,n,n].
        of_bias: ∂s_t/∂b [S,T,B,n,G·H]; for one path through φ it is diag φ′.
    """

    states: Array
    adjoints: Array
    arriving: Array
    jacobians: Array
    beside: Array
    of_bias: Array


def differentiate(problem: Problem) -> Adjoints:
    """Return the adjoints and Jacobians of a problem that has biases."""
    problem = replace(problem, parameters=effective(MATH, problem, problem.parameters))
    first = _initial(problem)
    S, B, n = first.shape
    zeros = np.zeros((S, problem.length, B, n))
    states = np.concatenate([first[:, None], zeros], axis=1)

    def keep(layer: int, t: int, flat: Tensor) -> None:
        states[layer, t + 1] = flat

    _loss(problem, zeros, first, keep)
    of_zeros, of_first = grad(
        lambda z, start: _loss(problem, z, start, lambda *_: None), argnum=(0, 1)
    )(zeros, first)
    adjoints = np.concatenate([of_first[:, None], of_zeros], axis=1)
    inputs = _inputs(problem, states)
    local = [_local(problem, s, inputs[s], states[s]) for s in range(S)]
    jacobians, beside, of_bias = (np.array(kind) for kind in zip(*local, strict=True))
    return Adjoints(
        states=states,
        adjoints=adjoints,
        arriving=_arriving(problem, inputs, states, adjoints),
        jacobians=jacobians,
        beside=beside,
        of_bias=of_bias,
    )


def _initial(problem: Problem) -> Array:
    parts = [np.asarray(problem.initial[name]) for name in problem.states]
    return np.concatenate(parts, axis=-1)


def _flat(problem: Problem, state: Mapping[str, Tensor]) -> Tensor:
    return xp.concatenate([state[name] for name in problem.states], axis=1)


def _parts(problem: Problem, flat: Tensor) -> State:
    H = problem.hidden
    return {name: flat[:, i * H : (i + 1) * H] for i, name in enumerate(problem.states)}


def _loss(problem: Problem, zeros: Tensor, first: Tensor, keep: Keep) -> Tensor:
    """Return L of a run from `first` [S,B,n] with `zeros` [S,T,B,n] added after each step."""

    def after(layer: int, t: int, state: State) -> State:
        flat = _flat(problem, state) + zeros[layer, t]
        keep(layer, t, flat)
        return _parts(problem, flat)

    starts = [_parts(problem, first[s]) for s in range(problem.layers)]
    unrolled = unroll(
        MATH,
        problem,
        lambda _: problem.parameters,
        list(problem.inputs),
        {name: [start[name] for start in starts] for name in problem.states},
        lambda _name, _layer, _t, value: value,
        after,
    )
    return sum(unrolled.losses[1:], unrolled.losses[0])


def _inputs(problem: Problem, states: Array) -> list[list[Array]]:
    """Return what each layer reads at each step, from the states that were kept."""
    found = [list(problem.inputs)]
    for s in range(problem.layers - 1):
        pairs = zip(found[-1], states[s, 1:], strict=True)
        found.append([np.asarray(_output(problem, s, x, flat)) for x, flat in pairs])
    return found


def _output(problem: Problem, layer: int, x: Tensor, flat: Tensor) -> Tensor:
    step = layer_step(MATH, problem, problem.parameters, layer, x, {})
    return layer_output(problem, step, _parts(problem, flat)) + _nothing(x, flat)


def _nothing(*arguments: Tensor) -> Tensor:
    """Return a zero made of all of them: autograd warns where an argument is not used."""
    return sum(0.0 * xp.sum(argument) for argument in arguments)


def _next(
    problem: Problem, layer: int, x: Tensor, flat: Tensor, read: Tensor, bias: Tensor
) -> Tensor:
    """Return the state after a step; `read` goes into the products, `bias` is added to b."""
    name = f"bias_ih_l{layer}"
    parameters = dict(problem.parameters)
    if name in parameters:
        parameters[name] = parameters[name] + bias
    step = layer_step(MATH, problem, parameters, layer, x, _parts(problem, flat))
    state = cell_step(problem, replace(step, read=_parts(problem, read)))
    return _flat(problem, state) + _nothing(x, flat, read, bias)


def _local(
    problem: Problem, layer: int, xs: list[Array], states: Array
) -> tuple[Array, Array, Array]:
    """Return J_t, J_t beside the weights, and ∂s_t/∂b of one layer, [T,B,n,·] each."""
    name = f"bias_ih_l{layer}"
    bias = np.zeros_like(problem.parameters[name]) if name in problem.parameters else np.zeros(1)
    found: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for t, x in enumerate(xs):
        for b in range(problem.batch):
            at = (states[t, b], states[t, b], bias)

            def step(flat: Tensor, read: Tensor, shift: Tensor, x: Array = x[b : b + 1]) -> Tensor:
                return _next(problem, layer, x, flat[None], read[None], shift)[0]

            beside, through, of_bias = (jacobian(step, argument)(*at) for argument in range(3))
            for kind, value in zip(found, (beside + through, beside, of_bias), strict=True):
                kind.append(value)
    shape = (problem.length, problem.batch)
    whole, beside, of_bias = (np.array(kind).reshape(*shape, *kind[0].shape) for kind in found)
    return whole, beside, of_bias


def _arriving(problem: Problem, inputs: list[list[Array]], states: Array, adjoints: Array) -> Array:
    """Return what comes to every state from the read-out and from the layers above it."""
    found = np.zeros_like(adjoints[:, 1:])
    for t in range(problem.length):
        top = _output(problem, problem.layers - 1, inputs[-1][t], states[-1, t + 1])
        asked = grad(lambda o, t=t: step_loss(MATH, problem, t, read_out(problem.parameters, o)))
        of_output = asked(np.asarray(top))
        for s in reversed(range(problem.layers)):
            after, before, x = states[s, t + 1], states[s, t], inputs[s][t]

            def handed_up(x: Tensor, flat: Tensor, s: int = s, g: Array = of_output) -> Tensor:
                return xp.sum(g * _output(problem, s, x, flat))

            def into_state(
                x: Tensor, s: int = s, before: Array = before, g: Array = adjoints[s, t + 1]
            ) -> Tensor:
                return xp.sum(g * _next(problem, s, x, before, before, np.zeros(1)))

            found[s, t] = grad(handed_up, 1)(x, after)
            of_output = grad(handed_up, 0)(x, after) + grad(into_state)(x)
    return found
