"""Many stretches of the way back in one call, as long as nothing has to be decided between them.

Each is swept, measured and added to the weights' gradients just as by a call of its own, so that
the bits are the same. Where a norm leaves the window, what goes on is brought back to a norm near 1
and gets exponents, as `LayerBackward` would do it. The call ends before a stretch in which more
than that has to be done, which is then swept again by whoever can: where entries may have been
lost, a sample is exactly zero, or something arrives while there are exponents.

A cell's `back` asks for that where a stretch ends. Called without `Stretches` it is compiled
without: one stretch by itself is measured and added by whoever called.
"""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.kernel import inner
from engine.compiled.near_one import bring_both_near_one, bring_near_one
from engine.compiled.norms import squared_norms
from engine.compiled.weight_gradients import add

Pair = tuple[float, float]
Span = tuple[int, int]

Sums = tuple[tuple[int, ...], tuple[int, ...], tuple[Array, ...], tuple[Array, ...], float, bool]
"""Of every product the first of its rows among the deltas, the first row that it read, room for
what one step read, and its gradient; what counts as zero, see weight_gradients.py; and whether any
gradient is added to."""

Measures = tuple[Array, Array, Pair, Pair]
"""λ of the output (T+1, H, B), room for squared norms (T+1, B), and the bounds of squared norms: of
those that go on as they are, and of those at which no entry can have been lost."""

Scales = tuple[IntArray, IntArray, IntArray, IntArray, Pair, int, int]
"""E that goes on, (B,), changed on the way; room for E of the rows and of their norms, (T+1, B);
what arrives at each state row or −1, (T+1,); the bounds between which squares neither over- nor
underflow; the exponent of nothing; and the state row that nothing goes on through, or −1."""

Kept = tuple[Array, Array, IntArray, Array, Span, Span]
"""Room for a block of deltas, (T+1, H, B), for its squared norms and its exponents, (T+1, B), and
for the squared norms of the deltas on the one path there is, (T, B); and the rows of the block and
of that path. Rooms are empty where nothing is kept."""

Stretches = tuple[Span, Measures, Sums, Scales, Kept]
"""The rows of the deltas that the first step of a chunk hands to the one before, and the others."""


@inner
def arrives(where: IntArray, first: int, stop: int) -> bool:
    """Tell whether anything arrives at state rows first … stop − 1."""
    return bool(where[first:stop].max() >= 0)


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
def brought_back(t: int, carry: Array, measures: Measures, scales: Scales, moved: IntArray) -> bool:
    """Bring row t, and what is carried beside it, to a norm near 1; write the new E to `moved`.

    Returns:
        False, with nothing done, where a squared norm might over- or underflow.
    """
    outputs, squares = measures[0], measures[1]
    exponents, bounds, nothing = scales[0], scales[4], scales[5]
    if carry.shape[0]:
        return bring_both_near_one(outputs[t], carry, squares[t], bounds, exponents, moved)
    batch = exponents.size
    row = outputs[t : t + 1]
    before, after = exponents.reshape((1, batch)), moved.reshape((1, batch))
    return bring_near_one(row, bounds[0], bounds[1], nothing, before, after)


@inner
def left_by(
    address: int, t: int, stop: int, inputs: Array, deltas: Array, stretches: Stretches
) -> int:
    """Measure a stretch that was swept, add it to the gradients, and bring back what goes on.

    A stretch begins with a chunk, or where the call's steps do, and ends with either.

    Args:
        address: Of ?gemm.
        t: Its first step.
        stop: Step after the last of the call.
        inputs: What the steps read.
        deltas: Theirs, (chunk + 1, rows, B).
        stretches: See `Stretches`.

    Returns:
        0 where that could be done, and the sweep goes on; else the step after the last of the
        stretch, with nothing added: that is where the call ends.
    """
    (first, last), measures, sums, scales, kept = stretches
    outputs, squares, window, sound = measures
    exponents, of_rows, of_norms, where = scales[0], scales[1], scales[2], scales[3]
    chunk = deltas.shape[0] - 1
    end: int = min(t - t % chunk + chunk, stop)
    scaled = exponents.any()
    if scaled and arrives(where, t, end):
        return end
    least, greatest = squared_norms(outputs[t:end], squares[t:end])
    within = least > window[0] and greatest < window[1]
    if not (within or (least > sound[0] and greatest < sound[1])):
        return end
    powers = powers_of(exponents[: exponents.size if scaled else 0], outputs)
    if not np.isfinite(powers).all():
        return end
    slot = t % chunk
    keep(t, deltas[slot : slot + end - t], exponents, kept)
    moved = exponents.copy()
    goes_on = within or t == scales[6]
    if not (goes_on or brought_back(t, deltas[slot, first:last], measures, scales, moved)):
        return end
    rows, columns, turned, gradients, negligible, adds = sums
    for product in range(len(gradients) if adds else 0):
        add(
            address, deltas, rows[product], slot, inputs[t:end], columns[product],
            powers, negligible, turned[product], gradients[product],
        )  # fmt: skip
    of_rows[t:end] = exponents
    of_norms[t:end] = exponents
    exponents[:] = moved
    of_rows[t] = moved
    deltas[chunk, first:last] = deltas[0, first:last]
    return 0
