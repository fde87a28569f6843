"""PyTorch's layers of two directions, fused and step by step with every state in the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tests.reference.problems import Array

LAYERS: Mapping[str, type[nn.RNNBase]] = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS: Mapping[str, type[nn.RNNCellBase]] = {
    "elman": nn.RNNCell,
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}


@dataclass(frozen=True, kw_only=True)
class Directions:
    """What autograd says of a network of two directions; S counts 0, 0r, 1, 1r, ….

    Attributes:
        fused: ∂L/∂P of the fused layer and the read-out, by name.
        total: ∂L/∂h_t, [S,T,B,H].
        matrix: ∂L_t/∂h_k, [S,T,T,B,H], exactly zero where h_k does not reach L_t.
    """

    parameters: dict[str, Array]
    inputs: Array
    fused: dict[str, Array]
    fused_loss: float
    loss: float
    total: Array
    matrix: Array


def differentiate(
    cell: str, layers: int, *, inputs: Tensor, targets: Tensor, hidden: int, outputs: int, seed: int
) -> Directions:
    """Draw weights and differentiate the mean cross entropy of every step.

    Args:
        cell: elman, lstm or gru.
        layers: Bidirectional layers.
        inputs: [T,B,D], float64.
        targets: Class numbers [T,B].
        hidden: H.
        outputs: K.
        seed: Of the weights.
    """
    torch.manual_seed(seed)
    module = LAYERS[cell](inputs.shape[2], hidden, layers, bidirectional=True, dtype=inputs.dtype)
    readout = nn.Linear(2 * hidden, outputs, dtype=inputs.dtype)
    for each in (*module.parameters(), *readout.parameters()):
        nn.init.normal_(each, std=0.5)
    named = {**dict(module.named_parameters())}
    named |= {f"readout.{name}": value for name, value in readout.named_parameters()}
    fused = _losses(readout(module(inputs)[0]), targets).sum()
    fused.backward()  # type: ignore[no-untyped-call]
    gradients = {name: _array(value.grad) for name, value in named.items()}

    output, states = unrolled(cell, module, inputs)
    losses = _losses(readout(output), targets)
    flat = [state for entry in states for state in entry]
    rows = [_stacked(loss, flat, len(states)) for loss in losses]
    return Directions(
        parameters={name: value.detach().numpy() for name, value in named.items()},
        inputs=inputs.numpy(),
        fused=gradients,
        fused_loss=float(fused.detach()),
        loss=float(losses.sum().detach()),
        total=_array(_stacked(losses.sum(), flat, len(states))),
        matrix=_array(torch.stack(rows, dim=1)),
    )


def unrolled(
    cell: str, module: nn.RNNBase, inputs: Tensor
) -> tuple[Tensor, Sequence[Sequence[Tensor]]]:
    """Return the stacked output [T,B,2H], and h_1 … h_T of every entry 0, 0r, 1, 1r, …."""
    found: list[list[Tensor]] = []
    below = inputs
    for layer in range(module.num_layers):
        sides = [_side(cell, module, f"_l{layer}{side}", below) for side in ("", "_reverse")]
        found += sides
        below = torch.cat([torch.stack(side) for side in sides], dim=2)
    return below, found


def _side(cell: str, module: nn.RNNBase, suffix: str, inputs: Tensor) -> list[Tensor]:
    step = CELLS[cell](inputs.shape[2], module.hidden_size, dtype=inputs.dtype)
    weights = {
        name.removesuffix(suffix): value
        for name, value in module.named_parameters()
        if name.endswith(suffix)
    }
    h = torch.zeros(inputs.shape[1], module.hidden_size, dtype=inputs.dtype)
    state = (h, h) if cell == "lstm" else h
    backwards = suffix.endswith("_reverse")
    found = []
    for x in reversed(inputs) if backwards else inputs:
        state = functional_call(step, weights, (x, state))
        found.append(state[0] if isinstance(state, tuple) else state)
    return found[::-1] if backwards else found


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return each time step's share of the mean, [T]."""
    raw = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return raw.reshape(targets.shape).sum(dim=1) / targets.numel()


def _stacked(loss: Tensor, states: Sequence[Tensor], entries: int) -> Tensor:
    """Return ∂loss/∂h of all states, [S,T,B,H]."""
    found = torch.autograd.grad(loss, states, retain_graph=True, allow_unused=True)
    whole = [
        torch.zeros_like(state) if grad is None else grad
        for grad, state in zip(found, states, strict=True)
    ]
    return torch.stack(whole).reshape(entries, -1, *states[0].shape)


def _array(tensor: Tensor | None) -> Array:
    if tensor is None:
        raise ValueError("a parameter has no gradient")
    array: Array = tensor.detach().numpy()
    return array
