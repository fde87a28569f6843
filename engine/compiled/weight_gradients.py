"""Gradients of a layer's weights, step by step: Σ_t δ_t ⊗ [h_{t-1}; x_t; 1].

One product for each step, added up in place, is as fast as one product over many steps: its
operands lie in the second-level cache. What was read is the smaller of the two, and is turned
round first: OpenBLAS multiplies without packing only where no operand is transposed, and that is
worth a tenth more than the copy costs.
"""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.kernel import kernel
from engine.compiled.products import product


@kernel
def add(
    address: int,
    deltas: Array,
    row: int,
    slot: int,
    read: Array,
    column: int,
    turned: Array,
    gradient: Array,
) -> None:
    """Add the steps of `read`, (n, K, B), whose deltas start in row `slot`.

    Args:
        address: Of ?gemm.
        deltas: (chunk + 1, rows, B).
        row: The first of the deltas' rows that return through this product.
        slot: Where the first step's deltas lie.
        read: What the product read, and maybe more before it.
        column: The first row of `read` that the product did read.
        turned: Room for what one step read, (B, K).
        gradient: (G, K), added to.
    """
    rows, columns = gradient.shape
    batch = read.shape[2]
    for step in range(read.shape[0]):
        for k in range(columns):
            values = read[step, column + k]
            for b in range(batch):
                turned[b, k] = values[b]
        product(address, deltas[slot + step, row : row + rows], turned, 1, gradient)


@kernel
def add_members(deltas: Array, row: int, slot: int, read: Array, column: int, total: Array) -> None:
    """Add those of an ensemble whose members have one sample each, one step after the other.

    The steps are added last first, each by itself: their sum does not depend on how they are cut
    into stretches.

    Args:
        deltas: (chunk + 1, rows, S).
        row: The first of the deltas' rows that return through this product.
        slot: Where the first step's deltas lie.
        read: What the product read, and maybe more before it, (n, K, S).
        column: The first row of `read` that the product did read.
        total: (G, K, S), added to.
    """
    rows, columns, members = total.shape
    for r in range(rows):
        for k in range(columns):
            own = total[r, k]
            for step in range(read.shape[0] - 1, -1, -1):
                delta, value = deltas[slot + step, row + r], read[step, column + k]
                for s in range(members):
                    own[s] += delta[s] * value[s]


@kernel
def scale(
    inputs: Array,
    exponents: IntArray,
    range_of_type: tuple[int, int],
    negligible: float,
    out: Array,
) -> bool:
    """Write inputs (n, K, B) times 2^exponents (B,) to `out`; zero where at most `negligible`.

    A product of subnormal numbers is 100 times slower, and no update can feel them.

    Args:
        inputs: What the steps read.
        exponents: E of each sample.
        range_of_type: The least exponent of a normal number, and one more than the largest.
        negligible: What counts as zero.
        out: (n, K, B).

    Returns:
        False, with nothing written, where a power is beyond the largest number.
    """
    steps, columns, batch = inputs.shape
    least, nothing = inputs.dtype.type(negligible), inputs.dtype.type(0)
    lowest, beyond = range_of_type
    powers = np.zeros(batch, inputs.dtype)
    for b in range(batch):
        if exponents[b] >= beyond:
            return False
        if exponents[b] >= lowest:
            powers[b] = math.ldexp(1.0, exponents[b])
    for t in range(steps):
        for k in range(columns):
            for b in range(batch):
                value = inputs[t, k, b] * powers[b]
                out[t, k, b] = value if np.abs(value) > least else nothing
    return True
