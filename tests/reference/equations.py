"""The networks, written from the papers for any array module that can differentiate.

`xp` is `torch` or `autograd.numpy`; only functions that both have under one name are used.
Rows are samples. Gate blocks are in PyTorch's order.

    elman            h_t = φ(W_x x_t + W_h h_{t−1} + b)                     (Elman 1990)
    preactivation    h_t = W_h φ(h_{t−1}) + W_x x_t + b, output φ(h_t)
                                         (Pascanu, Mikolov & Bengio 2013, eq. 2)
    lstm             i, f, o = σ(…), g = tanh(…); c_t = f c_{t−1} + i g; h_t = o tanh(c_t)
                                         (Gers, Schmidhuber & Cummins 2000)
    gru              r, z = σ(…); n = tanh(W_xn x_t + b_in + r (W_hn h_{t−1} + b_hn));
                     h_t = (1 − z) n + z h_{t−1}   (Cho et al. 2014, reset after the product)

Every state and every output passes through `watch`, where a caller hangs its hooks; parameters
are asked for anew at each time step, so that a caller can tell the steps' shares apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.reference.problems import LEAKY_SLOPE, Problem

Tensor = Any  # a torch.Tensor or an autograd box: the equations are the same
ArrayModule = Any  # torch or autograd.numpy
Watch = Callable[[str, int, int, Tensor], Tensor]
ParametersAt = Callable[[int], Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Unrolled:
    """What one forward pass leaves: lists over layers (outer) and time (inner)."""

    hidden: list[list[Tensor]]
    states: list[list[dict[str, Tensor]]]
    outputs: list[Tensor]
    losses: list[Tensor]


def sigmoid(xp: ArrayModule, a: Tensor) -> Tensor:
    """Return 1/(1 + e^−a)."""
    return 1.0 / (1.0 + xp.exp(-a))


def activate(xp: ArrayModule, name: str | None, a: Tensor) -> Tensor:
    """Return φ(a); at the kink φ′(0) is 0 for ReLU and the slope for leaky ReLU."""
    if name == "sigmoid":
        return sigmoid(xp, a)
    if name == "tanh":
        return xp.tanh(a)
    if name == "relu":
        return xp.where(a > 0, a, 0.0 * a)
    if name == "leaky_relu":
        return xp.where(a > 0, a, LEAKY_SLOPE * a)
    if name == "identity":
        return a
    raise ValueError(f"no equation for the activation {name!r}")


def _blocks(a: Tensor, hidden: int) -> list[Tensor]:
    return [a[:, start : start + hidden] for start in range(0, a.shape[1], hidden)]


def cell_step(
    xp: ArrayModule,
    problem: Problem,
    parameters: Mapping[str, Tensor],
    layer: int,
    x: Tensor,
    state: Mapping[str, Tensor],
    watch: Callable[[str, Tensor], Tensor] = lambda _, value: value,
) -> dict[str, Tensor]:
    """Return the state of one layer after one step. `x` is the layer's input at that step."""
    weight_x, weight_h = parameters[f"weight_ih_l{layer}"], parameters[f"weight_hh_l{layer}"]
    bias_x = parameters.get(f"bias_ih_l{layer}", 0.0)
    bias_h = parameters.get(f"bias_hh_l{layer}", 0.0)
    h = state["h"]
    from_x = x @ weight_x.T + bias_x
    if problem.cell == "elman":
        a = from_x + h @ weight_h.T + bias_h
        return {"h": watch("h", activate(xp, problem.activation, a))}
    if problem.cell == "preactivation":
        from_h = activate(xp, problem.activation, h) @ weight_h.T
        return {"h": watch("h", from_h + bias_h + from_x)}
    from_h = h @ weight_h.T + bias_h
    if problem.cell == "lstm":
        a_i, a_f, a_g, a_o = _blocks(from_x + from_h, problem.hidden)
        # h reads the watched c, so that dℓ/dc_t includes the way through h_t.
        c = watch("c", sigmoid(xp, a_f) * state["c"] + sigmoid(xp, a_i) * xp.tanh(a_g))
        return {"h": watch("h", sigmoid(xp, a_o) * xp.tanh(c)), "c": c}
    x_r, x_z, x_n = _blocks(from_x, problem.hidden)
    h_r, h_z, h_n = _blocks(from_h, problem.hidden)
    r, z = sigmoid(xp, x_r + h_r), sigmoid(xp, x_z + h_z)
    return {"h": watch("h", (1.0 - z) * xp.tanh(x_n + r * h_n) + z * h)}


def layer_output(xp: ArrayModule, problem: Problem, x: Tensor, h: Tensor) -> Tensor:
    """Return what a layer hands up: h, or φ(h); plus its input where skips are on and fit."""
    output = activate(xp, problem.activation, h) if problem.cell == "preactivation" else h
    if problem.layer_skips and x.shape[1] == problem.hidden:
        output = output + x
    return output


def read_out(parameters: Mapping[str, Tensor], top: Tensor) -> Tensor:
    """Return y_t [B,K]."""
    return top @ parameters["readout.weight"].T + parameters.get("readout.bias", 0.0)


def step_loss(
    xp: ArrayModule, problem: Problem, t: int, y: Tensor, constant: Callable[..., Any]
) -> Tensor:
    """Return L_t, the share of step t in the scalar loss. `constant` makes an array of `xp`."""
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


def unroll(
    xp: ArrayModule,
    problem: Problem,
    parameters_at: ParametersAt,
    inputs: list[Tensor],
    initial: Mapping[str, list[Tensor]],
    watch: Watch,
    constant: Callable[..., Any],
) -> Unrolled:
    """Run the network over its T inputs.

    Args:
        initial: Per part of the state a list over the layers of [B,H].
        watch: Called as (name, layer, t, value) for "h", "c" and "y"; what it returns goes on.
    """
    states = [[{name: initial[name][s] for name in problem.states}] for s in range(problem.layers)]
    outputs, losses = [], []
    for t in range(problem.length):
        parameters = parameters_at(t)
        x = inputs[t]
        for s in range(problem.layers):
            hook = partial(_watch_at, watch, s, t)
            state = cell_step(xp, problem, parameters, s, x, states[s][-1], hook)
            states[s].append(state)
            x = layer_output(xp, problem, x, state["h"])
        outputs.append(watch("y", 0, t, read_out(parameters, x)))
        losses.append(step_loss(xp, problem, t, outputs[-1], constant))
    hidden = [[state["h"] for state in layer[1:]] for layer in states]
    return Unrolled(hidden=hidden, states=states, outputs=outputs, losses=losses)
