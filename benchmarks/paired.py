"""Two programs timed by turns in one process."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 9
"""Pairs of a measurement; the median of nine shrugs off four disturbed ones."""

SECONDS = 0.25
"""CPU time of one side of a pair: some tens of steps."""

WARM_UP = 5


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What one comparison measured, in CPU seconds a step.

    Attributes:
        ratios: Theirs over ours, one for each pair.
    """

    ours: float
    theirs: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the paired ratios."""
        return statistics.median(self.ratios)


def measure(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS
) -> Paired:
    """Alternate the two and return medians."""
    return measure_all(ours, [theirs], rounds)[0]


def measure_all(
    ours: Callable[[], object], rivals: Sequence[Callable[[], object]], rounds: int = ROUNDS
) -> list[Paired]:
    """Take turns, and return medians of us beside each rival.

    CPU time is counted, not the wall's: other programs on the machine then disturb the caches
    alone. Every side has one thread.
    """
    programs = [ours, *rivals]
    counts = [_warm(program) for program in programs]
    turns = []
    gc.collect()
    for turn in range(rounds):
        # Who goes first changes, so that a drift of the clock favours nobody.
        order = range(len(programs)) if turn % 2 == 0 else range(len(programs) - 1, -1, -1)
        seconds = [0.0] * len(programs)
        for side in order:
            seconds[side] = _time(programs[side], counts[side])
        turns.append(seconds)
    return [
        Paired(
            ours=statistics.median(seconds[0] for seconds in turns),
            theirs=statistics.median(seconds[side] for seconds in turns),
            ratios=tuple(seconds[side] / seconds[0] for seconds in turns),
        )
        for side in range(1, len(programs))
    ]


def timed(program: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median CPU time of a step of one program alone."""
    count = _warm(program)
    return statistics.median(_time(program, count) for _ in range(rounds))


def _warm(program: Callable[[], object]) -> int:
    """Return how many steps fill one side of a pair; the first are slow, and not counted.

    The very first loads or compiles code, which may take longer than a whole side.
    """
    program()
    if _time(program, 1) > SECONDS:
        return 1
    for _ in range(WARM_UP):
        program()
    return max(3, round(SECONDS / max(_time(program, WARM_UP), 1e-6)))


def _time(program: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        program()
    return (time.process_time() - start) / count
