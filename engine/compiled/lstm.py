"""The LSTM's loops over time; equations as numbered in engine/cells/lstm.py."""

from engine.arrays import Array, IntArray
from engine.compiled.arguments import Arrived, Matrices, Pair, Stretches
from engine.compiled.arrivals import ends_at, join
from engine.compiled.counts import share_outside
from engine.compiled.elementary import tanh
from engine.compiled.kernel import PIECE, inner, kernel, piece
from engine.compiled.norms import add_squares
from engine.compiled.products import multiply
from engine.compiled.stretches import left_by
from engine.compiled.twin import Twin

BLOCKS = 6
"""Of the tape, c g f i o tanh_c, and of the deltas, c g f i o k."""


@inner
def step(
    c: Array, g: Array, f: Array, i: Array, o: Array, tanh_c: Array, c_after: Array, h: Array
) -> None:
    """Turn a piece of pre-activations into gates, in place, and write c_t and h_t."""
    n = c.size
    half = c.dtype.type(0.5)
    for j in range(n):
        g[j] = tanh(g[j])  # (2)
    for gate in (f, i, o):
        for j in range(n):
            gate[j] = half * tanh(gate[j]) + half  # (1), from halved pre-activations
    for j in range(n):
        c_after[j] = f[j] * c[j] + i[j] * g[j]  # (3)
    for j in range(n):
        tanh_c[j] = tanh(c_after[j])
    for j in range(n):
        h[j] = o[j] * tanh_c[j]  # (4)


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
    hidden = height // BLOCKS
    n = hidden * batch
    tapes = tape.reshape(rows, height * batch)
    read = inputs.reshape(rows, inputs.shape[1] * batch)
    for t in range(rows - 1):
        multiply(address, weights[0], inputs[t], tape[t, hidden : 5 * hidden])
        now, after, h = tapes[t], tapes[t + 1], read[t + 1]
        for a in range(0, n, PIECE):
            b = min(a + PIECE, n)
            step(
                piece(now, 0, n, a, b), piece(now, 1, n, a, b), piece(now, 2, n, a, b),
                piece(now, 3, n, a, b), piece(now, 4, n, a, b), piece(now, 5, n, a, b),
                after[a:b], h[a:b],
            )  # fmt: skip
        if saturated.size:
            saturated[t] = share_outside(piece(now, 1, n, 0, n), bounds)


@inner
def step_back(
    c: Array, g: Array, f: Array, i: Array, o: Array, tanh_c: Array, h: Array,
    adjoint_h: Array, adjoint_c: Array,
    d_c: Array, d_g: Array, d_f: Array, d_i: Array, d_o: Array, k: Array,
) -> None:  # fmt: skip
    """Fill a piece of the deltas, with the local derivatives made on the way."""
    n = h.size
    one = h.dtype.type(1)
    for j in range(n):
        k[j] = adjoint_c[j] + adjoint_h[j] * (o[j] - h[j] * tanh_c[j])  # (6)
    for j in range(n):
        d_o[j] = adjoint_h[j] * (h[j] - h[j] * o[j])  # (5)
    for j in range(n):
        d_g[j] = k[j] * (i[j] - g[j] * (g[j] * i[j]))  # (7)
    for j in range(n):
        d_f[j] = k[j] * ((one - f[j]) * (c[j] * f[j]))  # (8)
    for j in range(n):
        d_i[j] = k[j] * ((one - i[j]) * (g[j] * i[j]))  # (9)
    for j in range(n):
        d_c[j] = k[j] * f[j]  # (10)


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
    chunk, hidden = deltas.shape[0] - 1, height // BLOCKS
    n = hidden * batch
    tapes, deltas_of = tape.reshape(rows, height * batch), deltas.reshape(chunk + 1, height * batch)
    read, adjoint = inputs.reshape(rows, inputs.shape[1] * batch), adjoints.reshape(rows, n)
    for t in range(stop - 1, start - 1, -1):
        slot = t % chunk
        # The last step of a chunk, and of all, takes what is carried from the extra row.
        above = chunk if t + 1 == rows - 1 or slot + 1 == chunk else slot + 1
        now, h, own = tapes[t], read[t + 1], deltas_of[slot]
        adjoint_h, adjoint_c = adjoint[t + 1], deltas_of[above]
        for a in range(0, n, PIECE):
            b = min(a + PIECE, n)
            step_back(
                piece(now, 0, n, a, b), piece(now, 1, n, a, b), piece(now, 2, n, a, b),
                piece(now, 3, n, a, b), piece(now, 4, n, a, b), piece(now, 5, n, a, b),
                h[a:b], adjoint_h[a:b], adjoint_c[a:b],
                piece(own, 0, n, a, b), piece(own, 1, n, a, b), piece(own, 2, n, a, b),
                piece(own, 3, n, a, b), piece(own, 4, n, a, b), piece(own, 5, n, a, b),
            )  # fmt: skip
        multiply(address, turned[0], deltas[slot, hidden : 5 * hidden], adjoints[t])  # (11)
        ends = ends_at(t, start, arrived)
        join(t, ends, arrived, adjoint[t])
        if stretches is not None and ends:
            left = left_by(address, t, start, inputs, deltas, arrived, stretches)
            if left:
                return left
    return start


@inner
def step_row_back(slope: Array, adjoint: Array, own: Array, n: int, a: int, b: int) -> None:
    """Fill numbers a … b − 1 of each block of a row's deltas, where d_c holds the carry."""
    h, k = adjoint[a:b], piece(own, 5, n, a, b)
    c, o = piece(own, 0, n, a, b), piece(own, 4, n, a, b)
    s_o, s_k = piece(slope, 4, n, a, b), piece(slope, 5, n, a, b)
    for j in range(h.size):
        k[j] = h[j] * s_k[j] + c[j]  # (6)
    for j in range(h.size):
        o[j] = h[j] * s_o[j]  # (5)
    for block in range(4):
        delta, local = piece(own, block, n, a, b), piece(slope, block, n, a, b)
        for j in range(h.size):
            delta[j] = k[j] * local[j]  # (7) to (10)


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
    hidden = height // BLOCKS
    n = hidden * batch
    slope = slopes.reshape(steps, height * batch)
    for m in range(starts.size):
        adjoint, own = adjoints[m].reshape(n), deltas[m].reshape(height * batch)
        for row in range(starts[m], stop - 1, -1):
            add_squares(adjoints[m], squares[m, row])
            for a in range(0, n, PIECE):
                step_row_back(slope[row - 1], adjoint, own, n, a, min(a + PIECE, n))
            multiply(address, turned[0], deltas[m, hidden : 5 * hidden], adjoints[m])  # (11)


TWIN = Twin(
    tape=("c", "g", "f", "i", "o", "tanh_c"),
    deltas=("c", "g", "f", "i", "o", "k"),
    activation="tanh",
    forward=forward,
    back=back,
    stack=stack,
)
