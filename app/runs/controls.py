"""The controls of all runs of one ensemble, over one heartbeat."""

import math
import threading
import time
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from app.runs.control import BEATS_PER_LEASE, POLL_SECONDS, Control, Reason
from app.store import Store
from app.store.claims import Claim


class Controls:
    """Renews the leases of several claims in a thread of its own; each has its own reasons to stop.

    Attributes:
        each: The control of every run, by run.
    """

    def __init__(self, store: Store, claims: Sequence[Claim], *, seconds: float = math.inf) -> None:
        """Count the claims themselves as the first sign of life; each may train so long."""
        self._attempts = store.attempts
        self._claims = {claim.run_id: claim for claim in claims}
        self.each = {claim.run_id: Control(store, claim, seconds=seconds) for claim in claims}
        self._beaten = time.monotonic()
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
        while not self._done.wait(min(POLL_SECONDS, every)):
            claims = self._claims
            if not claims:
                continue
            try:
                for run_id, request in self._attempts.requests(list(claims.values())).items():
                    self.each[run_id].stop(request)
                if time.monotonic() - self._beaten >= every:
                    self._beat(claims)
            except OperationalError:
                continue  # a locked database: the next beat tries again, the lease is the limit

    def _beat(self, claims: dict[str, Claim]) -> None:
        now = time.monotonic()
        lost = self._attempts.beat_all(list(claims.values()))
        self._beaten = now
        for run_id in claims:
            if run_id not in lost:
                self.each[run_id].renewed()
            elif run_id in self._claims:  # not over meanwhile
                self.each[run_id].stop("lost")
                self.release(run_id)
