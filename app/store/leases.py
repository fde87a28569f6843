"""Which leases have run out, by a clock that nobody can set.

A lease is a moment of the database's clock, or on SQLite of the machine's: who sets that clock, or
has a wrong one, would lose or steal every run. So a lease that looks overdue is believed only where
it was not renewed while we looked on, by our own monotonic clock.
"""

import time
from collections.abc import Mapping
from typing import Final

PATIENCE: Final = 0.75


class LeaseWatch:
    """What one watcher has seen of the leases of running runs."""

    def __init__(self, lease: float) -> None:
        """Believe in a worker that was seen to renew within most of a lease.

        It renews four times a lease. Not the whole of it: renewals are seen late by up to a
        quarter, and a dead worker is to be found when its lease ends.
        """
        self._patience = PATIENCE * lease
        self._seen: dict[str, tuple[float | None, float]] = {}

    def overdue(self, leases: Mapping[str, float | None], now: float) -> set[str]:
        """Return the runs whose lease is over, but for those seen to be renewed since.

        Args:
            leases: The moments until which the running runs are held.
            now: The present moment of the same clock.
        """
        moment = time.monotonic()
        seen: dict[str, tuple[float | None, float]] = {}
        found = set()
        for run_id, until in leases.items():
            before = self._seen.get(run_id)
            # Of a lease that was never seen before nobody knows when it was renewed.
            renewed = -float("inf") if before is None else before[1]
            if before is not None and before[0] != until:
                renewed = moment
            seen[run_id] = (until, renewed)
            if (until is None or until < now) and moment - renewed >= self._patience:
                found.add(run_id)
        self._seen = seen
        return found
