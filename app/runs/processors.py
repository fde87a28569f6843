"""Whether there is a processor that nobody uses."""

import os
from pathlib import Path
from typing import Final

TIMES: Final = Path("/proc/stat")
"""Linux's account of what all processors together have done since the start, in ticks."""

_KINDS: Final = 8  # user, nice, system, idle, iowait, irq, softirq, steal
_IDLE: Final = slice(3, 5)


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Idleness:
    """How many processors are idle, between one question and the next."""

    def __init__(self) -> None:
        """Begin to count."""
        self._before = _ticks()

    def idle(self) -> float:
        """Return how many were idle on average since this was last asked.

        Where the system does not tell, all that this process may use and does not are.
        """
        before, self._before = self._before, _ticks()
        if before is None or self._before is None:
            return usable_processors() - 1
        spent = [now - then for now, then in zip(self._before, before, strict=True)]
        every = os.cpu_count() or 1
        return min(every * sum(spent[_IDLE]) / max(1, sum(spent)), usable_processors() - 1)


def _ticks() -> list[int] | None:
    try:
        first = TIMES.read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    return [int(ticks) for ticks in first[1 : 1 + _KINDS]]
