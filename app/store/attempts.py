"""What a worker writes about its run: claim, signs of life, progress, frames, the end.

Every write says which attempt and which owner it comes from. Where the row says otherwise it
changes nothing and raises LeaseLost: two workers never write to one run.
"""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.database import Database
from app.store.errors import LeaseLost
from app.store.events import END, FRAME, PROGRESS, STATUS, VERDICT, EventLog
from app.store.layouts import StoredLayout, layout_of
from app.store.records import Json
from app.store.tables import frame_steps, frames, runs

FINISHED = ("succeeded", "diverged", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A worker's hold on a run.

    Attributes:
        attempt: The fencing number: one higher at every claim.
        recorded_rows: Frames that earlier attempts have recorded.
        recorded_series: Training steps whose series earlier attempts have recorded.
    """

    run_id: str
    owner: str
    attempt: int
    config: Json
    layouts: tuple[StoredLayout, ...]
    recorded_rows: int
    recorded_series: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Rows of one array, in the bytes of its dtype."""

    name: str
    row: int
    rows: int
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A frame on its way into the store.

    Attributes:
        row: Its position among the run's frames.
        parts: What is not in the arrays yet; empty where it was written there directly.
        series_end: Training steps whose series can be read from now on.
        flushed: Whether all of it, and all before, is in the arrays already.
        verdict: The verdict on this frame.
        changed: Whether the verdict's word differs from the one before.
    """

    row: int
    step: int
    parts: Sequence[Part]
    series_end: int
    flushed: bool
    verdict: Json | None
    changed: bool
    sparkline: Sequence[float] | None


class Attempts:
    """Claims of runs and the fenced writes under them."""

    def __init__(self, database: Database, events: EventLog, lease: float) -> None:
        """Write to a database under leases of so many seconds."""
        self._database = database
        self._events = events
        self.lease = lease

    def claim(self, run_id: str, owner: str) -> Claim | None:
        """Take a queued run; None where it is not queued (any more)."""
        with self._database.write() as connection:
            return self.claim_in(connection, run_id, owner)

    def claim_in(self, connection: Connection, run_id: str, owner: str) -> Claim | None:
        """Take a queued run as a part of a transaction."""
        values = {
            "status": "running",
            "owner": owner,
            "attempt": runs.c.attempt + 1,
            # Forgotten when a checkpoint moves on: a run that kills its worker must end.
            "failures": runs.c.failures + 1,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            # Set here and not by the first beat: a worker may die before it.
            "lease_until": self._database.now(connection) + self.lease,
            "started_at": sa.func.coalesce(
                runs.c.started_at, sa.literal(datetime.now(UTC), runs.c.started_at.type)
            ),
            "cancel_requested_at": None,
            "error": None,
        }
        free = (runs.c.id == run_id, runs.c.status == "queued")
        if connection.execute(sa.update(runs).where(*free).values(**values)).rowcount != 1:
            return None
        row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).one()
        self._events.append(connection, run_id, STATUS, status="running", attempt=row.attempt)
        return Claim(
            run_id=run_id,
            owner=owner,
            attempt=row.attempt,
            config=row.config,
            layouts=tuple(layout_of(each) for each in row.layouts),
            recorded_rows=row.recorded_rows,
            recorded_series=row.recorded_series,
        )

    def describe(self, claim: Claim, versions: Json, layouts: Sequence[StoredLayout]) -> None:
        """Write what the worker computes with and what it will record."""
        values = {"versions": versions, "layouts": [each.to_dict() for each in layouts]}
        with self._database.write() as connection:
            self._fenced(connection, claim, **values)

    def beat(self, claim: Claim) -> None:
        """Renew the lease.

        Raises:
            LeaseLost: The run is no longer this attempt's.
        """
        with self._database.write() as connection:
            until = self._database.now(connection) + self.lease
            self._fenced(connection, claim, lease_until=until)

    def wants_cancel(self, claim: Claim) -> bool:
        """Say whether somebody wants the run to be cancelled, without writing anything."""
        query = sa.select(runs.c.cancel_requested_at).where(runs.c.id == claim.run_id)
        with self._database.read() as connection:
            return connection.scalar(query) is not None

    def progress(
        self, claim: Claim, *, step: int, loss: float | None, eta_seconds: float | None
    ) -> None:
        """Write how far the run is."""
        steps = int(claim.config["training"]["steps"])
        with self._database.write() as connection:
            self._fenced(connection, claim, step=step, loss=loss, eta_seconds=eta_seconds)
            self._events.append(
                connection,
                claim.run_id,
                PROGRESS,
                step=step,
                steps=steps,
                eta_seconds=eta_seconds,
                loss=loss,
            )

    def record(self, claim: Claim, frame: Recorded) -> None:
        """Make a frame readable, in the transaction of its event."""
        values: dict[str, Any] = {
            "recorded_rows": frame.row + 1,
            "recorded_series": frame.series_end,
            "verdict": frame.verdict,
            "sparkline": frame.sparkline,
        }
        if frame.flushed:
            values |= {"flushed_rows": frame.row + 1, "flushed_series": frame.series_end}
        with self._database.write() as connection:
            self._fenced(connection, claim, **values)
            connection.execute(
                sa.insert(frame_steps).values(run_id=claim.run_id, row=frame.row, step=frame.step)
            )
            if frame.parts:
                connection.execute(
                    sa.insert(frames),
                    [
                        {
                            "run_id": claim.run_id,
                            "name": part.name,
                            "row": part.row,
                            "rows": part.rows,
                            "payload": part.payload,
                        }
                        for part in frame.parts
                    ],
                )
            self._events.append(connection, claim.run_id, FRAME, step=frame.step)
            if frame.changed:
                self._events.append(connection, claim.run_id, VERDICT, **(frame.verdict or {}))

    def unflushed(self, claim: Claim) -> list[Part]:
        """Return what is recorded but not in the arrays, ordered by name and row."""
        query = (
            sa.select(frames.c.name, frames.c.row, frames.c.rows, frames.c.payload)
            .where(frames.c.run_id == claim.run_id)
            .order_by(frames.c.name, frames.c.row)
        )
        with self._database.read() as connection:
            return [
                Part(name=row.name, row=row.row, rows=row.rows, payload=row.payload)
                for row in connection.execute(query)
            ]

    def flushed(self, claim: Claim) -> None:
        """Say that everything recorded is in the arrays now, and drop it from the table."""
        with self._database.write() as connection:
            self._fenced(
                connection,
                claim,
                flushed_rows=runs.c.recorded_rows,
                flushed_series=runs.c.recorded_series,
            )
            connection.execute(sa.delete(frames).where(frames.c.run_id == claim.run_id))

    def finish(
        self,
        claim: Claim,
        status: str,
        *,
        step: int | None = None,
        loss: float | None = None,
        error: str | None = None,
        verdict: Mapping[str, Any] | None = None,
    ) -> None:
        """End the run in one of its final states.

        Raises:
            LeaseLost: The run is no longer this attempt's.
        """
        if status not in FINISHED:
            raise ValueError(f"expected one of {', '.join(FINISHED)}, got {status!r}")
        values: dict[str, Any] = {"error": error, "final_loss": loss, "loss_rank": _rank(loss)}
        if loss is not None:
            values["loss"] = loss
        if step is not None:
            values["step"] = step
        with self._database.write() as connection:
            self._fenced(
                connection,
                claim,
                status=status,
                finished_at=datetime.now(UTC),
                eta_seconds=None,
                owner=None,
                lease_until=None,
                **values,
            )
            if verdict is not None:
                self._events.append(connection, claim.run_id, VERDICT, **verdict)
            self._events.append(connection, claim.run_id, STATUS, status=status)
            self._events.append(connection, claim.run_id, END, status=status)

    def release(self, claim: Claim) -> None:
        """Give the run back after a stop in good order: interrupted, and not counted as failed."""
        with self._database.write() as connection:
            self._fenced(
                connection,
                claim,
                status="interrupted",
                owner=None,
                lease_until=None,
                eta_seconds=None,
                failures=sa.case((runs.c.failures > 0, runs.c.failures - 1), else_=0),
            )
            self._events.append(connection, claim.run_id, STATUS, status="interrupted")

    def _fenced(self, connection: Connection, claim: Claim, **values: Any) -> None:  # noqa: ANN401
        mine = (
            runs.c.id == claim.run_id,
            runs.c.attempt == claim.attempt,
            runs.c.owner == claim.owner,
            runs.c.status == "running",
        )
        if connection.execute(sa.update(runs).where(*mine).values(**values)).rowcount != 1:
            raise LeaseLost(f"run {claim.run_id} is no longer held by attempt {claim.attempt}")


def _rank(loss: float | None) -> float:
    return math.inf if loss is None or math.isnan(loss) else loss
