"""A training step of the same network, with the same weights and data, by four programs.

ours  the engine, with the norm of the total gradient at every time step and sample
F     PyTorch's fused layers, which give no gradient at a time step
R     PyTorch with the gradient at every time step and its norms: a loop of cells
J     JAX, one compiled scan, with the same

A step is: forward, a linear read-out and the squared error at every time step, backward, and the
plain update.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.sizes import LEARNING_RATE, SEED, Data, Size
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.tasks.base import Batch

Program = Callable[[], object]
Model = tuple[nn.Module, nn.Linear]
Tracer = Any
"""Arrays of JAX and trees of them, which have no one type while they are traced."""

CELLS: Mapping[str, tuple[str, str | None]] = {
    "tanh": ("elman", "tanh"),
    "relu": ("elman", "relu"),
    "lstm": ("lstm", None),
    "gru": ("gru", None),
}
"""Our cell and its activation, by the name that a table has."""

LAYERS = {
    "tanh": nn.RNN,
    "relu": partial(nn.RNN, nonlinearity="relu"),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
STEPS = {
    "tanh": nn.RNNCell,
    "relu": partial(nn.RNNCell, nonlinearity="relu"),
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}


def model_of(size: Size, cell: str) -> Model:
    """Return a layer and a read-out; of the second biases only the GRU's b_hn is not 0."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    layer = LAYERS[cell](size.inputs, size.hidden)
    with torch.no_grad():
        layer.bias_hh_l0[: 2 * size.hidden if cell == "gru" else None] = 0
    return layer, nn.Linear(size.hidden, 1)


def network_of(size: Size, cell: str) -> Network:
    """Return our network, without its weights."""
    return Network(make_cell(*CELLS[cell]), inputs=size.inputs, hidden=size.hidden, outputs=1)


def bound(size: Size, cell: str, data: Data) -> tuple[Sweep, Batch]:
    """Return our sweep with the peers' weights, and the data as a batch."""
    layer, readout = model_of(size, cell)
    network = network_of(size, cell)
    values = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    values |= {f"readout.{n}": value.detach().numpy() for n, value in readout.named_parameters()}
    network.load({name: values[name] for name in network.parameter_shapes})
    inputs, targets = data
    every_step = np.arange(size.length)  # as a task says it
    batch = Batch(inputs, targets, np.ones(targets.shape[:2], bool), every_step)
    return Sweep(network, length=size.length, batch=size.batch), batch


def ours(size: Size, cell: str, data: Data) -> Program:
    """Return our step."""
    sweep, batch = bound(size, cell, data)
    network = sweep.network

    def step() -> object:
        loss = sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        norms = sweep.log10_hidden_norms
        network.flat -= LEARNING_RATE * network.gradient
        network.prepare()
        return loss.value, norms

    return step


def fused(size: Size, cell: str, data: Data) -> Program:
    """Return PyTorch's step with its fused layer."""
    layer, readout = model_of(size, cell)
    inputs, targets = (torch.from_numpy(array) for array in data)
    parameters = [*layer.parameters(), *readout.parameters()]

    def step() -> object:
        output, _ = layer(inputs)
        loss = nn.functional.mse_loss(readout(output), targets)
        _descend(parameters, torch.autograd.grad(loss, parameters))
        return loss

    return step


def by_steps(size: Size, cell: str, data: Data) -> Program:
    """Return PyTorch's step as a loop of cells, with the gradient at every hidden state."""
    layer, readout = model_of(size, cell)
    one = STEPS[cell](size.inputs, size.hidden)
    own = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    one.load_state_dict({name: value.detach() for name, value in own.items()})
    inputs, targets = (torch.from_numpy(array) for array in data)
    parameters = [*one.parameters(), *readout.parameters()]

    def step() -> object:
        state = None
        hidden = []
        for x in inputs:
            state = one(x, state)
            hidden.append(state[0] if isinstance(state, tuple) else state)
        loss = nn.functional.mse_loss(readout(torch.stack(hidden)), targets)
        found = torch.autograd.grad(loss, [*parameters, *hidden])
        norms = torch.stack(found[len(parameters) :]).norm(dim=2)
        _descend(parameters, found[: len(parameters)])
        return loss, norms

    return step


def _descend(parameters: list[Any], gradients: Any) -> None:  # noqa: ANN401
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(gradient, alpha=LEARNING_RATE)


def _of_members(jax: Tracer, train: Tracer, weights: Tracer, members: int) -> Tracer:
    """Return a compiled step over several members, and weights for each."""
    if members == 1:
        return jax.jit(train), weights
    stacked = {name: jax.numpy.stack([value] * members) for name, value in weights.items()}
    return jax.jit(jax.vmap(train)), stacked


def scanned(size: Size, cell: str, data: Data, members: int = 1) -> Program:
    """Return JAX's step: zeros are added to every hidden state, and their gradients taken.

    With several members, each with weights of its own, that is a `vmap` over them.
    """
    # Looked up by name: JAX is not everywhere, and half typed.
    jax: Any = importlib.import_module("jax")
    jnp = jax.numpy

    layer, readout = model_of(size, cell)
    weights = {
        name: jnp.asarray(value.detach().numpy())
        for name, value in [*layer.named_parameters(), *readout.named_parameters()]
    }
    inputs, targets = (jnp.asarray(array) for array in data)
    zeros = jnp.zeros((size.length, size.batch, size.hidden), jnp.float32)
    start = (zeros[0], zeros[0])

    def advance(w: Tracer, state: Tracer, x: Tracer) -> Tracer:
        h, c = state
        from_x = x @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        from_h = h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
        if cell in ("tanh", "relu"):
            return (jnp.tanh if cell == "tanh" else jax.nn.relu)(from_x + from_h), c
        if cell == "lstm":
            i, f, g, o = jnp.split(from_x + from_h, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c
        (xr, xz, xn), (hr, hz, hn) = jnp.split(from_x, 3, axis=1), jnp.split(from_h, 3, axis=1)
        z = jax.nn.sigmoid(xz + hz)
        return (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h, c

    def loss_of(w: Tracer, added: Tracer) -> Tracer:
        def one(state: Tracer, at: Tracer) -> Tracer:
            h, c = advance(w, state, at[0])
            return (h + at[1], c), h + at[1]

        _, hidden = jax.lax.scan(one, start, (inputs, added))
        return jnp.mean((hidden @ w["weight"].T + w["bias"] - targets) ** 2)

    def train_one(w: Tracer) -> Tracer:
        loss, (by_weight, by_state) = jax.value_and_grad(loss_of, argnums=(0, 1))(w, zeros)
        moved = jax.tree.map(lambda a, g: a - LEARNING_RATE * g, w, by_weight)
        return moved, loss, jnp.linalg.norm(by_state, axis=-1)

    train, weights = _of_members(jax, train_one, weights, members)

    def step() -> object:
        nonlocal weights
        weights, loss, norms = train(weights)
        return jax.block_until_ready((loss, norms))

    return step
