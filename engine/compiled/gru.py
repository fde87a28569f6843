"""The GRU's loops over time; equations as numbered in engine/cells/gru.py."""

from engine.arrays import Array, IntArray
from engine.compiled.arguments import Arrived, Matrices, Pair, Stretches
from engine.compiled.arrivals import ends_at, join
from engine.compiled.counts import share_outside
from engine.compiled.elementary import tanh
from engine.compiled.kernel import PIECE, inner, kernel, piece
from engine.compiled.norms import add_squares
from engine.compiled.products import add_to, multiply
from engine.compiled.stretches import left_by
from engine.compiled.twin import Twin

TAPE_BLOCKS, DELTA_BLOCKS = 4, 5
"""n q r z, and h n q r z."""


@inner
def step(n: Array, q: Array, r: Array, z: Array, h_before: Array, h_after: Array) -> None:
    """Turn a piece of pre-activations into gates, in place, and write h_t."""
    half = n.dtype.type(0.5)
    for gate in (r, z):
        for j in range(n.size):
            gate[j] = half * tanh(gate[j]) + half  # (1), (2) from halved pre-activations
    for j in range(n.size):
        n[j] = tanh(n[j] + r[j] * q[j])  # (4)
    for j in range(n.size):
        h_after[j] = n[j] + z[j] * (h_before[j] - n[j])  # (5)


@kernel
def forward(
    address: int,
    weights: Matrices,
    inputs: Array,
    tape: Array,
    bounds: Pair,
    saturated: Array,
) -> None:
    """Run all steps, and take the share of saturated units where there is room."""
    rows, height, batch = tape.shape
    hidden, columns = height // TAPE_BLOCKS, inputs.shape[1]
    size = hidden * batch
    tapes, read = tape.reshape(rows, height * batch), inputs.reshape(rows, columns * batch)
    for t in range(rows - 1):
        multiply(address, weights[0], inputs[t], tape[t, hidden:])  # (1) to (3)
        multiply(address, weights[1], inputs[t, hidden:], tape[t, :hidden])  # input's part of (4)
        now, before, after = tapes[t], read[t], read[t + 1]
        for a in range(0, size, PIECE):
            b = min(a + PIECE, size)
            step(
                piece(now, 0, size, a, b), piece(now, 1, size, a, b), piece(now, 2, size, a, b),
                piece(now, 3, size, a, b), before[a:b], after[a:b],
            )  # fmt: skip
        if saturated.size:
            saturated[t] = share_outside(piece(now, 0, size, 0, size), bounds)


@inner
def step_back(
    n: Array, q: Array, r: Array, z: Array, h_before: Array, adjoint: Array,
    d_h: Array, d_n: Array, d_q: Array, d_r: Array, d_z: Array,
) -> None:  # fmt: skip
    """Fill a piece of the deltas, with the local derivatives made on the way."""
    one = n.dtype.type(1)
    for j in range(n.size):
        d_n[j] = adjoint[j] * ((one - n[j] * n[j]) * (one - z[j]))  # (6)
    for j in range(n.size):
        d_q[j] = d_n[j] * r[j]
    for j in range(n.size):
        d_r[j] = d_q[j] * ((one - r[j]) * q[j])  # (8)
    for j in range(n.size):
        d_z[j] = adjoint[j] * ((one - z[j]) * z[j] * (h_before[j] - n[j]))  # (7)
    for j in range(n.size):
        d_h[j] = adjoint[j] * z[j]


@kernel
def back(
    address: int,
    turned: Matrices,
    inputs: Array,
    tape: Array,
    deltas: Array,
    adjoints: Array,
    arrived: Arrived,
    start: int,
    stop: int,
    stretches: Stretches | None,
) -> int:
    """Sweep steps stop − 1 … start back; return where it ended, see stretches.py."""
    rows, height, batch = tape.shape
    chunk, hidden = deltas.shape[0] - 1, height // TAPE_BLOCKS
    size = hidden * batch
    tapes, read = tape.reshape(rows, height * batch), inputs.reshape(rows, inputs.shape[1] * batch)
    deltas_of, adjoint = (
        deltas.reshape(chunk + 1, DELTA_BLOCKS * size),
        adjoints.reshape(rows, size),
    )
    for t in range(stop - 1, start - 1, -1):
        slot = t % chunk
        now, h_before, own, after = tapes[t], read[t], deltas_of[slot], adjoint[t + 1]
        for a in range(0, size, PIECE):
            b = min(a + PIECE, size)
            step_back(
                piece(now, 0, size, a, b), piece(now, 1, size, a, b), piece(now, 2, size, a, b),
                piece(now, 3, size, a, b), h_before[a:b], after[a:b],
                piece(own, 0, size, a, b), piece(own, 1, size, a, b), piece(own, 2, size, a, b),
                piece(own, 3, size, a, b), piece(own, 4, size, a, b),
            )  # fmt: skip
        adjoint[t][:] = own[:size]
        add_to(address, turned[0], deltas[slot, 2 * hidden :], adjoints[t])  # (9)
        ends = ends_at(t, start, arrived)
        join(t, ends, arrived, adjoint[t])
        if stretches is not None and ends:
            left = left_by(address, t, start, inputs, deltas, arrived, stretches)
            if left:
                return left
    return start


@kernel
def stack(
    address: int,
    turned: Matrices,
    slopes: Array,
    adjoints: Array,
    deltas: Array,
    squares: Array,
    starts: IntArray,
    stop: int,
) -> None:
    """Sweep each row of a stack back."""
    steps, height, batch = slopes.shape
    hidden = height // DELTA_BLOCKS
    size = hidden * batch
    slope = slopes.reshape(steps, height * batch)
    for m in range(starts.size):
        adjoint, own = adjoints[m].reshape(size), deltas[m].reshape(height * batch)
        for row in range(starts[m], stop - 1, -1):
            add_squares(adjoints[m], squares[m, row])
            for block in range(DELTA_BLOCKS):
                delta = piece(own, block, size, 0, size)
                local = piece(slope[row - 1], block, size, 0, size)
                for j in range(size):
                    delta[j] = adjoint[j] * local[j]  # (6) to (8), first term of (9)
            adjoint[:] = own[:size]
            add_to(address, turned[0], deltas[m, 2 * hidden :], adjoints[m])  # (9)


TWIN = Twin(
    tape=("n", "q", "r", "z"),
    deltas=("h", "n", "q", "r", "z"),
    activation="tanh",
    forward=forward,
    back=back,
    stack=stack,
)
