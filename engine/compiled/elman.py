"""Elman's loops over time; equations as numbered in engine/cells/elman.py."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from engine.arrays import Array, IntArray
from engine.compiled.arguments import Arrived, Matrices, Pair, Stretches
from engine.compiled.arrivals import ends_at, join
from engine.compiled.counts import share_outside
from engine.compiled.elementary import tanh
from engine.compiled.kernel import inner, kernel
from engine.compiled.norms import add_squares
from engine.compiled.products import multiply
from engine.compiled.stretches import left_by
from engine.compiled.twin import Twin

TANH, SIGMOID, RELU, IDENTITY = range(4)


@inner
def activate(activation: int, h: Array) -> None:
    """Turn a_t into h_t in place; for the sigmoid a_t / 2, since its weights are halved."""
    half, zero = h.dtype.type(0.5), h.dtype.type(0)
    if activation == TANH:
        for j in range(h.size):
            h[j] = tanh(h[j])
    elif activation == SIGMOID:
        for j in range(h.size):
            h[j] = half * tanh(h[j]) + half
    elif activation == RELU:
        for j in range(h.size):
            h[j] = zero if h[j] < zero else h[j]  # what is no number stays so


@inner
def step_back(activation: int, h: Array, adjoint: Array, delta: Array) -> None:
    """Fill δ from λ, with φ′ made of φ on the way."""  # (3)
    one, zero = h.dtype.type(1), h.dtype.type(0)
    if activation == TANH:
        for j in range(h.size):
            delta[j] = adjoint[j] * (one - h[j] * h[j])
    elif activation == SIGMOID:
        for j in range(h.size):
            delta[j] = adjoint[j] * ((one - h[j]) * h[j])
    elif activation == RELU:
        for j in range(h.size):
            delta[j] = adjoint[j] * (one if h[j] > zero else zero)
    else:
        for j in range(h.size):
            delta[j] = adjoint[j]


@kernel
def forward(
    activation: int,
    address: int,
    weights: Matrices,
    inputs: Array,
    tape: Array,
    bounds: Pair,
    saturated: Array,
) -> None:
    """Run all steps, and take the share of saturated units where there is room."""
    rows, columns, batch = inputs.shape
    hidden = weights[0].shape[0]
    read = inputs.reshape(rows, columns * batch)
    for t in range(rows - 1):
        multiply(address, weights[0], inputs[t], inputs[t + 1, :hidden])  # (1)
        h = read[t + 1][: hidden * batch]
        activate(activation, h)  # (2)
        if saturated.size:
            saturated[t] = share_outside(h, bounds)


@kernel
def back(
    activation: int,
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
    rows, columns, batch = inputs.shape
    chunk, n = deltas.shape[0] - 1, deltas.shape[1] * batch
    read, adjoint = inputs.reshape(rows, columns * batch), adjoints.reshape(rows, n)
    delta = deltas.reshape(chunk + 1, n)
    for t in range(stop - 1, start - 1, -1):
        slot = t % chunk
        step_back(activation, read[t + 1][:n], adjoint[t + 1], delta[slot])
        multiply(address, turned[0], deltas[slot], adjoints[t])  # (4)
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
    """Sweep each row of a stack back: one adjoint at a time stays in the first-level cache."""
    steps, hidden, batch = slopes.shape
    n = hidden * batch
    slope = slopes.reshape(steps, n)
    for m in range(starts.size):
        adjoint, delta = adjoints[m].reshape(n), deltas[m].reshape(n)
        for row in range(starts[m], stop - 1, -1):
            add_squares(adjoints[m], squares[m, row])
            local = slope[row - 1]
            for j in range(n):
                delta[j] = adjoint[j] * local[j]  # (3)
            multiply(address, turned[0], deltas[m], adjoints[m])  # (4)


NUMBERS: Mapping[str, int] = MappingProxyType(
    {"tanh": TANH, "sigmoid": SIGMOID, "relu": RELU, "identity": IDENTITY}
)

TWINS = tuple(
    Twin(
        tape=(),
        deltas=("a",),
        activation=name,
        forward=partial(forward, number),
        back=partial(back, number),
        stack=stack,
    )
    for name, number in NUMBERS.items()
)
