"""nn.RNN, nn.LSTM and nn.GRU as loops of their equations, with `retain_grad` at every state.

A sequence that has ended keeps its last state; its outputs are zero, as `pad_packed_sequence`
has them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from tests.reference.problems import Array

State = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Unrolled:
    """What the loop says.

    hidden_gradients: ∂L/∂h_t, (S, T, B, H); of two directions 0, 0r, 1, 1r, ….
    parameters: Gradients by the module's names.
    """

    loss: float
    hidden_gradients: Array
    parameters: dict[str, Array]


def unroll(
    module: nn.RNNBase,
    inputs: Tensor,
    lengths: Tensor,
    initial: State,
    loss_of: Callable[[Tensor, State], Tensor],
) -> Unrolled:
    """Run the loop and one backward.

    Args:
        inputs: (T, B, D).
        lengths: (B,).
        initial: h (S, B, H), of the LSTM c too.
        loss_of: L of outputs (T, B, H) and of the states after each sequence's last step.
    """
    weights = {n: p.detach().clone().requires_grad_() for n, p in module.named_parameters()}
    step = {"RNN_TANH": _rnn, "RNN_RELU": _relu, "LSTM": _lstm, "GRU": _gru}[module.mode]
    seen: list[list[Tensor]] = []
    finals: list[State] = []
    layer_inputs = list(inputs)
    sides = ("", "_reverse") if module.bidirectional else ("",)
    for layer in range(module.num_layers):
        handed_up = []
        for side in sides:
            state = tuple(part[len(seen)] for part in initial)
            states = [inputs.new_zeros(0)] * len(layer_inputs)
            outputs = list(states)
            times = range(len(layer_inputs))
            for t in reversed(times) if side else times:
                there = (t < lengths)[:, None]
                new = step(layer_inputs[t], state, weights, f"_l{layer}{side}")
                new[0].retain_grad()
                states[t] = new[0]
                outputs[t] = torch.where(there, new[0], torch.zeros_like(new[0]))
                state = tuple(torch.where(there, a, b) for a, b in zip(new, state, strict=True))
            seen.append(states)
            finals.append(state)
            handed_up.append(outputs)
        layer_inputs = [torch.cat(both, dim=-1) for both in zip(*handed_up, strict=True)]
    last = tuple(torch.stack(parts) for parts in zip(*finals, strict=True))
    loss = loss_of(torch.stack(layer_inputs), last)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = torch.stack([torch.stack([_grad(h) for h in states]) for states in seen])
    return Unrolled(
        loss=float(loss.detach()),
        hidden_gradients=gradients.numpy(),
        parameters={name: _grad(p).numpy() for name, p in weights.items()},
    )


def _grad(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def _products(
    x: Tensor, h: Tensor, weights: dict[str, Tensor], suffix: str
) -> tuple[Tensor, Tensor]:
    bias_ih, bias_hh = weights.get(f"bias_ih{suffix}"), weights.get(f"bias_hh{suffix}")
    return (
        linear(x, weights[f"weight_ih{suffix}"], bias_ih),
        linear(h, weights[f"weight_hh{suffix}"], bias_hh),
    )


def _rnn(x: Tensor, state: State, weights: dict[str, Tensor], suffix: str) -> State:
    ours, theirs = _products(x, state[0], weights, suffix)
    return (torch.tanh(ours + theirs),)


def _relu(x: Tensor, state: State, weights: dict[str, Tensor], suffix: str) -> State:
    ours, theirs = _products(x, state[0], weights, suffix)
    return (torch.relu(ours + theirs),)


def _lstm(x: Tensor, state: State, weights: dict[str, Tensor], suffix: str) -> State:
    ours, theirs = _products(x, state[0], weights, suffix)
    i, f, g, o = (ours + theirs).chunk(4, dim=-1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru(x: Tensor, state: State, weights: dict[str, Tensor], suffix: str) -> State:
    ours, theirs = _products(x, state[0], weights, suffix)
    (x_r, x_z, x_n), (h_r, h_z, h_n) = ours.chunk(3, dim=-1), theirs.chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * state[0],)
