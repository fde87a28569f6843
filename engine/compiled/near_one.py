"""Adjoints brought back to a norm near 1, by powers of two, while they are at hand; and when."""

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

    Those whose exponent is `nothing` are zero, and stay so. A row is brought back while it lies in
    the first-level cache.

    Returns:
        False where a squared norm is not between `least` and `most`: then that row, and those
        after it, are as they were.
    """
    rows, _, batch = adjoints.shape
    squares, powers = np.empty(batch, adjoints.dtype), np.empty(batch, adjoints.dtype)
    for m in range(rows):
        squares[:] = 0
        add_squares(adjoints[m], squares)
        for b in range(batch):
            if not least < squares[b] < most and exponents[m, b] != nothing:
                return False
        for b in range(batch):
            moved = math.frexp(squares[b])[1] >> 1
            out[m, b] = exponents[m, b] + moved
            powers[b] = math.ldexp(1.0, -moved)
        for h in range(adjoints.shape[1]):
            values = adjoints[m, h]
            for b in range(batch):
                values[b] *= powers[b]
    return True


@kernel
def bring_both_near_one(
    row: Array, other: Array, squares: Array, bounds: tuple[float, float],
    exponents: IntArray, out: IntArray,
) -> bool:  # fmt: skip
    """Multiply two rows (H, B) by the same powers of two, that bring the longer of them near 1.

    Args:
        row: Of squared norms `squares` (B,).
        other: As the row.
        squares: Of the row.
        bounds: Between these the larger squared norm has to be.
        exponents: That both are stored with, (B,).
        out: Their new exponents, (B,).

    Returns:
        False where a squared norm is beyond the bounds: then all is as it was.
    """
    least, most = bounds
    own, powers = np.zeros_like(squares), np.empty_like(squares)
    add_squares(other, own)
    for b in range(own.size):
        own[b] = squares[b] if squares[b] > own[b] else own[b]
        if not least < own[b] < most or np.isnan(squares[b]):
            return False
    for b in range(own.size):
        moved = math.frexp(own[b])[1] >> 1
        out[b] = exponents[b] + moved
        powers[b] = math.ldexp(1.0, -moved)
    for part in (row, other):
        for h in range(part.shape[0]):
            values = part[h]
            for b in range(powers.size):
                values[b] *= powers[b]
    return True


@kernel
def norms_stay(
    squares: Array,
    row: int,
    checked: int,
    sound: tuple[float, float],
    window: tuple[float, float],
) -> tuple[bool, bool]:
    """Tell whether adjoints have kept their entries, and whether their norms are still in a window.

    Args:
        squares: Their squared norms by state row, (m, T+1, B); 0 above where one has joined.
        row: The state row passed last.
        checked: The state row, at or above it, from which the norms have not been looked at.
        sound: Between these no square has lost a term that counts.
        window: Between these a norm goes on as it is.

    Returns:
        Whether none that began finite has been unsound since it joined; whether all but exact
        zeros are within the window at `row`.
    """
    kept, within = True, True
    least, most = squares.dtype.type(sound[0]), squares.dtype.type(sound[1])
    low, high = squares.dtype.type(window[0]), squares.dtype.type(window[1])
    for m in range(squares.shape[0]):
        doubtful = np.int32(0)
        for t in range(row, checked + 1):
            own = squares[m, t]
            for b in range(own.size):
                doubtful |= np.int32(not least < own[b] < most)
        for b in range(squares.shape[2] if doubtful else 0):
            largest = squares[m, checked, b]
            began = np.isfinite(largest)
            for t in range(checked, row - 1, -1):
                square = squares[m, t, b]
                if not (square <= largest or np.isnan(largest)):
                    largest = square
                kept &= least < square < most or not (began and largest > 0)
        last = squares[m, row]
        for b in range(last.size):
            within &= low < last[b] < high or last[b] == 0
    return kept, within
