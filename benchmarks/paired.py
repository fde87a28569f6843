"""Two programs timed by turns in one process."""

import gc
import statistics
import time
from collections.abc import Callable
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
    """Alternate the two and return medians.

    CPU time is counted, not the wall's: other programs on the machine then disturb the caches
    alone. Both sides have one thread.
    """
    counts = [_warm(program) for program in (ours, theirs)]
    pairs = []
    gc.collect()
    for turn in range(rounds):
        # Who goes first changes, so that a drift of the clock favours nobody.
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        seconds = [0.0, 0.0]
        for side in order:
            seconds[side] = _time((ours, theirs)[side], counts[side])
        pairs.append(seconds)
    return Paired(
        ours=statistics.median(mine for mine, _ in pairs),
        theirs=statistics.median(other for _, other in pairs),
        ratios=tuple(other / mine for mine, other in pairs),
    )


def _warm(program: Callable[[], object]) -> int:
    for _ in range(WARM_UP):
        program()
    return max(3, round(SECONDS / max(_time(program, WARM_UP), 1e-6)))


def _time(program: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        program()
    return (time.process_time() - start) / count
