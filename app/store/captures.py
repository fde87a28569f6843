"""Runs whose training loop is elsewhere: held by nobody's process, so no lease of theirs runs out.

A captured run is running from its first moment to its end. What a worker does for others, the
service does for it: each write says the attempt and the owner that the row names, like theirs.
"""

import contextlib
import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.attempts import Attempts
from app.store.claims import Claim, claim_of
from app.store.database import Database
from app.store.errors import LeaseLost, RunNotFound
from app.store.events import PROGRESS, EventLog
from app.store.tables import runs

OWNER = "capture"


class CaptureTable:
    """The rows of captured runs."""

    def __init__(self, database: Database, events: EventLog, attempts: Attempts) -> None:
        """Write to a database."""
        self._database, self._events, self._attempts = database, events, attempts

    def hold(self, connection: Connection, run_id: str) -> None:
        """Take a new run in the transaction that makes it, for as long as its loop goes on."""
        self._attempts.claim_in(connection, run_id, OWNER)
        forever = {"lease_until": math.inf, "host": None, "pid": None, "failures": 0}
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**forever))

    def claim(self, run_id: str) -> Claim | None:
        """Return the hold on a captured run; None where it is over, or is no captured one.

        Raises:
            RunNotFound: There is none of this id.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise RunNotFound(run_id)
        if row.status != "running" or row.owner != OWNER:
            return None
        return claim_of(row, OWNER)

    def cancel(self, run_id: str) -> bool:
        """Cancel a captured run, whose loop need not be asked; say whether it was running."""
        claim = self.claim(run_id)
        if claim is None:
            return False
        with contextlib.suppress(LeaseLost):  # over meanwhile: the caller looks again
            self._attempts.finish(claim, "cancelled")
        return True

    def advance(self, claim: Claim, *, step: int, loss: float | None) -> None:
        """Write how far the loop is; where nobody said how far it will go, so far.

        Raises:
            LeaseLost: The run is over.
        """
        mine = (runs.c.id == claim.run_id, runs.c.owner == OWNER, runs.c.status == "running")
        steps = sa.case((runs.c.steps > step, runs.c.steps), else_=step)
        values: dict[str, Any] = {"step": step, "steps": steps, "loss": loss}
        with self._database.write() as connection:
            query = sa.update(runs).where(*mine).values(**values)
            if connection.execute(query).rowcount != 1:
                raise LeaseLost(f"run {claim.run_id} is over")
            told = connection.scalar(sa.select(runs.c.steps).where(runs.c.id == claim.run_id))
            self._events.append(
                connection,
                claim.run_id,
                PROGRESS,
                step=step,
                steps=int(told or step),
                eta_seconds=None,
                loss=loss,
            )
