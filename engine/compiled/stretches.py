"""Many stretches of the way back in one call, as long as nothing has to be decided between them.

Each is swept, measured and added to the weights' gradients just as by a call of its own, so that
the bits are the same. Where a norm leaves the window the call ends before that stretch, which is
then swept again by whoever gives it exponents.

A cell's `back` asks for that where a stretch ends. Called without `Stretches` it is compiled
without: one stretch by itself is measured and added by whoever called.
"""

from engine.arrays import Array
from engine.compiled.kernel import inner
from engine.compiled.norms import squared_norms
from engine.compiled.weight_gradients import add

Sums = tuple[tuple[int, ...], tuple[int, ...], tuple[Array, ...], tuple[Array, ...], Array]
"""Of every product the first of its rows among the deltas, the first row that it read, room for
what one step read, and its gradient; and no powers."""

Measures = tuple[Array, Array, float, float]
"""λ of the output (T+1, H, B), room for squared norms (T+1, B), and the bounds of the window."""

Stretches = tuple[tuple[int, int], Measures, Sums]
"""The rows of the deltas that the first step of a chunk hands to the one before, and the others."""


@inner
def left_by(
    address: int, t: int, stop: int, inputs: Array, deltas: Array, stretches: Stretches
) -> int:
    """Measure a stretch that was swept, and add it to the gradients where all norms are ordinary.

    A stretch begins with a chunk, or where the call's steps do, and ends with either.

    Args:
        address: Of ?gemm.
        t: Its first step.
        stop: Step after the last of the call.
        inputs: What the steps read.
        deltas: Theirs, (chunk + 1, rows, B).
        stretches: See `Stretches`.

    Returns:
        0 where they are, and the sweep goes on; else the step after the last of the stretch, with
        nothing added: that is where the call ends.
    """
    carried, (outputs, squares, low, high), sums = stretches
    chunk = deltas.shape[0] - 1
    end: int = min(t - t % chunk + chunk, stop)
    least, greatest = squared_norms(outputs[t:end], squares[t:end])
    if not (least > low and greatest < high):
        return end
    rows, columns, turned, gradients, no_powers = sums
    for product in range(len(gradients)):
        add(
            address, deltas, rows[product], t % chunk, inputs[t:end], columns[product],
            no_powers, 0.0, turned[product], gradients[product],
        )  # fmt: skip
    first, last = carried
    deltas[chunk, first:last] = deltas[0, first:last]
    return 0
