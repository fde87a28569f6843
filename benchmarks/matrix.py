"""The loss-state matrix ‖dℓ_t/dh_k‖ of every sample by four programs, for Elman's cell with tanh.

ours     the engine's stack: the norms alone are kept, with exponents, so that none underflows
batched  PyTorch: one backward pass for all loss times at once
calls    PyTorch: a backward pass for each loss time
J        JAX: one compiled scan, pulled back for all loss times at once

The forward pass is made before, for all of them. The peers hold a gradient for every (t, k,
sample, unit).
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from benchmarks.paired import measure_all
from benchmarks.peers import STEPS, Program, Tracer, bound, model_of
from benchmarks.sizes import SIZES, Data, Size
from benchmarks.tables import Row, Table, has_jax

FEW_SAMPLES = 4
"""B at T = 784: the peers' arrays would not fit at 16."""

GOALS: Mapping[str, float] = {"adding": 7.2, "copy": 5.1, "long": 5.9, "mnist": 9.8}
"""PyTorch's best over ours."""


def sizes() -> list[Size]:
    """Return the sizes that have a goal."""
    found = [size for size in SIZES if size.name in GOALS]
    return [replace(s, batch=FEW_SAMPLES) if s.name == "mnist" else s for s in found]


def ours(size: Size, data: Data) -> tuple[Program, Program]:
    """Return what makes our matrix, and a training step of the same network without its update."""
    sweep, batch = bound(size, "tanh", data)
    times = list(range(1, size.length + 1))

    def matrix() -> object:
        return [norms for _, norms in sweep.stack(len(times)).run(sweep.top_source, times)]

    def step() -> object:
        loss = sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        return loss

    step()
    return matrix, step


def unrolled(size: Size, data: Data) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return PyTorch's hidden states, and the loss of every time step."""
    layer, readout = model_of(size, "tanh")
    one = STEPS["tanh"](size.inputs, size.hidden)
    own = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    one.load_state_dict({name: value.detach() for name, value in own.items()})
    inputs, targets = (torch.from_numpy(array) for array in data)
    hidden: list[torch.Tensor] = []
    for x in inputs:
        hidden.append(one(x, hidden[-1] if hidden else None))
    errors = (readout(torch.stack(hidden)) - targets) ** 2
    return hidden, errors.sum(dim=(1, 2))


def batched(size: Size, data: Data) -> Program:
    """Return PyTorch's matrix by one backward pass over a batch of loss times."""
    (hidden, losses), unit = unrolled(size, data), torch.eye(size.length)

    def matrix() -> object:
        found = torch.autograd.grad(losses, hidden, unit, is_grads_batched=True, retain_graph=True)
        return [gradient.norm(dim=2) for gradient in found]

    return matrix


def calls(size: Size, data: Data) -> Program:
    """Return PyTorch's matrix by a backward pass for each loss time."""
    hidden, losses = unrolled(size, data)

    def matrix() -> object:
        rows = []
        for t, loss in enumerate(losses):
            found = torch.autograd.grad(loss, hidden[: t + 1], retain_graph=True)
            rows.append(torch.stack(found).norm(dim=2))
        return rows

    return matrix


def scanned(size: Size, data: Data) -> Program:
    """Return JAX's matrix: zeros are added to every hidden state, and pulled back to.

    Its forward pass is made again, which is less than one of T backward passes.
    """
    # Looked up by name: JAX is not everywhere, and half typed.
    jax: Any = importlib.import_module("jax")
    jnp = jax.numpy

    layer, readout = model_of(size, "tanh")
    w = {
        name: jnp.asarray(value.detach().numpy())
        for name, value in [*layer.named_parameters(), *readout.named_parameters()]
    }
    inputs, targets = (jnp.asarray(array) for array in data)
    zeros = jnp.zeros((size.length, size.batch, size.hidden), jnp.float32)

    def matrix() -> object:
        def losses_of(added: Tracer) -> Tracer:
            def one(h: Tracer, at: Tracer) -> Tracer:
                h = jnp.tanh(at[0] @ w["weight_ih_l0"].T + h @ w["weight_hh_l0"].T) + at[1]
                return h, h

            _, hidden = jax.lax.scan(one, zeros[0], (inputs, added))
            return jnp.sum((hidden @ w["weight"].T + w["bias"] - targets) ** 2, axis=(1, 2))

        _, pull = jax.vjp(losses_of, zeros)
        (found,) = jax.vmap(pull)(jnp.eye(size.length))
        return jnp.linalg.norm(found, axis=3)

    compiled = jax.jit(matrix)
    return lambda: jax.block_until_ready(compiled())


def measure(rounds: int) -> list[Row]:
    """Return a row a size."""
    rivals: dict[str, Callable[[Size, Data], Program]] = {"batched": batched, "calls": calls}
    if has_jax():
        rivals["jax"] = scanned
    rows = []
    for size in sizes():
        data = size.data()
        matrix, step = ours(size, data)
        # A backward pass a loss time takes PyTorch minutes where there are 784.
        names = [n for n in rivals if not (n == "calls" and size.name == "mnist")]
        programs = [step, *(rivals[name](size, data) for name in names)]
        found = dict(zip(["step", *names], measure_all(matrix, programs, rounds), strict=True))
        pytorch = [found[name] for name in ("batched", "calls") if name in found]
        best = min(pytorch, key=lambda pair: pair.theirs)
        work = size.length**2 * size.batch * size.hidden**2
        rows.append(
            {
                "size": size.name,
                "B": size.batch,
                "T": size.length,
                "H": size.hidden,
                "milliseconds": 1e3 * best.ours,
                "steps": 1 / found["step"].ratio,
                "steps_bound": size.length / 6,
                "gflops": work / best.ours / 1e9,
                **{name: found[name].ratio if name in found else None for name in rivals},
                "ratio": best.ratio,
                "goal": GOALS[size.name],
            }
        )
    return rows


TABLE = Table(
    name="matrix",
    measure=measure,
    columns={
        "size": "{size}",
        "B": "{B}",
        "T": "{T}",
        "H": "{H}",
        "ours ms": "{milliseconds:.1f}",
        "training steps": "{steps:.1f}",
        "T / 6": "{steps_bound:.1f}",
        "GFLOP/s": "{gflops:.0f}",
        "batched": "{batched:.1f}",
        "T calls": "{calls:.1f}",
        "J": "{jax:.1f}",
        "goal": "{goal}",
    },
    rounds=3,
)
