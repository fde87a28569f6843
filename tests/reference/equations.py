"""Stacks of recurrent layers with a read-out and a loss, for any array module with gradients.

Rows are samples. Gate blocks are in PyTorch's order. Every state and every output passes through
`watch`, where a caller hangs its hooks; parameters are asked for anew at each time step, so that
a caller can tell the steps' shares apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.reference.arithmetic import Arithmetic, Tensor
from tests.reference.cells import CELLS, Step
from tests.reference.problems import Problem

Watch = Callable[[str, int, int, Tensor], Tensor]
ParametersAt = Callable[[int], Mapping[str, Tensor]]
State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Unrolled:
    """What one forward pass leaves: lists over layers (outer) and time (inner)."""

    states: list[list[State]]
    outputs: list[Tensor]
    losses: list[Tensor]


def effective(
    math: Arithmetic, problem: Problem, parameters: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return what the network multiplies with: functions of parameters in their place."""
    of = CELLS[problem.cell].effective
    return {
        name: of(math, value, problem.all_options) if of and name.startswith("weight_hh") else value
        for name, value in parameters.items()
    }


def layer_step(
    math: Arithmetic,
    problem: Problem,
    parameters: Mapping[str, Tensor],
    layer: int,
    x: Tensor,
    state: Mapping[str, Tensor],
    watch: Callable[[str, Tensor], Tensor] = lambda _, value: value,
) -> Step:
    """Return what one layer reads at one step. `x` is the layer's input at that step."""
    suffix = f"_l{layer}"
    weights = {n.removesuffix(suffix): p for n, p in parameters.items() if n.endswith(suffix)}
    return Step(
        math=math,
        weights=weights,
        x=x,
        state=state,
        read=state,
        options=problem.all_options,
        activation=problem.activation,
        hidden=problem.hidden,
        watch=watch,
    )


def cell_step(problem: Problem, step: Step) -> State:
    """Return the state of one layer after one step."""
    return CELLS[problem.cell].step(step)


def layer_output(problem: Problem, step: Step, state: State) -> Tensor:
    """Return what a layer hands up; plus its input where skips are on and fit."""
    output = CELLS[problem.cell].output(step, state)
    if problem.layer_skips and step.x.shape[1] == problem.hidden:
        output = output + step.x
    return output


def read_out(parameters: Mapping[str, Tensor], top: Tensor) -> Tensor:
    """Return y_t [B,K]."""
    return top @ parameters["readout.weight"].T + parameters.get("readout.bias", 0.0)


def step_loss(math: Arithmetic, problem: Problem, t: int, y: Tensor) -> Tensor:
    """Return L_t, the share of step t in the scalar loss."""
    xp, constant = math.xp, math.constant
    asked = constant(problem.mask[t].astype(float))
    if problem.loss == "cross_entropy":
        hot = constant((problem.targets[t][:, None] == range(y.shape[1])).astype(float))
        peak = xp.amax(y, axis=1, keepdims=True)  # or exp overflows where the network explodes
        log_sum = peak[:, 0] + xp.log(xp.sum(xp.exp(y - peak), axis=1))
        errors = log_sum - xp.sum(hot * y, axis=1)
    else:
        errors = xp.sum((y - constant(problem.targets[t])) ** 2, axis=1) / y.shape[1]
    return xp.sum(asked * errors) / problem.normalizer


def _watch_at(watch: Watch, layer: int, t: int, name: str, value: Tensor) -> Tensor:
    return watch(name, layer, t, value)


def _unchanged(_layer: int, _t: int, state: State) -> State:
    return state


def unroll(
    math: Arithmetic,
    problem: Problem,
    parameters_at: ParametersAt,
    inputs: list[Tensor],
    initial: Mapping[str, list[Tensor]],
    watch: Watch,
    after: Callable[[int, int, State], State] = _unchanged,
    before: Callable[[int, int, State], State] = _unchanged,
) -> Unrolled:
    """Run the network over its T inputs.

    Args:
        initial: Per part of the state a list over the layers of [B,H].
        parameters_at: Effective parameters of step t.
        watch: Called as (name, layer, t, value) for the parts of the state that a step makes, and
            for "y"; what it returns goes on.
        after: Called as (layer, t, state) for every state that a step has made; what it returns
            is what the next step, the read-out and the layer above read.
        before: Called as (layer, t, state) for every state that step t is about to read; what it
            returns is what that step alone reads.
    """
    states = [[{name: initial[name][s] for name in problem.states}] for s in range(problem.layers)]
    outputs, losses = [], []
    for t in range(problem.length):
        parameters = parameters_at(t)
        x = inputs[t]
        for s in range(problem.layers):
            hook = partial(_watch_at, watch, s, t)
            start = before(s, t, states[s][-1])
            step = layer_step(math, problem, parameters, s, x, start, hook)
            states[s].append(after(s, t, cell_step(problem, step)))
            x = layer_output(problem, step, states[s][-1])
        outputs.append(watch("y", 0, t, read_out(parameters, x)))
        losses.append(step_loss(math, problem, t, outputs[-1]))
    return Unrolled(states=states, outputs=outputs, losses=losses)
