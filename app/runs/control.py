"""What tells an attempt to stop, and when its run was last known to be its own."""

import math
import time
from typing import Literal

from app.store import LeaseLost
from app.store.claims import Claim, Request

# cancel, pause: a user wants it. stop: save and give the run back. lost: another has the run.
# time: it has trained for as long as it may.
Reason = Literal["cancel", "pause", "stop", "lost", "time"]

# A worker that cannot renew its lease stops by itself before another may take the run.
SELF_FENCE = 0.9


class Control:
    """The signs of life of one claimed run, and the reasons to stop it."""

    def __init__(self, claim: Claim, lease: float, *, seconds: float = math.inf) -> None:
        """Count the claim itself as the first sign of life.

        Args:
            claim: The hold on the run.
            lease: How long it holds without a sign of life, in seconds.
            seconds: How long it may train, from `begin` on.
        """
        self.seconds = seconds
        self._claim = claim
        self._lease = lease
        self._beaten = time.monotonic()
        self._reported = -math.inf
        self._until = math.inf
        self._reason: Reason | None = None

    def begin(self) -> None:
        """Count from here how long the run trains."""
        self._until = time.monotonic() + self.seconds

    @property
    def reason(self) -> Reason | None:
        """Why the worker should stop; None while it should not."""
        now = time.monotonic()
        # Not left to the heartbeat: after a pause of the whole process this may run first.
        if now - self._beaten > SELF_FENCE * self._lease:
            self._reason = "lost"
        elif self._reason is None and now > self._until:
            self._reason = "time"
        return self._reason

    def stop(self, reason: Reason) -> None:
        """Ask the worker to stop; the first reason holds, unless the run is lost or cancelled."""
        if self._reason is None or reason == "lost" or self._overrides(reason):
            self._reason = reason

    def _overrides(self, reason: Reason) -> bool:
        return reason == "cancel" and self._reason != "lost"

    def renewed(self, since: float) -> None:
        """Count a sign of life that began at `since`, by the monotonic clock."""
        self._beaten = since

    def heard(self, request: Request | None, since: float) -> None:
        """Count a sign of life that came with a report begun at `since`, and what it answered."""
        self._beaten = self._reported = since
        if request is not None:
            self.stop(request)

    def is_quiet(self, seconds: float) -> bool:
        """Say whether the training has not reported, nor been told of requests, for so long."""
        return time.monotonic() - self._reported >= seconds

    def is_due(self, seconds: float) -> bool:
        """Say whether the last sign of life is so old."""
        return time.monotonic() - self._beaten >= seconds

    def require_lease(self) -> None:
        """Raise where another worker may hold the run by now.

        Raises:
            LeaseLost: The lease could not be renewed in time.
        """
        if self.reason == "lost":
            raise LeaseLost(f"the lease of run {self._claim.run_id} ran out")
