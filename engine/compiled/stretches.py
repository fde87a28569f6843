"""Many stretches of the way back in one call, as long as nothing has to be decided between them.

A stretch is a run of steps of one chunk that is swept before anybody looks at its norms. Each is
swept, measured and added to the weights' gradients just as by a call of its own, so that the bits
are the same. Where something arrives while there are exponents, or a norm leaves the window, what
goes on is brought back to a norm near 1 and gets exponents, as by `LayerBackward`. The call ends
before a stretch in which something arrives that outweighs all, and where one has to be swept again:
in shorter pieces, since entries may have been lost, or by whoever can, since a power of two is
beyond the numbers.

A cell's `back` asks for that where a stretch ends. Called without `Stretches` it is compiled
without: one stretch by itself is measured and added by whoever called.
"""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.arguments import Arrived, Kept, Matrices, Measures, Pair, Scales, Stretches
from engine.compiled.arrivals import has_exponents, outweighs, settle
from engine.compiled.kernel import inner, kernel
from engine.compiled.near_one import bring_both_near_one, bring_near_one
from engine.compiled.norms import squared_norms
from engine.compiled.products import add_to, multiply
from engine.compiled.weight_gradients import add

LOST, DOUBTFUL, SOUND, WITHIN = range(4)
"""What the norms of a stretch say of it, see `measured`."""


@kernel
def hand_down(
    address: int, deltas: Array, slot: int, matrices: Matrices, rows: tuple[int, ...],
    out: Array,
) -> None:  # fmt: skip
    """Write ∂/∂x = W_xᵀ δ, numbered as in engine/bptt/backward.py.

    Args:
        address: Of ?gemm.
        deltas: (chunk + 1, rows, B).
        slot: Where the first step's deltas lie.
        matrices: W_xᵀ of every product that reads x.
        rows: The first of the deltas' rows that return through each of them.
        out: Of some steps, (n, D, B).
    """
    for step in range(out.shape[0]):
        own = deltas[slot + step]
        for product in range(len(matrices)):
            matrix, row = matrices[product], rows[product]
            returned = own[row : row + matrix.shape[1]]
            if product == 0:
                multiply(address, matrix, returned, out[step])  # (3)
            else:
                add_to(address, matrix, returned, out[step])  # (3)


@inner
def powers_of(exponents: IntArray, like: Array) -> Array:
    """Return 2^E (B,) in the type of `like`."""
    powers = np.empty(exponents.size, like.dtype)
    for b in range(exponents.size):
        powers[b] = math.ldexp(1.0, exponents[b])
    return powers


@inner
def keep(t: int, deltas: Array, exponents: IntArray, kept: Kept) -> None:
    """Keep what the deltas of steps from t on, (n, rows, B), carry, and the norms of their path."""
    rows, squares, of_rows, of_path, block, path = kept
    end = t + deltas.shape[0]
    if rows.shape[0]:
        rows[t:end] = deltas[:, block[0] : block[1]]
        squared_norms(rows[t:end], squares[t:end])
    if of_rows.shape[0]:
        of_rows[t:end] = exponents
    if of_path.shape[0]:
        squared_norms(deltas[:, path[0] : path[1]], of_path[t:end])


@inner
def lost(squares: Array, sound: Pair) -> bool:
    """Tell whether a sample that was alive at the last row may have lost entries at one before."""
    least, most = squares.dtype.type(sound[0]), squares.dtype.type(sound[1])
    last = squares.shape[0] - 1
    for b in range(squares.shape[1]):
        if squares[last, b] > 0 and np.isfinite(squares[last, b]):
            for row in range(last):
                if not least <= squares[row, b] < most:
                    return True
    return False


@inner
def least_positive(squares: Array) -> float:
    """Return the least number that is more than zero, 1 at most."""
    found = 1.0
    for row in range(squares.shape[0]):
        for b in range(squares.shape[1]):
            value = squares[row, b]
            if value > 0:  # which what is no number is not
                found = min(found, value)
    return found


@inner
def measured(t: int, end: int, measures: Measures, scales: Scales, cuts: IntArray) -> int:
    """Take the squared norms of a stretch, and decide how many steps the next may have.

    Args:
        t: Its first step.
        end: Step after its last.
        measures: See `Measures`.
        scales: See `Scales`.
        cuts: How the sweep is cut, see `Arrived`.

    Returns:
        LOST where entries may have been lost; else WITHIN where every norm may go on as it is,
        SOUND where every norm is what it says, and DOUBTFUL.
    """
    outputs, squares, window, sound = measures
    _, _, _, longest, spare, _, _ = scales
    least, greatest = squared_norms(outputs[t:end], squares[t:end])
    within = least > window[0] and greatest < window[1]
    surely = within or (least > sound[0] and greatest < sound[1])
    if not surely and end - t > 1 and lost(squares[t : end + 1], sound):
        cuts[0] = 1
        while 2 * cuts[0] < end - t:
            cuts[0] *= 2
        return LOST
    if cuts[0] < longest and least_positive(squares[t:end]) > spare:
        cuts[0] *= 2
    if within and cuts[0] == longest:
        return WITHIN
    return SOUND if surely else DOUBTFUL


@inner
def brought_back(
    t: int,
    state: int,
    carry: Array,
    measures: Measures,
    arrived: Arrived,
    scales: Scales,
    moved: IntArray,
) -> bool:
    """Bring row t, and what is carried beside it, to a norm near 1 where it has to be.

    Args:
        t: The state row.
        state: What the norms say, see `measured`.
        carry: What is carried beside the row, (n, B); n may be 0.
        measures: See `Measures`.
        arrived: What arrives.
        scales: See `Scales`.
        moved: E, (B,), afterwards the new one.

    Returns:
        False, with nothing done, where a squared norm might over- or underflow.
    """
    outputs, squares, _, _ = measures
    _, of_norms, bounds, _, _, _, _ = scales
    _, _, where, _, exponents, nothing, _ = arrived
    joins = where[t] >= 0 and has_exponents(arrived)
    if state == WITHIN and not joins:
        return True
    if joins or state == DOUBTFUL:
        settle(t, joins, outputs[t], carry, arrived, moved, squares[t], of_norms[t])
        return True
    if carry.shape[0]:
        return bring_both_near_one(outputs[t], carry, squares[t], bounds, exponents, moved)
    batch = exponents.size
    row = outputs[t : t + 1]
    before, after = exponents.reshape((1, batch)), moved.reshape((1, batch))
    return bring_near_one(row, bounds[0], bounds[1], nothing, before, after)


@inner
def left_by(
    address: int,
    t: int,
    start: int,
    inputs: Array,
    deltas: Array,
    arrived: Arrived,
    stretches: Stretches,
) -> int:
    """Measure a stretch that was swept, add it to the gradients, and bring back what goes on.

    A stretch begins with a chunk, or where the call's steps do, and ends with either.

    Args:
        address: Of ?gemm.
        t: The first step of the stretch.
        start: The first step of the call.
        inputs: What the steps read, (T+1, K, B).
        deltas: Theirs, (chunk + 1, rows, B).
        arrived: What arrives, and E that goes on, changed on the way.
        stretches: See `Stretches`.

    Returns:
        0 where that could be done, and the sweep goes on; else the step after the last one that is
        left to do: that of this stretch, with nothing added, where it has to be swept again, or t
        itself, where the next has to be cut. That is where the call ends.
    """
    carried, measures, sums, scales, kept, handed = stretches
    of_rows, of_norms, _, _, _, above, wall = scales
    _, _, _, _, exponents, _, cuts = arrived
    chunk = deltas.shape[0] - 1
    slot = t % chunk
    span: int = cuts[0]
    end: int = cuts[1]
    powers = powers_of(exponents[: exponents.size if exponents.any() else 0], measures[0])
    if not np.isfinite(powers).all():
        return end
    state = measured(t, end, measures, scales, cuts)
    if state == LOST:
        return end
    keep(t, deltas[slot : slot + end - t], exponents, kept)
    of_rows[t:end] = exponents
    of_norms[t:end] = exponents
    moved, carry = exponents.copy(), deltas[slot, carried[0] : carried[1]]
    if t != wall and not brought_back(t, state, carry, measures, arrived, scales, moved):
        cuts[0] = span
        return end
    rows, columns, turned, gradients, negligible, adds = sums
    for product in range(len(gradients) if adds else 0):
        add(
            address, deltas, rows[product], slot, inputs[t:end], columns[product],
            powers, negligible, turned[product], gradients[product],
        )  # fmt: skip
    room, of_room, matrices, through = handed
    if room.shape[0]:
        hand_down(address, deltas, slot, matrices, through, room[t + 1 : end + 1])
        of_room[t + 1 : end + 1] = exponents
    exponents[:] = moved
    of_rows[t] = moved
    if slot == 0:
        deltas[chunk, carried[0] : carried[1]] = deltas[0, carried[0] : carried[1]]
    cuts[1] = t
    first = max((t - 1) // cuts[0] * cuts[0], start)
    if t > start and has_exponents(arrived) and outweighs(first, t, arrived, above):
        return t
    return 0
