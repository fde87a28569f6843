"""The queue and its lost runs: what the service moves without holding a lease itself."""

import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from app.store.database import Database
from app.store.events import END, STATUS, EventLog
from app.store.leases import LeaseWatch
from app.store.named_uploads import require_uploads
from app.store.tables import LARGEST_ENSEMBLE, ensemble_runs, runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """What became of a run whose worker is gone."""

    run_id: str
    status: str


class Queue:
    """Queued runs, requests to cancel, and runs whose worker was lost."""

    def __init__(
        self, database: Database, events: EventLog, max_attempts: int, lease: float
    ) -> None:
        """Move runs; fail those with so many attempts without progress."""
        self._database = database
        self._events = events
        self._max_attempts = max_attempts
        self._leases = LeaseWatch(lease)

    def next(self, limit: int, *, without: frozenset[str] = frozenset()) -> list[str]:
        """Return the ids of the oldest queued runs, but for those already being started.

        Of an ensemble that is one, which stands for all; none where a worker has one of its runs.
        """
        if limit <= 0:
            return []
        at_work = sa.select(ensemble_runs.c.ensemble_id).where(
            ensemble_runs.c.run_id.in_(sorted(without))
        )
        query = (
            sa.select(runs.c.id, ensemble_runs.c.ensemble_id)
            .outerjoin(ensemble_runs, ensemble_runs.c.run_id == runs.c.id)
            .where(
                runs.c.status == "queued",
                runs.c.id.not_in(sorted(without)),
                sa.or_(
                    ensemble_runs.c.ensemble_id.is_(None),
                    ensemble_runs.c.ensemble_id.not_in(at_work),
                ),
            )
            .order_by(runs.c.number)
            .limit(limit * LARGEST_ENSEMBLE)
        )
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for run_id, ensemble_id in connection.execute(query):
                found.setdefault(ensemble_id or run_id, run_id)
        return list(found.values())[:limit]

    def cancel_waiting(self, run_id: str) -> bool:
        """Cancel a run that no worker holds; say whether it was one."""
        waiting = ("queued", "interrupted", "paused")
        with self._database.write() as connection:
            done = self._move(connection, run_id, waiting, "cancelled", finished_at=_utc_now())
            if done:
                self._events.append(connection, run_id, END, status="cancelled")
            return done

    def request_cancel(self, run_id: str) -> bool:
        """Ask the worker of a running run to stop; say whether it is running."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            values = {"cancel_requested_at": sa.func.coalesce(runs.c.cancel_requested_at, now)}
            running = (runs.c.id == run_id, runs.c.status == "running")
            query = sa.update(runs).where(*running).values(**values)
            return connection.execute(query).rowcount == 1

    def request_pause(self, run_id: str) -> bool:
        """Ask the worker of a running run to save and pause; say whether it is running."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            running = (runs.c.id == run_id, runs.c.status == "running")
            query = sa.update(runs).where(*running).values(pause_requested_at=now)
            return connection.execute(query).rowcount == 1

    def withdraw_pause(self, run_id: str) -> bool:
        """Take a request to pause back before it was met; say whether there was one."""
        with self._database.write() as connection:
            asked = (
                runs.c.id == run_id,
                runs.c.status.in_(("queued", "running", "interrupted")),
                runs.c.pause_requested_at.is_not(None),
            )
            query = sa.update(runs).where(*asked)
            values = {"pause_requested_at": None, "queued_by": "resume"}
            return connection.execute(query.values(**values)).rowcount == 1

    def requeue(
        self, run_id: str, *, before: str, by: str, config: Mapping[str, Any] | None = None
    ) -> bool:
        """Queue a run again that no worker holds; say whether it was still in the state `before`.

        Args:
            run_id: The run.
            before: The state it is in.
            by: The verb that asks for it.
            config: Its configuration from now on; as it was where None.

        Raises:
            ConfigError: An upload that its configuration names has been deleted.
        """
        values: dict[str, Any] = {
            "queued_by": by,
            "failures": 0,
            "error": None,
            "finished_at": None,
            "final_loss": None,
            "loss_rank": math.inf,
            "cancel_requested_at": None,
            "pause_requested_at": None,
        }
        if config is not None:
            values |= {"config": dict(config), "steps": int(config["training"]["steps"])}
        with self._database.write() as connection:
            moved = self._move(connection, run_id, (before,), "queued", **values)
            if moved:
                query = sa.select(runs.c.config).where(runs.c.id == run_id)
                require_uploads(connection, connection.execute(query).scalar_one())
            return moved

    def overdue_cancels(self, grace: float) -> set[str]:
        """Return the running runs that were asked to stop longer ago than `grace` seconds."""
        with self._database.read() as connection:
            before = self._database.now(connection) - grace
            query = sa.select(runs.c.id).where(
                runs.c.status == "running", runs.c.cancel_requested_at < before
            )
            return set(connection.scalars(query))

    def overdue_leases(self) -> set[str]:
        """Return the running runs whose lease has run out; a read, which no writer can block."""
        with self._database.read() as connection:
            query = sa.select(runs.c.id, runs.c.lease_until).where(runs.c.status == "running")
            leases = {row.id: row.lease_until for row in connection.execute(query)}
            return self._leases.overdue(leases, self._database.now(connection))

    def lose(self, run_id: str, owner: str, reason: str) -> Lost | None:
        """Take a running run from a worker that is known to be dead; None if it is not its."""
        with self._database.write() as connection:
            query = sa.select(runs).where(
                runs.c.id == run_id, runs.c.status == "running", runs.c.owner == owner
            )
            row = connection.execute(query).first()
            return None if row is None else self._interrupt(connection, row, reason)

    def reap(self) -> list[Lost]:
        """Take back every run whose lease has run out or whose process is gone.

        Runs that were interrupted in good order are queued again as well.
        """
        lost = []
        overdue = self.overdue_leases()
        with self._database.write() as connection:
            query = sa.select(runs).where(runs.c.status == "running")
            for row in connection.execute(query).all():
                if row.id in overdue and self._is_over(connection, row):
                    lost.append(self._interrupt(connection, row, "its lease ran out"))
                elif row.host == socket.gethostname() and not _is_alive(row.pid):
                    lost.append(self._interrupt(connection, row, "its process is gone"))
            query = sa.select(runs).where(runs.c.status == "interrupted")
            for row in connection.execute(query).all():
                self._move(connection, row.id, ("interrupted",), "queued")
                lost.append(Lost(run_id=row.id, status="queued"))
        return lost

    def _is_over(self, connection: Connection, row: Row[Any]) -> bool:
        """Look once more in the transaction that takes the run: it may have been renewed since."""
        return row.lease_until is None or row.lease_until < self._database.now(connection)

    def fail_waiting(self, run_id: str, owner: str, reason: str) -> None:
        """Count a worker that died before its claim, so that it is not started for ever."""
        with self._database.write() as connection:
            query = sa.select(runs).where(runs.c.id == run_id, runs.c.status == "queued")
            row = connection.execute(query).first()
            if row is None:
                return
            held = {"owner": owner, "failures": row.failures + 1, "attempt": row.attempt + 1}
            if self._move(connection, run_id, ("queued",), "running", **held):
                row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).one()
                self._interrupt(connection, row, reason)

    def _interrupt(self, connection: Connection, row: Row[Any], reason: str) -> Lost:
        free: dict[str, Any] = {"owner": None, "lease_until": None, "eta_seconds": None}
        self._move(connection, row.id, ("running",), "interrupted", reason=reason, **free)
        status, values = "queued", dict[str, Any]()
        if row.cancel_requested_at is not None:
            status, values = "cancelled", {"finished_at": _utc_now()}
        elif row.failures >= self._max_attempts:
            message = f"gave up after {row.failures} attempts without progress: {reason}"
            status, values = "failed", {"finished_at": _utc_now(), "error": message}
        self._move(connection, row.id, ("interrupted",), status, **values)
        if status != "queued":
            self._events.append(connection, row.id, END, status=status)
        return Lost(run_id=row.id, status=status)

    def _move(
        self,
        connection: Connection,
        run_id: str,
        before: tuple[str, ...],
        after: str,
        *,
        reason: str | None = None,
        **values: Any,  # noqa: ANN401
    ) -> bool:
        query = sa.update(runs).where(runs.c.id == run_id, runs.c.status.in_(before))
        if connection.execute(query.values(status=after, **values)).rowcount != 1:
            return False
        data = {"status": after} if reason is None else {"status": after, "reason": reason}
        self._events.append(connection, run_id, STATUS, **data)
        return True


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _utc_now() -> datetime:
    return datetime.now(UTC)
