"""How a training step with its norms grows with T, B, H and layers S; and the matrix with T.

One quantity is doubled again and again, all else fixed. The exponent is the slope of log time
over log size between the last two, where calls no longer weigh. The layers above the first read H
units where that reads two numbers, and the loss is at the last step: what they hand down vanishes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks import matrix, peers
from benchmarks.paired import timed
from benchmarks.sizes import LEARNING_RATE, SEED, SIZES, Size
from benchmarks.tables import Row, Table
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.tasks.base import Batch

ADDING = next(size for size in SIZES if size.name == "adding")

GROWN: Mapping[str, tuple[Callable[[int], Size], Sequence[int], float]] = {
    "T": (lambda n: replace(ADDING, length=n), (100, 200, 400, 800), 1.1),
    "B": (lambda n: replace(ADDING, batch=n), (16, 32, 64, 128), 1.0),
    "H": (lambda n: replace(ADDING, hidden=n), (64, 128, 256), 2.0),
}
"""What grows -> how a size is made, its sizes, and the exponent that is not to be passed."""

MATRIX = (50, 100, 200), 2.1
"""T of the matrix, and its exponent: 2, and 0.1 for what grows faster in a small cache."""


LAYERS = (1, 2, 4), 1.3
"""S, and its exponent: 1, and what a layer above takes more of than the first."""


def _step(size: Size) -> peers.Program:
    return peers.ours(size, "tanh", size.data())


def _stacked(layers: int) -> peers.Program:
    """Return a step of a network of several layers, drawn as PyTorch draws its weights."""
    bound = ADDING.hidden**-0.5
    network = Network(
        make_cell("elman", "tanh"), inputs=2, hidden=ADDING.hidden, layers=layers, outputs=1
    )
    rng = np.random.default_rng(SEED)
    network.load(
        {n: rng.uniform(-bound, bound, shape) for n, shape in network.parameter_shapes.items()}
    )
    sweep = Sweep(network, length=ADDING.length, batch=ADDING.batch)
    inputs, targets = ADDING.data()
    mask = np.zeros(targets.shape[:2], bool)
    mask[-1] = True
    batch = Batch(inputs, targets, mask)

    def step() -> object:
        sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        network.flat -= LEARNING_RATE * network.gradient
        network.prepare()
        return sweep.log10_hidden_norms

    return step


def _matrix(size: Size) -> peers.Program:
    return matrix.ours(size, size.data())[0]


def measure(rounds: int) -> list[Row]:
    """Return a row for each quantity."""
    rows = []
    for symbol, (of, sizes, bound) in GROWN.items():
        programs = [_step(of(each)) for each in sizes]
        rows.append(_row("a step", symbol, sizes, bound, [timed(p, rounds) for p in programs]))
    layers, bound = LAYERS
    programs = [_stacked(each) for each in layers]
    rows.append(_row("a step", "S", layers, bound, [timed(p, rounds) for p in programs]))
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
