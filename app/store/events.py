"""The events table: what happened, in an order that readers can resume from."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.database import Database
from app.store.records import Event
from app.store.tables import events

STATUS, PROGRESS, FRAME, VERDICT, END = "status", "progress", "frame", "verdict", "end"

# Built once: to build a statement takes as long as to run it.
_TELL = sa.insert(events)
_FORGET_PROGRESS = sa.delete(events).where(
    events.c.run_id == sa.bindparam("of_run"), events.c.kind == PROGRESS
)


class EventLog:
    """Events of all runs; each is appended in the transaction of its cause."""

    def __init__(self, database: Database) -> None:
        """Read and write the events of a database."""
        self._database = database

    def append(self, connection: Connection, run_id: str, kind: str, **data: Any) -> None:  # noqa: ANN401
        """Append an event in the transaction that made it happen."""
        self.append_each(connection, run_id, [(kind, data)])

    def append_each(
        self, connection: Connection, run_id: str, told: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Append events of one run in their order: the kind of each, and what it says."""
        if any(kind == PROGRESS for kind, _ in told):
            # Only the newest progress says anything: the older ones would fill the table.
            connection.execute(_FORGET_PROGRESS, {"of_run": run_id})
        said = [
            {"run_id": run_id, "kind": kind, "data": {"run": run_id, **data}} for kind, data in told
        ]
        connection.execute(_TELL, said)

    def after(
        self, last_id: int, run_ids: Sequence[str] | None = None, limit: int = 1000
    ) -> list[Event]:
        """Return the events after an id, oldest first, of all runs or of the given ones."""
        query = sa.select(events).where(events.c.id > last_id).order_by(events.c.id).limit(limit)
        if run_ids is not None:
            query = query.where(events.c.run_id.in_(run_ids))
        with self._database.read() as connection:
            return [
                Event(id=row.id, run=row.run_id, kind=row.kind, data=row.data)
                for row in connection.execute(query)
            ]

    def version(self) -> int | None:
        """Return a number that is another one where anything was written since; None: unknown."""
        return self._database.version()

    def latest_id(self) -> int:
        """Return the highest id ever given; 0 where nothing has happened yet.

        A deleted run takes its events along: the highest id in the table may then lie below what
        a reader has seen, who has still missed nothing.
        """
        highest = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
        if not self._database.is_sqlite:
            highest = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_id_seq"
        with self._database.read() as connection:
            return connection.scalar(sa.text(highest)) or 0
