"""The heartbeat of a worker: it renews the leases of its runs and hears what users want of them."""

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Sequence

from sqlalchemy.exc import OperationalError

from app.runs.control import Control, Reason
from app.store import Store
from app.store.claims import Claim

POLL_SECONDS = 0.25  # how soon a request to cancel is seen
QUIET_SECONDS = 1.0  # a training that has not reported for so long has not been told of one
BEATS_PER_LEASE = 4


class Controls:
    """Renews the leases of several claims in a thread of its own; each has its own reasons to stop.

    Attributes:
        each: The control of every run, by run.
    """

    def __init__(self, store: Store, claims: Sequence[Claim], *, seconds: float = math.inf) -> None:
        """Count the claims themselves as the first sign of life; each may train so long."""
        self._attempts = store.attempts
        self._claims = {claim.run_id: claim for claim in claims}
        lease = store.attempts.lease
        self.each = {claim.run_id: Control(claim, lease, seconds=seconds) for claim in claims}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)

    def __enter__(self) -> "Controls":
        """Start to beat."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop beating."""
        self._done.set()
        self._thread.join()

    def stop(self, reason: Reason) -> None:
        """Ask all of them to stop."""
        for control in self.each.values():
            control.stop(reason)

    def release(self, run_id: str) -> None:
        """Renew a lease no longer: its run is over, or somebody else's."""
        self._claims = {name: claim for name, claim in self._claims.items() if name != run_id}

    def _loop(self) -> None:
        every = self._attempts.lease / BEATS_PER_LEASE
        quiet = min(QUIET_SECONDS, every)  # a short lease is renewed as often as it asks for
        while not self._done.wait(min(POLL_SECONDS, every)):
            # A training that has just reported renewed its lease by it, and was told.
            silent = [claim for name, claim in self._claims.items() if self._is_quiet(name, quiet)]
            if not silent:
                continue
            try:
                for run_id, request in self._attempts.requests(silent).items():
                    self.each[run_id].stop(request)
                self._beat([claim for claim in silent if self.each[claim.run_id].is_due(every)])
            except OperationalError:
                continue  # a locked database: the next beat tries again, the lease is the limit

    def _is_quiet(self, run_id: str, seconds: float) -> bool:
        return self.each[run_id].is_quiet(seconds)

    def _beat(self, claims: Sequence[Claim]) -> None:
        if not claims:
            return
        since = time.monotonic()
        lost = self._attempts.beat(claims)
        for claim in claims:
            if claim.run_id not in lost:
                self.each[claim.run_id].renewed(since)
            elif claim.run_id in self._claims:  # not over meanwhile
                self.each[claim.run_id].stop("lost")
                self.release(claim.run_id)


@contextlib.contextmanager
def controlled(store: Store, claim: Claim) -> Iterator[Control]:
    """Keep one claim alive; what it yields says when to stop."""
    with Controls(store, [claim]) as controls:
        yield controls.each[claim.run_id]
