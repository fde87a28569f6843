"""What arrives at state rows from outside, added on the way back or where a stretch ends.

    λ_t = W_hᵀ δ_t + carried + arriving_t                          (2)

This is the last term; the number is that of engine/bptt/backward.py. A sweep stores its adjoints
with one exponent E for each sample, and what arrives has exponents of its own. Within a stretch it
is brought to E. At the row where a stretch ends the two are joined: both are brought to the larger
exponent, after the sweep's own has been taken from its size.
"""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.arguments import Arrived
from engine.compiled.kernel import inner, kernel, rounding
from engine.compiled.norms import add_squares


@inner
def has_exponents(arrived: Arrived) -> bool:
    """Tell whether the sweep, or what arrives, is stored with exponents."""
    _, _, _, theirs, own, _, _ = arrived
    found = theirs.shape[0] > 0
    for b in range(own.size):  # after every step: `any` would take longer
        found |= own[b] != 0
    return bool(found)


@inner
def ends_at(t: int, start: int, arrived: Arrived) -> bool:
    """Tell whether a stretch of a sweep down to `start` ends with row t."""
    _, _, _, _, _, _, cuts = arrived
    return bool(t % cuts[0] == 0 or t == start)


@inner
def join(t: int, ends: bool, arrived: Arrived, adjoint: Array) -> None:
    """Add what arrives at row t to a row of adjoints (H·B,), as the sweep is stored.

    Where there are exponents, the row at which a stretch ends is left to `settle`.
    """
    _, _, where, _, own, _, _ = arrived
    if where[t] < 0:
        return
    if not has_exponents(arrived):
        arrive(t, arrived, adjoint)
    elif not ends:
        powers = powers_between(exponents_of(t, arrived), own, adjoint)
        arrive_scaled(t, arrived, powers, adjoint)


@rounding
def arrive(t: int, arrived: Arrived, adjoint: Array) -> None:
    """Add what arrives at row t to a row of adjoints (H·B,), stored as it is.

    Every product is rounded before it is added, as NumPy does.
    """
    values, weight, where, _, _, _, _ = arrived
    which, batch = where[t], values.shape[2]
    if weight.size == 0:
        whole = values[which].reshape(adjoint.size)
        for j in range(adjoint.size):
            adjoint[j] += whole[j]  # (2)
        return
    for h in range(weight.size):
        own, row, factor = adjoint[h * batch : (h + 1) * batch], values[which, 0], weight[h]
        for b in range(batch):
            own[b] += factor * row[b]  # (2)


@rounding
def arrive_scaled(t: int, arrived: Arrived, powers: Array, adjoint: Array) -> None:
    """Add what arrives at row t, times a power of two for each sample (B,)."""
    values, weight, where, _, _, _, _ = arrived
    which, batch, one = where[t], values.shape[2], adjoint.dtype.type(1)
    for h in range(adjoint.size // batch):
        own = adjoint[h * batch : (h + 1) * batch]
        row = values[which, 0 if weight.size else h]
        factor = weight[h] if weight.size else one
        for b in range(batch):
            own[b] += factor * row[b] * powers[b]  # (2)


@inner
def exponents_of(t: int, arrived: Arrived) -> IntArray:
    """Return E of what arrives at row t, (B,); of zeros that of nothing."""
    values, weight, where, theirs, own, nothing, _ = arrived
    found = np.full_like(own, nothing)
    if theirs.shape[0]:
        found[:] = theirs[t]
        return found
    for h in range(max(values.shape[1], weight.size)):
        row = values[where[t], 0 if weight.size else h]
        for b in range(found.size):
            value = weight[h] * row[b] if weight.size else row[b]
            found[b] = nothing if value == 0 and found[b] == nothing else 0
    return found


@inner
def powers_between(of: IntArray, to: IntArray, like: Array) -> Array:
    """Return 2^(of − to), (B,), in the type of `like`: what brings numbers from E to another."""
    powers = np.empty(of.size, like.dtype)
    for b in range(of.size):
        powers[b] = math.ldexp(1.0, of[b] - to[b])
    return powers


@inner
def outweighs(first: int, t: int, arrived: Arrived, above: int) -> bool:
    """Tell whether anything that arrives between two rows has an exponent far beyond the sweep's.

    Args:
        first: The rows are first + 1 … t − 1.
        t: The row that the sweep has come to.
        arrived: What arrives.
        above: Powers of two by which it must exceed the sweep's.
    """
    _, _, where, _, own, nothing, _ = arrived
    for row in range(t - 1, first, -1):
        if where[row] >= 0:
            found = exponents_of(row, arrived)
            for b in range(own.size):
                if found[b] != nothing and found[b] > own[b] + above:
                    return True
    return False


@inner
def size_of(part: Array, nothing: int, sizes: IntArray) -> None:
    """Raise sizes (B,) to the exponents of the largest numbers of a part (H, B)."""
    for b in range(sizes.size):
        largest = abs(part[0, b])
        for h in range(1, part.shape[0]):
            value = abs(part[h, b])
            if value > largest or np.isnan(value):
                largest = value
        own = nothing if largest == 0 else 0
        if largest != 0 and np.isfinite(largest):
            own = math.frexp(largest)[1]
        sizes[b] = max(sizes[b], own)


@inner
def shift(part: Array, exponents: IntArray) -> None:
    """Multiply a part (H, B) by 2^exponents, (B,), as far as that is a number."""
    for b in range(exponents.size):
        power = part.dtype.type(math.ldexp(1.0, exponents[b]))
        for h in range(part.shape[0]):
            value = part[h, b]
            if np.isinf(power):
                part[h, b] = math.ldexp(value, exponents[b])
            else:
                part[h, b] = value * power


@kernel
def settle(
    t: int,
    joins: bool,
    row: Array,
    beside: Array,
    arrived: Arrived,
    out: IntArray,
    squares: Array,
    of_norm: IntArray,
) -> None:
    """Bring what goes on from row t to a norm near 1, join what arrives, and measure the sum.

    Args:
        t: The state row.
        joins: Whether anything arrives there that is not in the row yet.
        row: λ of the output there, (H, B).
        beside: What is carried beside it, (n, B); n may be 0.
        arrived: What arrives, and E that row and carry are stored with.
        out: Their new E, (B,).
        squares: Squared norms of the sum, near 1, (B,).
        of_norm: E that these are stored with, (B,).
    """
    _, _, _, _, exponents, nothing, _ = arrived
    sizes = np.full_like(exponents, nothing)
    size_of(row, nothing, sizes)
    if beside.shape[0]:
        size_of(beside, nothing, sizes)
    arriving = np.full_like(sizes, nothing)
    if joins:
        arriving = exponents_of(t, arrived)
    for b in range(sizes.size):
        own = nothing if sizes[b] == nothing else exponents[b] + sizes[b]
        out[b] = max(own, arriving[b])
        sizes[b] = exponents[b] - out[b]
    shift(row, sizes)
    shift(beside, sizes)
    if joins:
        arrive_scaled(t, arrived, powers_between(arriving, out, row), row.reshape(row.size))
    sizes[:] = nothing
    size_of(row, nothing, sizes)
    near = row.copy()
    for b in range(sizes.size):
        sizes[b] = 0 if sizes[b] == nothing else -sizes[b]
        of_norm[b] = out[b] - sizes[b]
        squares[b] = 0
    shift(near, sizes)
    add_squares(near, squares)
