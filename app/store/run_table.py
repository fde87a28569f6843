"""Rows of runs as users see them: made, looked up, listed, renamed, deleted."""

import hashlib
import json
import math
import platform
import uuid
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Unpack

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.database import Database
from app.store.errors import IdempotencyConflict, QueueFull, RunNotFound
from app.store.events import STATUS, EventLog
from app.store.listing import Asked, page_of
from app.store.named_uploads import require_uploads
from app.store.records import Json, Run, run_of
from app.store.tables import RUN_COLUMNS, WrittenText, runs

# The long columns that nothing in a list of the API looks into.
_UNREAD = frozenset({"config", "facts", "versions", "verdict", "sparkline"})
_COLUMNS_AS_WRITTEN = [
    sa.type_coerce(column, WrittenText).label(column.name) if column.name in _UNREAD else column
    for column in RUN_COLUMNS
]


class NewRun(NamedTuple):
    """A run that is to be made: configuration, what the engine says of its task, arrays, key."""

    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    layouts: Sequence[Json] = ()
    idempotency_key: str | None = None


class RunTable:
    """Runs by id, and pages of them."""

    def __init__(self, database: Database, events: EventLog) -> None:
        """Read and write the runs of a database."""
        self._database = database
        self._events = events

    def create(
        self,
        config: Mapping[str, Any],
        facts: Mapping[str, Any],
        layouts: Sequence[Json] = (),
        *,
        idempotency_key: str | None = None,
        max_queue: int | None = None,
        then: Callable[[Connection, str], object] | None = None,
    ) -> tuple[Run, bool]:
        """Queue a run; a repeated key gives the run that it made the first time.

        Args:
            config: The complete configuration.
            facts: What the engine says of its task.
            layouts: What it will record, one mapping for each array.
            idempotency_key: The same key with the same configuration makes one run only.
            max_queue: Refuse where so many runs are queued.
            then: What else belongs into the transaction (a worker that claims at once).

        Returns:
            The run, and whether it was made by this call.

        Raises:
            ConfigError: An upload that the configuration names has been deleted.
            IdempotencyConflict: The key came before with another configuration.
            QueueFull: The queue is full.
        """
        new = NewRun(config, facts, layouts, idempotency_key)
        with self._database.write() as connection:
            run, created = self.create_in(connection, new, max_queue)
            if created and then is not None:
                then(connection, run.id)
                run = self._get(connection, run.id)
            return run, created

    def create_all(self, new: Sequence[NewRun], *, max_queue: int | None = None) -> list[Run]:
        """Queue several runs, or none of them; a repeated key gives the run that it made before.

        Raises:
            IdempotencyConflict: A key came before with another configuration.
            QueueFull: There is no room for all of them.
        """
        with self._database.write() as connection:
            return [self.create_in(connection, each, max_queue)[0] for each in new]

    def create_in(
        self, connection: Connection, new: NewRun, max_queue: int | None
    ) -> tuple[Run, bool]:
        """Queue a run in a transaction that makes more than it; as `create` otherwise.

        Raises:
            ConfigError: An upload that the configuration names has been deleted.
        """
        digest = hashlib.sha256(json.dumps(new.config, sort_keys=True).encode()).hexdigest()
        found = self._by_key(connection, new.idempotency_key, digest)
        if found is not None:
            return found, False
        require_uploads(connection, new.config)
        self._require_room(connection, max_queue)
        run_id = str(uuid.uuid4())
        values = _first_values(run_id, new.config, new.facts, new.layouts)
        keys = {"idempotency_key": new.idempotency_key, "idempotency_digest": digest}
        connection.execute(sa.insert(runs).values(**values, **keys))
        self._events.append(connection, run_id, STATUS, status="queued")
        return self._get(connection, run_id), True

    def get(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            RunNotFound: There is none of this id.
        """
        with self._database.read() as connection:
            return self._get(connection, run_id)

    def page(self, **asked: Unpack[Asked]) -> tuple[list[Run], str | None]:
        """Return runs in order and a cursor for those that follow, None after the last.

        Raises:
            InvalidCursor: The cursor was never handed out.
            StaleCursor: It belongs to a list with other filters or another order.
            ValueError: An unknown order or a limit out of range.
        """
        with self._database.read() as connection:
            return page_of(connection, RUN_COLUMNS, **asked)

    def page_as_written(self, **asked: Unpack[Asked]) -> tuple[list[Run], str | None]:
        """Return the same with config, facts, versions, verdict and sparkline as `Written` text.

        Reading JSON only to write it again is most of what a list costs.
        """
        with self._database.read() as connection:
            return page_of(connection, _COLUMNS_AS_WRITTEN, **asked)

    def count(self, status: str | None = None) -> int:
        """Return how many runs there are, of one status or in all."""
        query = sa.select(sa.func.count()).select_from(runs)
        if status is not None:
            query = query.where(runs.c.status == status)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def counts(self) -> dict[str, int]:
        """Return how many runs there are of each status that any has."""
        query = sa.select(runs.c.status, sa.func.count()).group_by(runs.c.status)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def queue_position(self, run: Run) -> int | None:
        """Return how many queued runs are ahead of a queued one; None where it is not queued."""
        if run.status != "queued":
            return None
        query = sa.select(sa.func.count()).where(
            runs.c.status == "queued", runs.c.number < run.number
        )
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def queue_positions(self, page: Sequence[Run]) -> dict[str, int]:
        """Return how many queued runs are ahead of each queued one of a page, by id."""
        queued = [run for run in page if run.status == "queued"]
        if not queued:
            return {}
        last = max(run.number for run in queued)
        query = (
            sa.select(runs.c.number)
            .where(runs.c.status == "queued", runs.c.number < last)
            .order_by(runs.c.number)
        )
        with self._database.read() as connection:
            numbers = list(connection.scalars(query))
        return {run.id: bisect_left(numbers, run.number) for run in queued}

    def update(
        self,
        run_id: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
    ) -> Run:
        """Change what a user may change of a run; what is None stays.

        Raises:
            RunNotFound: There is none of this id.
        """
        given = {"name": name, "tags": None if tags is None else list(tags), "notes": notes}
        values = {key: value for key, value in given.items() if value is not None}
        with self._database.write() as connection:
            if values:
                connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))
            return self._get(connection, run_id)

    def delete(self, run_id: str, among: Sequence[str]) -> bool:
        """Delete the row and all that hangs on it, if its status is among the given ones."""
        with self._database.write() as connection:
            condition = (runs.c.id == run_id, runs.c.status.in_(among))
            return connection.execute(sa.delete(runs).where(*condition)).rowcount == 1

    def ids(self) -> set[str]:
        """Return the ids of all runs."""
        with self._database.read() as connection:
            return set(connection.scalars(sa.select(runs.c.id)))

    def _get(self, connection: Connection, run_id: str) -> Run:
        query = sa.select(*RUN_COLUMNS).where(runs.c.id == run_id)
        row = connection.execute(query).mappings().first()
        if row is None:
            raise RunNotFound(run_id)
        return run_of(row)  # type: ignore[arg-type]

    def _by_key(self, connection: Connection, key: str | None, digest: str) -> Run | None:
        if key is None:
            return None
        query = sa.select(*RUN_COLUMNS).where(runs.c.idempotency_key == key)
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if row["idempotency_digest"] != digest:
            raise IdempotencyConflict(f"key {key!r} came before with another configuration")
        return run_of(row)  # type: ignore[arg-type]

    def _require_room(self, connection: Connection, max_queue: int | None) -> None:
        if max_queue is None:
            return
        query = sa.select(sa.func.count()).where(runs.c.status == "queued")
        if (connection.scalar(query) or 0) >= max_queue:
            raise QueueFull(f"{max_queue} runs are queued already")


def _first_values(
    run_id: str, config: Mapping[str, Any], facts: Mapping[str, Any], layouts: Sequence[Json]
) -> Json:
    return {
        "id": run_id,
        "name": str(config.get("name") or ""),
        "status": "queued",
        "cell": str(config.get("model", {}).get("cell", "")),
        "config": dict(config),
        "facts": dict(facts),
        "layouts": list(layouts),
        "tags": list(config.get("tags") or ()),
        "notes": "",
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "step": 0,
        "steps": int(config.get("training", {}).get("steps", 0)),
        "loss_rank": math.inf,
        "created_at": datetime.now(UTC),
        "attempt": 0,
        "failures": 0,
        "recorded_rows": 0,
        "flushed_rows": 0,
        "recorded_series": 0,
        "flushed_series": 0,
        "segments": [],
    }
