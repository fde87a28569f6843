"""Many stretches of the way back in one call, as long as nothing has to be decided between them.

Each is swept, measured and added to the weights' gradients just as by a call of its own, so that
the bits are the same. Where a norm leaves the window the call ends before that stretch, which is
then swept again by whoever gives it exponents.
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


@inner
def start_of(stop: int, bottom: int, deltas: Array) -> int:
    """Return the first step of the stretch that ends before `stop`, and begins with a chunk."""
    chunk = deltas.shape[0] - 1
    first: int = max((stop - 1) // chunk * chunk, bottom)
    return first


@inner
def settled(
    address: int,
    start: int,
    stop: int,
    inputs: Array,
    deltas: Array,
    carried: tuple[int, int],
    measures: Measures,
    sums: Sums,
) -> bool:
    """Measure a stretch that was swept, and add it to the gradients where all norms are ordinary.

    Args:
        address: Of ?gemm.
        start: First step.
        stop: Step after the last.
        inputs: What the steps read.
        deltas: Theirs, (chunk + 1, rows, B).
        carried: The rows of the deltas that the first step of a chunk hands to the one before.
        measures: See `Measures`.
        sums: See `Sums`.

    Returns:
        Whether they are; where not, nothing is added.
    """
    outputs, squares, low, high = measures
    least, greatest = squared_norms(outputs[start:stop], squares[start:stop])
    if not (least > low and greatest < high):
        return False
    chunk = deltas.shape[0] - 1
    rows, columns, turned, gradients, no_powers = sums
    for product in range(len(gradients)):
        add(
            address, deltas, rows[product], start % chunk, inputs[start:stop], columns[product],
            no_powers, 0.0, turned[product], gradients[product],
        )  # fmt: skip
    first, last = carried
    deltas[chunk, first:last] = deltas[0, first:last]
    return True
