"""Adjoints brought back to a norm near 1, by powers of two, in one pass while they are at hand."""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.kernel import kernel
from engine.compiled.norms import add_squares


@kernel
def bring_near_one(
    adjoints: Array, least: float, most: float, nothing: int, exponents: IntArray, out: IntArray
) -> bool:
    """Multiply adjoints (m, H, B) by powers of two, and write their new exponents to `out` (m, B).

    Those whose exponent is `nothing` are zero, and stay so.

    Returns:
        False, with nothing multiplied, where a squared norm is not between `least` and `most`.
    """
    rows, _, batch = adjoints.shape
    squares = np.zeros((rows, batch), adjoints.dtype)
    for m in range(rows):
        add_squares(adjoints[m], squares[m])
        for b in range(batch):
            if not least < squares[m, b] < most and exponents[m, b] != nothing:
                return False
    powers = np.empty(batch, adjoints.dtype)
    for m in range(rows):
        for b in range(batch):
            moved = math.frexp(squares[m, b])[1] >> 1
            out[m, b] = exponents[m, b] + moved
            powers[b] = math.ldexp(1.0, -moved)
        for h in range(adjoints.shape[1]):
            values = adjoints[m, h]
            for b in range(batch):
                values[b] *= powers[b]
    return True
