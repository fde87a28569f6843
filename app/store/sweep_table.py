"""Rows of sweeps: a grid of runs that were made together, and which run is where in it."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from app.store.database import Database
from app.store.ensembles import EnsembleTable
from app.store.errors import IdempotencyConflict, SweepNotFound
from app.store.listing import read_cursor, write_cursor
from app.store.records import Json, Run, run_of
from app.store.run_table import NewRun, RunTable
from app.store.tables import RUN_COLUMNS, runs, sweep_runs, sweeps

_LIST = "sweeps"  # which list a cursor belongs to


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """A grid of runs, as its row says.

    Attributes:
        number: Position in the order of creation.
        base: The configuration that every combination starts from.
        axes: The values of each place.
        repeats: Runs of each combination.
        skipped: The combinations that were refused: `cell`, `values`, `reason`.
    """

    id: str
    number: int
    name: str
    base: Json
    axes: dict[str, list[Any]]
    repeats: int
    skipped: list[Json]
    created_at: datetime


class NewMember(NamedTuple):
    """A run that is to be made: the number of its combination, of its repetition, and itself."""

    cell: int
    repeat: int
    run: NewRun


class Member(NamedTuple):
    """A run of a sweep, with the number of its combination and of its repetition."""

    cell: int
    repeat: int
    run: Run


class Tally(NamedTuple):
    """How far the runs of a sweep with one status are."""

    runs: int
    step: int
    steps: int


class SweepTable:
    """Sweeps by id, and pages of them."""

    def __init__(self, database: Database, run_table: RunTable, ensembles: EnsembleTable) -> None:
        """Read and write the sweeps of a database."""
        self._ensembles = ensembles
        self._database = database
        self._runs = run_table

    def create(
        self,
        body: Mapping[str, Any],
        name: str,
        members: Sequence[NewMember],
        skipped: Sequence[Mapping[str, Any]],
        *,
        ensembles: Sequence[Sequence[int]] = (),
        idempotency_key: str | None = None,
        max_queue: int | None = None,
    ) -> tuple[Sweep, bool]:
        """Store a sweep and queue all of its runs, or nothing at all.

        Args:
            body: The grid: `base`, `axes`, `repeats`.
            name: What it is called.
            members: Its runs.
            skipped: The combinations that were refused.
            ensembles: Places of runs among the members that are trained side by side.
            idempotency_key: The same key with the same grid makes one sweep only.
            max_queue: Refuse where more runs would be queued.

        Returns:
            The sweep, and whether it was made by this call.

        Raises:
            IdempotencyConflict: The key came before with another grid.
            QueueFull: There is no room for all of the runs.
        """
        with self._database.write() as connection:
            found = self._by_key(connection, idempotency_key, body)
            if found is not None:
                return found, False
            sweep_id = str(uuid.uuid4())
            values = {
                "id": sweep_id,
                "name": name,
                "base": body["base"],
                "axes": body["axes"],
                "repeats": int(body.get("repeats", 1)),
                "skipped": [dict(each) for each in skipped],
                "created_at": datetime.now(UTC),
                "idempotency_key": idempotency_key,
                "idempotency_digest": _digest(body),
            }
            connection.execute(sa.insert(sweeps).values(**values))
            made = []
            for cell, repeat, new in members:
                run, _ = self._runs.create_in(connection, new, max_queue)
                made.append(run.id)
                place = {"sweep_id": sweep_id, "cell": cell, "repeat": repeat, "run_id": run.id}
                connection.execute(sa.insert(sweep_runs).values(**place))
            for places in ensembles:
                self._ensembles.create_in(connection, [made[place] for place in places])
            return self._get(connection, sweep_id), True

    def made_before(self, key: str | None, body: Mapping[str, Any]) -> Sweep | None:
        """Return the sweep that a key made; None where there is none.

        Raises:
            IdempotencyConflict: The key came before with another grid.
        """
        with self._database.read() as connection:
            return self._by_key(connection, key, body)

    def get(self, sweep_id: str) -> Sweep:
        """Return a sweep.

        Raises:
            SweepNotFound: There is none of this id.
        """
        with self._database.read() as connection:
            return self._get(connection, sweep_id)

    def page(self, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Sweep], str | None]:
        """Return sweeps, the newest first, and a cursor for those that follow, None after the last.

        Raises:
            InvalidCursor: The cursor was never handed out.
            StaleCursor: It belongs to another list.
        """
        query = sa.select(sweeps).order_by(sweeps.c.number.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(sweeps.c.number < read_cursor(cursor, _LIST)[1])
        with self._database.read() as connection:
            found = [_sweep_of(row) for row in connection.execute(query).mappings()]
        if len(found) <= limit:
            return found, None
        number = found[limit - 1].number
        return found[:limit], write_cursor(_LIST, number, number)

    def members(self, sweep_id: str) -> list[Member]:
        """Return the runs of a sweep that are still there, by combination and repetition."""
        query = (
            sa.select(sweep_runs.c.cell.label("place"), sweep_runs.c.repeat, *RUN_COLUMNS)
            .join(runs, runs.c.id == sweep_runs.c.run_id)
            .where(sweep_runs.c.sweep_id == sweep_id)
            .order_by(sweep_runs.c.cell, sweep_runs.c.repeat)
        )
        with self._database.read() as connection:
            return [
                Member(row["place"], row["repeat"], run_of(row))  # type: ignore[arg-type]
                for row in connection.execute(query).mappings()
            ]

    def tallies(self, sweep_ids: Sequence[str]) -> dict[str, dict[str, Tally]]:
        """Return how far each sweep is, by the status of its runs."""
        query = (
            sa.select(
                sweep_runs.c.sweep_id,
                runs.c.status,
                sa.func.count(),
                sa.func.sum(runs.c.step),
                sa.func.sum(runs.c.steps),
            )
            .join(runs, runs.c.id == sweep_runs.c.run_id)
            .where(sweep_runs.c.sweep_id.in_(sweep_ids))
            .group_by(sweep_runs.c.sweep_id, runs.c.status)
        )
        found: dict[str, dict[str, Tally]] = {sweep_id: {} for sweep_id in sweep_ids}
        with self._database.read() as connection:
            for sweep_id, status, count, step, steps in connection.execute(query):
                found[sweep_id][status] = Tally(count, int(step), int(steps))
        return found

    def names_of(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return the name of the sweep that each run belongs to; those of none are left out."""
        query = (
            sa.select(sweep_runs.c.run_id, sweeps.c.name)
            .join(sweeps, sweeps.c.id == sweep_runs.c.sweep_id)
            .where(sweep_runs.c.run_id.in_(run_ids))
        )
        with self._database.read() as connection:
            return {str(row.run_id): str(row.name) for row in connection.execute(query)}

    def delete(self, sweep_id: str) -> None:
        """Delete a sweep; its runs stay.

        Raises:
            SweepNotFound: There is none of this id.
        """
        with self._database.write() as connection:
            query = sa.delete(sweeps).where(sweeps.c.id == sweep_id)
            if connection.execute(query).rowcount != 1:
                raise SweepNotFound(sweep_id)

    def _get(self, connection: Connection, sweep_id: str) -> Sweep:
        query = sa.select(sweeps).where(sweeps.c.id == sweep_id)
        row = connection.execute(query).mappings().first()
        if row is None:
            raise SweepNotFound(sweep_id)
        return _sweep_of(row)

    def _by_key(
        self, connection: Connection, key: str | None, body: Mapping[str, Any]
    ) -> Sweep | None:
        if key is None:
            return None
        query = sa.select(sweeps).where(sweeps.c.idempotency_key == key)
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if row["idempotency_digest"] != _digest(body):
            raise IdempotencyConflict(f"key {key!r} came before with another sweep")
        return _sweep_of(row)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _sweep_of(row: RowMapping) -> Sweep:
    return Sweep(**{name: row[name] for name in Sweep.__dataclass_fields__})
