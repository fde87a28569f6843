"""PyTorch's own layers (nn.RNN, nn.LSTM, nn.GRU) on a problem, fused and step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tests.reference.problems import Array, Problem

MODULES: Mapping[str, Callable[..., nn.Module]] = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True, kw_only=True)
class LayerGradients:
    """What a fused layer and its read-out say.

    output_grad: `output.grad` of the stacked output [T,B,H], the immediate derivative.
    """

    loss: float
    outputs: Array
    parameters: dict[str, Array]
    output_grad: Array
    inputs: Array
    initial: dict[str, Array]


def make_module(problem: Problem) -> nn.Module:
    """Return the float64 module with the problem's weights, loaded strictly.

    A `bias_hh` that the problem lacks is zero, as in a checkpoint.
    """
    options = {"nonlinearity": problem.activation} if problem.cell == "elman" else {}
    module = MODULES[problem.cell](
        problem.inputs.shape[2], problem.hidden, problem.layers, dtype=torch.float64, **options
    )
    zeros = {name: torch.zeros_like(value) for name, value in module.state_dict().items()}
    given = {
        name: torch.tensor(values)
        for name, values in problem.parameters.items()
        if not name.startswith("readout.")
    }
    module.load_state_dict({**zeros, **given}, strict=True)
    return module


def differentiate(problem: Problem) -> LayerGradients:
    """Run one fused call and one backward, with `retain_grad` on the stacked output."""
    module = make_module(problem)
    inputs = torch.tensor(problem.inputs, requires_grad=True)
    initial = {
        name: torch.tensor(problem.initial[name], requires_grad=True) for name in problem.states
    }
    first = tuple(initial[name] for name in problem.states)
    output, _ = module(inputs, first if len(first) > 1 else first[0])
    output.retain_grad()
    readout = {
        name.removeprefix("readout."): torch.tensor(values, requires_grad=True)
        for name, values in problem.parameters.items()
        if name.startswith("readout.")
    }
    logits = nn.functional.linear(output, readout["weight"], readout["bias"])
    loss = _loss(problem, logits)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: _array(p.grad) for name, p in module.named_parameters()}
    gradients |= {f"readout.{name}": _array(p.grad) for name, p in readout.items()}
    return LayerGradients(
        loss=float(loss.detach()),
        outputs=logits.detach().numpy(),
        parameters=gradients,
        output_grad=_array(output.grad),
        inputs=_array(inputs.grad),
        initial={name: _array(value.grad) for name, value in initial.items()},
    )


def _array(tensor: torch.Tensor | None) -> Array:
    if tensor is None:
        raise ValueError("autograd left no gradient")
    return np.asarray(tensor.numpy())


def _loss(problem: Problem, logits: torch.Tensor) -> torch.Tensor:
    asked = torch.tensor(problem.mask)
    targets = torch.tensor(problem.targets)[asked]
    if problem.loss == "cross_entropy":
        return nn.functional.cross_entropy(logits[asked], targets, reduction=problem.reduction)
    # PyTorch's own "sum" would sum over the K outputs, too.
    errors = nn.functional.mse_loss(logits[asked], targets, reduction="none").mean(1)
    return errors.mean() if problem.reduction == "mean" else errors.sum()


def stepwise_hidden_gradient(problem: Problem) -> Array:
    """Return the total dL/dh_t [1,T,B,H] of a one-layer module called once per time step."""
    module = make_module(problem)
    state = tuple(torch.tensor(problem.initial[name]) for name in problem.states)
    hidden = []
    for x in torch.tensor(problem.inputs):
        _, state = module(x[None], state if len(state) > 1 else state[0])
        state = state if isinstance(state, tuple) else (state,)
        state[0].requires_grad_().retain_grad()
        hidden.append(state[0])
    weight = torch.tensor(problem.parameters["readout.weight"])
    bias = torch.tensor(problem.parameters["readout.bias"])
    logits = torch.cat([h @ weight.T + bias for h in hidden])
    _loss(problem, logits).backward()  # type: ignore[no-untyped-call]
    return np.concatenate([_array(h.grad) for h in hidden])[None]
