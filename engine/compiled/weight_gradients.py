"""Gradients of a layer's weights, step by step.

    ∂/∂W = Σ_t Σ_b δ_t ⊗ what the product read, mostly [h_{t-1}; x_t; 1]  (1)

One product for each step, added up in place, is as fast as one product over many steps: its
operands lie in the second-level cache. What was read is the smaller of the two, and is turned
round first: OpenBLAS multiplies without packing only where no operand is transposed, and that is
worth a tenth more than the copy costs.
"""

from typing import Any

import numpy as np

from engine.arrays import Array
from engine.compiled.kernel import inner, kernel
from engine.compiled.products import product

Number = np.floating[Any]


@inner
def drop_unfelt(read: Array, powers: Array, least: Number, out: Array) -> None:
    """Write powers (B,) to `out`, 0 where nothing that was read is more than `least` times it.

    No number is multiplied for that: it would be subnormal.
    """
    bounds, beyond = least / powers, np.zeros(powers.size, np.int32)
    for step in range(read.shape[0]):
        for k in range(read.shape[1]):
            values = read[step, k]
            for b in range(powers.size):
                beyond[b] |= not np.abs(values[b]) <= bounds[b]  # NaN is felt
    for b in range(powers.size):
        out[b] = powers[b] if beyond[b] else least * 0


@inner
def scale(turned: Array, powers: Array, least: Number) -> bool:
    """Multiply rows (B, K) by their powers (B,); what is no more than `least` then becomes 0.

    Returns:
        Whether anything is left.
    """
    felt, nothing = np.int32(0), least * 0
    for b in range(powers.size):
        row, power = turned[b], powers[b]
        for k in range(row.size):
            value = row[k] * power
            small = np.abs(value) <= least
            row[k] = nothing if small else value
            felt |= np.int32(not small)
    return bool(felt)


@kernel
def add(
    address: int,
    deltas: Array,
    row: int,
    slot: int,
    read: Array,
    column: int,
    powers: Array,
    negligible: float,
    turned: Array,
    gradient: Array,
) -> None:
    """Add the steps of `read`, (n, K, B), whose deltas start in row `slot`.

    Σ_t (δ_t 2^E) ⊗ s = Σ_t δ_t ⊗ (s 2^E), and s is turned round anyway. A product of subnormal
    numbers is 100 times slower, and no update can feel them: what is negligible counts as zero,
    and a step at which all is adds nothing.

    Args:
        address: Of ?gemm.
        deltas: (chunk + 1, rows, B).
        row: The first of the deltas' rows that return through this product.
        slot: Where the first step's deltas lie.
        read: What the product read, and maybe more before it.
        column: The first row of `read` that the product did read.
        powers: 2^E of each sample that the deltas are stored with, (B,); none where all E are 0.
        negligible: Where 2^E times what was read is no larger, it counts as zero.
        turned: Room for what one step read, (B, K).
        gradient: (G, K), added to.
    """
    rows, columns = gradient.shape
    batch = read.shape[2]
    least = read.dtype.type(negligible)
    own = powers
    if powers.size and powers.min() <= least:
        own = np.empty_like(powers)
        drop_unfelt(read, powers, least, own)
        if not own.any():
            return
    for step in range(read.shape[0]):
        for k in range(columns):
            values = read[step, column + k]
            for b in range(batch):
                turned[b, k] = values[b]
        if powers.size == 0 or scale(turned, own, least):
            product(address, deltas[slot + step, row : row + rows], turned, 1, gradient)  # (1)


@kernel
def add_members(
    deltas: Array, row: int, slot: int, read: Array, column: int, few: Array, total: Array
) -> None:
    """Add those of an ensemble whose members have one sample each, one step after the other.

    The steps are added last first, each by itself: their sum does not depend on how they are cut
    into stretches. The deltas of a few rows are copied first: where they are, those of one row lie
    a multiple of 4096 bytes apart from step to step, and would push each other out of the
    first-level cache.

    Args:
        deltas: (chunk + 1, rows, S).
        row: The first of the deltas' rows that return through this product.
        slot: Where the first step's deltas lie.
        read: What the product read, and maybe more before it, (n, K, S).
        column: The first row of `read` that the product did read.
        few: Room for the deltas of a few rows, (rows, n at least, S).
        total: (G, K, S), added to.
    """
    rows, columns, members = total.shape
    steps = read.shape[0]
    for first in range(0, rows, few.shape[0]):
        height = min(few.shape[0], rows - first)
        for r in range(height):
            for step in range(steps):
                few[r, step] = deltas[slot + step, row + first + r]
        for k in range(columns):
            for r in range(height):
                own = total[first + r, k]
                for step in range(steps - 1, -1, -1):
                    delta, value = few[r, step], read[step, column + k]
                    for s in range(members):
                        own[s] += delta[s] * value[s]  # (1)
