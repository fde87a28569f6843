"""How a training step with its norms, and the loss-state matrix, grow with T, B and H.

One quantity is doubled again and again, all else fixed. The exponent is the slope of log time
over log size between the last two, where calls no longer weigh.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from benchmarks import matrix, peers
from benchmarks.paired import timed
from benchmarks.sizes import SIZES, Size
from benchmarks.tables import Row, Table

ADDING = next(size for size in SIZES if size.name == "adding")

GROWN: Mapping[str, tuple[Callable[[int], Size], Sequence[int], float]] = {
    "T": (lambda n: replace(ADDING, length=n), (100, 200, 400, 800), 1.1),
    "B": (lambda n: replace(ADDING, batch=n), (16, 32, 64, 128), 1.0),
    "H": (lambda n: replace(ADDING, hidden=n), (64, 128, 256), 2.0),
}
"""What grows -> how a size is made, its sizes, and the exponent that is not to be passed."""

MATRIX = (50, 100, 200), 2.1
"""T of the matrix, and its exponent: 2, and 0.1 for what grows faster in a small cache."""


def _step(size: Size) -> peers.Program:
    return peers.ours(size, "tanh", size.data())


def _matrix(size: Size) -> peers.Program:
    return matrix.ours(size, size.data())[0]


def measure(rounds: int) -> list[Row]:
    """Return a row for each quantity."""
    rows = []
    for symbol, (of, sizes, bound) in GROWN.items():
        programs = [_step(of(each)) for each in sizes]
        rows.append(_row("a step", symbol, sizes, bound, [timed(p, rounds) for p in programs]))
    lengths, bound = MATRIX
    programs = [_matrix(replace(ADDING, length=each)) for each in lengths]
    rows.append(_row("the matrix", "T", lengths, bound, [timed(p, rounds) for p in programs]))
    return rows


def _row(
    what: str, symbol: str, sizes: Sequence[int], bound: float, seconds: Sequence[float]
) -> Row:
    return {
        "what": what,
        "symbol": symbol,
        "sizes": ", ".join(str(size) for size in sizes),
        "milliseconds": ", ".join(f"{1e3 * each:.2f}" for each in seconds),
        "exponent": math.log(seconds[-1] / seconds[-2]) / math.log(sizes[-1] / sizes[-2]),
        "bound": bound,
    }


TABLE = Table(
    name="growth",
    measure=measure,
    columns={
        "what": "{what}",
        "grows": "{symbol} = {sizes}",
        "ms": "{milliseconds}",
        "exponent": "{exponent:.2f}",
        "at most": "{bound}",
    },
)
