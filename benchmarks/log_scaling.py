"""What exponents cost: the same sweep, and the same matrix, where norms vanish and where they stay.

Elman's cell with tanh, W_h = ρ Q with Q orthogonal and small inputs, so that each step back takes
ρ off a gradient: with ρ = 1 no row ever leaves its window, with ρ = 0.4 every row leaves it again
and again (2^-1.3 a step, 2^-1000 over 784 steps). All else is alike, and no number is subnormal. A
sweep is forward and back, with the loss at the last step; the matrix has a loss at every step, and
its forward pass is made before.
"""

from collections.abc import Mapping

import numpy as np

from benchmarks.matrix import sizes
from benchmarks.paired import measure as paired
from benchmarks.peers import Program
from benchmarks.processes import backends_in_turn
from benchmarks.sizes import SEED, Size
from benchmarks.tables import Row, Table
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.tasks.base import Batch

STAYING, VANISHING = 1.0, 0.4
"""ρ."""

SMALL = 0.01
"""Of inputs and their weights: φ′ is 1 then, but for a part in a thousand."""

MOST: Mapping[str, float] = {"a sweep": 5, "the matrix": 3}
"""Per cent."""


def network_of(size: Size, rho: float) -> Network:
    """Return a network that takes ρ off the gradient in every step."""
    rng = np.random.default_rng(SEED)
    network = Network(make_cell("elman", "tanh"), inputs=size.inputs, hidden=size.hidden, outputs=1)
    values = {
        name: SMALL * rng.standard_normal(shape) for name, shape in network.parameter_shapes.items()
    }
    values["weight_hh_l0"] = rho * np.linalg.qr(rng.standard_normal((size.hidden,) * 2))[0]
    values["bias_ih_l0"][:] = 0
    values["readout.weight"] /= SMALL * size.hidden**0.5
    network.load({name: value.astype(np.float32) for name, value in values.items()})
    return network


def batch_of(size: Size, *, last_only: bool) -> Batch:
    """Return small random inputs, asked at the last step or at every one."""
    inputs, targets = size.data()
    mask = np.ones(targets.shape[:2], bool)
    mask[:-1] = not last_only
    return Batch(SMALL * inputs, targets + 1, mask)


def sweep_of(size: Size, rho: float) -> Program:
    """Return a sweep forward and back, with its norms."""
    sweep = Sweep(network_of(size, rho), length=size.length, batch=size.batch)
    batch = batch_of(size, last_only=True)

    def step() -> object:
        sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        return sweep.log10_hidden_norms

    step()
    require_exponents(sweep.backward_layers[0].row_exponents.any(), rho)
    return step


def matrix_of(size: Size, rho: float) -> Program:
    """Return what makes the matrix."""
    sweep = Sweep(network_of(size, rho), length=size.length, batch=size.batch)
    sweep.forward(batch_of(size, last_only=False), "mean_squared_error")
    sweep.backward()
    times = list(range(1, size.length + 1))
    stack = sweep.stack(len(times))

    def matrix() -> object:
        return [norms for _, norms in stack.run(sweep.top_source, times)]

    matrix()
    require_exponents(any(layer.norm_exponents.any() for layer in stack.layers), rho)
    return matrix


def require_exponents(found: bool | np.bool_, rho: float) -> None:
    """Refuse figures of a network that does not do what its ρ says."""
    if bool(found) != (rho == VANISHING):
        raise RuntimeError(f"rho = {rho}: expected exponents {rho == VANISHING}, got {found}")


def measure(rounds: int) -> list[Row]:
    """Return a row for each backend, what is made, and size."""
    rows: list[Row] = []
    for backend in backends_in_turn():
        for what, program_of in (("a sweep", sweep_of), ("the matrix", matrix_of)):
            for size in sizes():
                found = paired(program_of(size, STAYING), program_of(size, VANISHING), rounds)
                rows.append(
                    {
                        "what": what,
                        "backend": backend,
                        "size": size.name,
                        "B": size.batch,
                        "T": size.length,
                        "H": size.hidden,
                        "milliseconds": 1e3 * found.ours,
                        "scaled_milliseconds": 1e3 * found.theirs,
                        "percent": 100 * (found.ratio - 1),
                        "most": MOST[what],
                    }
                )
    return rows


TABLE = Table(
    name="log_scaling",
    measure=measure,
    columns={
        "what": "{what}",
        "ours": "{backend}",
        "size": "{size}",
        "B": "{B}",
        "T": "{T}",
        "H": "{H}",
        "norms stay, ms": "{milliseconds:.2f}",
        "norms vanish, ms": "{scaled_milliseconds:.2f}",
        "more %": "{percent:.1f}",
        "at most %": "{most}",
    },
)
