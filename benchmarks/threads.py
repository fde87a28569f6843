"""A training step on one thread and on two, each with half of the batch (`training.threads`).

What counts is when the step is done, so here it is the wall's clock. What else runs on the machine
then counts too: products that two threads make independently of each other are timed before and
after each turn, and say how much there was to gain. Turns at which that was little do not count.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from benchmarks.peers import CELLS, bound
from benchmarks.sizes import LEARNING_RATE, SIZES, Size
from benchmarks.tables import Row, Table
from engine.bptt.sharded_sweep import ShardedSweep

THREADS = 2
LEAST_BATCH = 16
"""Sequences from which a batch is worth cutting."""

GOAL = 1.85
SECONDS = 0.05
"""Of one side of a pair: short, so that many turns are undisturbed."""

UNDISTURBED = 1.7
"""What two threads gain on independent products before and after a turn that counts."""

MOST_TRIES = 4
"""Turns for each that is asked for, until enough are undisturbed."""

PRODUCTS = 4
"""Of 512 x 512 matrices: some ten milliseconds."""

Program = Callable[[], object]


class Turn(NamedTuple):
    """Seconds of a step on one thread and on two, and how much two threads had to gain."""

    one: float
    two: float
    machine: float


def one_thread(size: Size, cell: str) -> Program:
    """Return a training step on one thread."""
    sweep, batch = bound(size, cell, size.data())
    network = sweep.network

    def step() -> None:
        sweep.forward(batch, "mean_squared_error")
        sweep.backward()
        network.flat -= LEARNING_RATE * network.gradient
        network.outdate()

    return step


def two_threads(size: Size, cell: str) -> Program:
    """Return the same step on two."""
    whole, batch = bound(size, cell, size.data())
    network = whole.network
    sweep = ShardedSweep(network, length=size.length, batch=size.batch, shards=THREADS)

    def step() -> None:
        sweep.forward_and_back(batch, "mean_squared_error")
        network.flat -= LEARNING_RATE * network.gradient
        network.outdate()

    return step


def at_hand() -> Callable[[], float]:
    """Return what makes two products, one after the other, and says how much faster two do it."""
    left = np.random.default_rng(0).standard_normal((512, 512), np.float32)
    rooms = np.empty_like(left), np.empty_like(left)
    threads = ThreadPoolExecutor(1)

    def multiply(room: np.ndarray) -> None:
        for _ in range(PRODUCTS):
            np.dot(left, left, room)

    def gain() -> float:
        start = time.perf_counter()
        multiply(rooms[0])
        multiply(rooms[1])
        middle = time.perf_counter()
        other = threads.submit(multiply, rooms[1])
        multiply(rooms[0])
        other.result()
        return (middle - start) / (time.perf_counter() - middle)

    return gain


def _seconds(program: Program, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        program()
    return (time.perf_counter() - start) / count


def turns_of(
    programs: tuple[Program, Program], machine: Callable[[], float], rounds: int
) -> list[Turn]:
    """Return turns of both: undisturbed ones, or where those are too few the least disturbed."""
    for program in programs:
        program()  # binds, and compiles
    count = max(1, round(SECONDS / _seconds(programs[0], 1)))
    turns: list[Turn] = []
    while len(turns) < MOST_TRIES * rounds:
        before = machine()
        order = (0, 1) if len(turns) % 2 == 0 else (1, 0)
        found = {side: _seconds(programs[side], count) for side in order}
        turns.append(Turn(found[0], found[1], min(before, machine())))
        if sum(turn.machine >= UNDISTURBED for turn in turns) >= rounds:
            break
    return sorted(turns, key=lambda turn: -turn.machine)[:rounds]


def measure(rounds: int) -> list[Row]:
    """Return a row for each size and cell."""
    rows: list[Row] = []
    machine = at_hand()
    machine()
    for size in (size for size in SIZES if size.batch >= LEAST_BATCH):
        for cell in (cell for cell in CELLS if cell != "relu"):  # a tanh network's step
            turns = turns_of((one_thread(size, cell), two_threads(size, cell)), machine, rounds)
            rows.append(
                {
                    "size": size.name,
                    "batch": size.batch,
                    "length": size.length,
                    "hidden": size.hidden,
                    "cell": cell,
                    "one_ms": 1e3 * statistics.median(turn.one for turn in turns),
                    "two_ms": 1e3 * statistics.median(turn.two for turn in turns),
                    "ratio": statistics.median(turn.one / turn.two for turn in turns),
                    "machine": statistics.median(turn.machine for turn in turns),
                    "goal": GOAL,
                }
            )
    return rows


TABLE = Table(
    name="threads",
    measure=measure,
    columns={
        "size": "{size}",
        "B": "{batch}",
        "T": "{length}",
        "H": "{hidden}",
        "cell": "{cell}",
        "one thread ms": "{one_ms:.2f}",
        "two threads ms": "{two_ms:.2f}",
        "ratio": "{ratio:.2f}",
        "machine": "{machine:.2f}",
        "goal": "{goal}",
    },
    clock="wall seconds, medians of alternated turns",
)
