"""The tables, as SQLAlchemy knows them; the migrations make them."""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from app.store.records import Written


class JsonText(TypeDecorator[Any]):
    """JSON in a text column, with Python's NaN and Infinity, which JSON columns refuse."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401
        """Return the text of a value; None stays NULL."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """Return the value of a text."""
        return None if value is None else json.loads(value)


class WrittenText(TypeDecorator[Written]):
    """The same column, read as the text that it is."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Written | None:
        """Return the text, marked as JSON."""
        return None if value is None else Written(value)


class Moment(TypeDecorator[datetime]):
    """An RFC 3339 UTC time as text of constant width, so that text order is time order."""

    impl = sa.String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Return the text of a time."""
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the time of a text."""
        return None if value is None else datetime.fromisoformat(value)


NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)
# SQLite counts rows up by itself only in a column that is exactly INTEGER.
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", Counter, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("cell", sa.String(64), nullable=False),
    sa.Column("config", JsonText, nullable=False),
    sa.Column("facts", JsonText, nullable=False),
    sa.Column("layouts", JsonText, nullable=False),
    sa.Column("tags", JsonText, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("versions", JsonText, nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("steps", sa.BigInteger, nullable=False),
    sa.Column("eta_seconds", sa.Float),
    sa.Column("loss", JsonText),
    sa.Column("final_loss", JsonText),
    # What a list is ordered by: SQLite makes NULL of NaN, and a missing loss belongs last.
    sa.Column("loss_rank", sa.Float, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("verdict", JsonText),
    sa.Column("sparkline", JsonText),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    # The lease: who works on the run, and until when that is believed without a sign of life.
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(36)),
    sa.Column("host", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("lease_until", sa.Float),
    sa.Column("cancel_requested_at", sa.Float),
    sa.Column("pause_requested_at", sa.Float),
    # Which verb queued it again, if one did: the same verb once more finds nothing to do.
    sa.Column("queued_by", sa.String(8)),
    # The commit point of the arrays: rows below it can be read, rows below flushed are in Zarr.
    sa.Column("recorded_rows", sa.BigInteger, nullable=False),
    sa.Column("flushed_rows", sa.BigInteger, nullable=False),
    sa.Column("recorded_series", sa.BigInteger, nullable=False),
    sa.Column("flushed_series", sa.BigInteger, nullable=False),
    # Whose files the flushed rows are in (`segments`).
    sa.Column("segments", JsonText, nullable=False, server_default="[]"),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("idempotency_digest", sa.String(64)),
    sa.Index("ix_runs_status_number", "status", "number"),
    sa.Index("ix_runs_name_number", "name", "number"),
    sa.Index("ix_runs_loss_rank_number", "loss_rank", "number"),
    sqlite_autoincrement=True,
)

# What a list and a page need of a run; the layouts of its arrays are long and read on their own.
RUN_COLUMNS = [column for column in runs.c if column.name != "layouts"]

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Counter, primary_key=True, autoincrement=True),
    sa.Column(
        "run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("data", JsonText, nullable=False),
    sa.Index("ix_events_run_id_kind_id", "run_id", "kind", "id"),
    sqlite_autoincrement=True,
)

frame_steps = sa.Table(
    "frame_steps",
    metadata,
    sa.Column(
        "run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

frames = sa.Table(
    "frames",
    metadata,
    sa.Column(
        "run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column(
        "run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    ),
    # "model" is kept for users, "resume" is what an interrupted run goes on from, "probe" is the
    # probe batch of a run that keeps no checkpoint at step 0.
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("number", Counter, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("base", JsonText, nullable=False),
    sa.Column("axes", JsonText, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("skipped", JsonText, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("idempotency_digest", sa.String(64)),
    sqlite_autoincrement=True,
)

sweep_runs = sa.Table(
    "sweep_runs",
    metadata,
    sa.Column(
        "sweep_id", sa.String(36), sa.ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
    ),
    # The number of the combination, the last axis counting fastest.
    sa.Column("cell", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("repeat", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "run_id",
        sa.String(36),
        sa.ForeignKey("runs.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("number", Counter, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("resource", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", JsonText, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_uploads_resource_number", "resource", "number"),
    sqlite_autoincrement=True,
)

# Runs that are trained side by side in one process. A run that is deleted leaves its place empty,
# so that the others stay where they are.
ensemble_runs = sa.Table(
    "ensemble_runs",
    metadata,
    sa.Column("ensemble_id", sa.String(36), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="SET NULL"), unique=True),
)

LARGEST_ENSEMBLE = 64
"""Places of an ensemble at most."""
