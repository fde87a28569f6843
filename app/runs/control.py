"""What tells a worker to stop, and what tells everybody else that it lives."""

import math
import threading
import time
from typing import Literal

from sqlalchemy.exc import OperationalError

from app.store import LeaseLost, Store
from app.store.claims import Claim, Request

# cancel, pause: a user wants it. stop: save and give the run back. lost: another has the run.
# time: it has trained for as long as it may.
Reason = Literal["cancel", "pause", "stop", "lost", "time"]

POLL_SECONDS = 0.25  # how soon a request to cancel is seen
QUIET_SECONDS = 1.0  # a training that has not reported for so long has not been told of one
BEATS_PER_LEASE = 4
# A worker that cannot renew its lease stops by itself before another may take the run.
SELF_FENCE = 0.9


class Control:
    """Renews the lease in a thread of its own and collects the reasons to stop."""

    def __init__(self, store: Store, claim: Claim, *, seconds: float = math.inf) -> None:
        """Count the claim itself as the first sign of life.

        Args:
            store: Where the run is.
            claim: The hold on it.
            seconds: How long it may train, from `begin` on.
        """
        self.seconds = seconds
        self._store = store
        self._claim = claim
        self._lease = store.attempts.lease
        self._beaten = time.monotonic()
        self._reported = -math.inf
        self._until = math.inf
        self._reason: Reason | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)

    def __enter__(self) -> "Control":
        """Start to beat."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop beating."""
        self._done.set()
        self._thread.join()

    def begin(self) -> None:
        """Count from here how long the run trains."""
        self._until = time.monotonic() + self.seconds

    @property
    def reason(self) -> Reason | None:
        """Why the worker should stop; None while it should not."""
        # Not left to the thread: after a pause of the whole process this may run first.
        if time.monotonic() - self._beaten > SELF_FENCE * self._lease:
            self._reason = "lost"
        elif self._reason is None and time.monotonic() > self._until:
            self._reason = "time"
        return self._reason

    def stop(self, reason: Reason) -> None:
        """Ask the worker to stop; the first reason holds, unless the run is lost or cancelled."""
        if self._reason is None or reason == "lost" or self._overrides(reason):
            self._reason = reason

    def _overrides(self, reason: Reason) -> bool:
        return reason == "cancel" and self._reason != "lost"

    def renewed(self) -> None:
        """Count a sign of life that somebody else gave."""
        self._beaten = time.monotonic()

    def heard(self, request: Request | None, since: float) -> None:
        """Count a sign of life that came with a report begun at `since`, and what it answered."""
        self._beaten = self._reported = since
        if request is not None:
            self.stop(request)

    def require_lease(self) -> None:
        """Raise where another worker may hold the run by now.

        Raises:
            LeaseLost: The lease could not be renewed in time.
        """
        if self.reason == "lost":
            raise LeaseLost(f"the lease of run {self._claim.run_id} ran out")

    def _loop(self) -> None:
        attempts, every = self._store.attempts, self._lease / BEATS_PER_LEASE
        quiet = min(QUIET_SECONDS, every)  # a short lease is renewed as often as it asks for
        while not self._done.wait(min(POLL_SECONDS, every)):
            if time.monotonic() - self._reported < quiet:
                continue  # the training has just reported, and been told
            try:
                request = attempts.request(self._claim)
                if request is not None:
                    self.stop(request)
                now = time.monotonic()
                if now - self._beaten >= every:
                    attempts.beat(self._claim)
                    self._beaten = now
            except LeaseLost:
                self.stop("lost")
                return
            except OperationalError:
                continue  # a locked database: the next beat tries again, the lease is the limit
