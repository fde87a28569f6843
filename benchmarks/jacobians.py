"""All singular values of every step Jacobian, and Lyapunov exponents, beside torch.func.

The forward pass is made before, for both. torch.func gives J_t of every time step and sample by
`vmap(jacrev)`; what is made of them is LAPACK's on both sides, and most of the time.
"""

import torch
from torch.func import jacrev, vmap

from benchmarks.paired import measure_all
from benchmarks.peers import Program, bound, model_of
from benchmarks.sizes import Data, Size
from benchmarks.tables import Row, Table
from engine.bptt.jacobians import Jacobians

SIZES = (
    Size(name="adding", batch=8, length=100, hidden=64, inputs=2),
    Size(name="copy", batch=8, length=100, hidden=128, inputs=10),
)
"""B as of a small probe: each pair (t, b) has a matrix of its own."""


def ours(size: Size, data: Data) -> dict[str, Program]:
    """Return our programs by what they make."""
    sweep, batch = bound(size, "tanh", data)
    sweep.forward(batch, "mean_squared_error")
    jacobians, times = Jacobians(sweep.tapes[0]), range(1, size.length + 1)
    return {
        "singular values": lambda: jacobians.log10_singular_values(times),
        "Lyapunov spectrum": jacobians.lyapunov,
    }


def theirs(size: Size, data: Data) -> dict[str, Program]:
    """Return torch.func's programs by what they make."""
    layer, _ = model_of(size, "tanh")
    inputs = torch.from_numpy(data[0])
    with torch.no_grad():
        hidden, _ = layer(inputs)
    before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
    by_x, by_h, bias = layer.weight_ih_l0.detach(), layer.weight_hh_l0.detach(), layer.bias_ih_l0

    def step(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(by_x @ x + by_h @ h + bias.detach())

    every = vmap(vmap(jacrev(step)))

    def singular_values() -> object:
        return torch.linalg.svdvals(every(before, inputs))

    def spectrum() -> object:
        frames = torch.eye(size.hidden, dtype=torch.float64).expand(size.batch, -1, -1)
        total = torch.zeros(size.batch, size.hidden, dtype=torch.float64)
        for jacobian in every(before, inputs):
            frames, triangles = torch.linalg.qr(jacobian.double() @ frames)
            total += triangles.diagonal(dim1=1, dim2=2).abs().log()
        return total / size.length

    return {"singular values": singular_values, "Lyapunov spectrum": spectrum}


def measure(rounds: int) -> list[Row]:
    """Return a row for each size and what is made."""
    rows: list[Row] = []
    for size in SIZES:
        data = size.data()
        mine, peers = ours(size, data), theirs(size, data)
        for what, program in mine.items():
            (found,) = measure_all(program, [peers[what]], rounds)
            rows.append(
                {
                    "what": what,
                    "B": size.batch,
                    "T": size.length,
                    "H": size.hidden,
                    "milliseconds": 1e3 * found.ours,
                    "matrix_microseconds": 1e6 * found.ours / (size.length * size.batch),
                    "ratio": found.ratio,
                }
            )
    return rows


TABLE = Table(
    name="jacobians",
    measure=measure,
    columns={
        "what": "{what}",
        "B": "{B}",
        "T": "{T}",
        "H": "{H}",
        "ours ms": "{milliseconds:.0f}",
        "µs a matrix": "{matrix_microseconds:.0f}",
        "torch.func": "{ratio:.2f}",
    },
    rounds=3,
)
