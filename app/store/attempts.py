"""What a worker writes about its run: claim, signs of life, progress, frames, the end.

Every write says which attempt and which owner it comes from. Where the row says otherwise it
changes nothing and raises LeaseLost: two workers never write to one run.
"""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.claims import (
    REQUESTS,
    Claim,
    Part,
    Progress,
    Recorded,
    Request,
    claim_of,
    request_of,
    write_under,
)
from app.store.database import Database
from app.store.errors import LeaseLost
from app.store.events import END, FRAME, PROGRESS, STATUS, VERDICT, EventLog
from app.store.layouts import StoredLayout
from app.store.records import Json
from app.store.segments import to_list
from app.store.tables import frame_steps, frames, runs

_ADD_STEPS, _ADD_FRAMES = sa.insert(frame_steps), sa.insert(frames)

FINISHED = ("succeeded", "diverged", "failed", "cancelled")


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
        return claim_of(row, owner)

    def claim_all(self, run_ids: Sequence[str], owner: str) -> dict[str, Claim]:
        """Take all of these runs that are queued, in one transaction; return what was taken."""
        with self._database.write() as connection:
            claims = [self.claim_in(connection, run_id, owner) for run_id in run_ids]
        return {claim.run_id: claim for claim in claims if claim is not None}

    def describe(self, claim: Claim, versions: Json, layouts: Sequence[StoredLayout]) -> None:
        """Write what the worker computes with and what it will record."""
        values = {"versions": versions, "layouts": [each.to_dict() for each in layouts]}
        with self._database.write() as connection:
            write_under(connection, claim, **values)

    def beat(self, claims: Sequence[Claim]) -> set[str]:
        """Renew the leases of claims; return the runs that are no longer theirs."""
        lost = set()
        with self._database.write() as connection:
            until = self._database.now(connection) + self.lease
            for claim in claims:
                try:
                    write_under(connection, claim, lease_until=until)
                except LeaseLost:
                    lost.add(claim.run_id)
        return lost

    def requests(self, claims: Sequence[Claim]) -> dict[str, Request]:
        """Return what somebody wants of runs, by run; of most of them that is nothing."""
        query = sa.select(runs.c.id, *REQUESTS).where(
            runs.c.id.in_([claim.run_id for claim in claims]),
            sa.or_(*(column.is_not(None) for column in REQUESTS)),
        )
        with self._database.read() as connection:
            found = {run_id: request_of(*asked) for run_id, *asked in connection.execute(query)}
        return {run_id: wanted for run_id, wanted in found.items() if wanted is not None}

    def progress(self, claim: Claim, progress: Progress) -> Request | None:
        """Write how far the run is and renew the lease; return what somebody wants of it."""
        with self._database.write() as connection:
            wanted = write_under(connection, claim, **self._told(connection, progress))
            self._events.append(connection, claim.run_id, PROGRESS, **asdict(progress))
        return wanted

    def record(
        self, claim: Claim, frames: Recorded, progress: Progress | None = None
    ) -> Request | None:
        """Make frames readable, in the transaction of their events.

        With the progress the lease is renewed, as `progress` does.

        Returns:
            What somebody wants of the run.
        """
        end = frames.row + len(frames.steps)
        values: dict[str, Any] = {
            "recorded_rows": end,
            "recorded_series": frames.series_end,
            "verdict": frames.verdict,
            "sparkline": frames.sparkline,
        }
        if frames.flushed:
            values |= {
                "flushed_rows": end,
                "flushed_series": frames.series_end,
                "segments": to_list(claim.segments),
            }
        rows = [
            {"run_id": claim.run_id, "row": row, "step": step}
            for row, step in enumerate(frames.steps, frames.row)
        ]
        with self._database.write() as connection:
            if progress is not None:
                values |= self._told(connection, progress)
            wanted = write_under(connection, claim, **values)
            connection.execute(_ADD_STEPS, rows)
            _keep(connection, claim, frames.parts)
            self._events.append_each(connection, claim.run_id, _events_of(frames, progress))
        return wanted

    def _told(self, connection: Connection, progress: Progress) -> dict[str, Any]:
        """Return the columns that say how far a run is, and that its worker lives."""
        return {
            "step": progress.step,
            "loss": progress.loss,
            "eta_seconds": progress.eta_seconds,
            "lease_until": self._database.now(connection) + self.lease,
        }

    def record_series(self, claim: Claim, parts: Sequence[Part], series_end: int) -> None:
        """Make rows of series readable that come after the newest frame."""
        with self._database.write() as connection:
            write_under(connection, claim, recorded_series=series_end)
            _keep(connection, claim, parts)

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
            write_under(
                connection,
                claim,
                flushed_rows=runs.c.recorded_rows,
                flushed_series=runs.c.recorded_series,
                segments=to_list(claim.segments),
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
            write_under(
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

    def release(self, claim: Claim, status: Literal["interrupted", "paused"]) -> str:
        """Give the run back after a stop in good order, which does not count as a failure.

        Returns:
            The state it is in now: the one given; "cancelled" where that was asked meanwhile;
            "interrupted", from which it is queued again, where a pause was taken back meanwhile.
        """
        values: dict[str, Any] = {"owner": None, "lease_until": None, "eta_seconds": None}
        query = sa.select(*REQUESTS).where(runs.c.id == claim.run_id).with_for_update()
        with self._database.write() as connection:
            asked = connection.execute(query).one_or_none()
            after: str = status
            if asked is not None and asked.cancel_requested_at is not None:
                after, values["finished_at"] = "cancelled", datetime.now(UTC)
            elif status == "paused":
                values["pause_requested_at"] = None
                if asked is not None and asked.pause_requested_at is None:
                    after = "interrupted"
            failures = sa.case((runs.c.failures > 0, runs.c.failures - 1), else_=0)
            write_under(connection, claim, status=after, failures=failures, **values)
            self._events.append(connection, claim.run_id, STATUS, status=after)
            if after == "cancelled":
                self._events.append(connection, claim.run_id, END, status=after)
        return after


def _events_of(frames: Recorded, progress: Progress | None) -> list[tuple[str, Json]]:
    """Return the events of frames that become readable, in their order."""
    told: list[tuple[str, Json]] = [(FRAME, {"step": step}) for step in frames.steps]
    if frames.changed:
        told.append((VERDICT, frames.verdict or {}))
    if progress is not None:
        told.append((PROGRESS, asdict(progress)))
    return told


def _keep(connection: Connection, claim: Claim, parts: Sequence[Part]) -> None:
    """Put rows into the table where readers find them until they are in the arrays."""
    if parts:
        # Not by `asdict`, which copies every part as if it held others.
        rows = [
            {
                "run_id": claim.run_id,
                "name": part.name,
                "row": part.row,
                "rows": part.rows,
                "payload": part.payload,
            }
            for part in parts
        ]
        connection.execute(_ADD_FRAMES, rows)


def _rank(loss: float | None) -> float:
    return math.inf if loss is None or math.isnan(loss) else loss
