"""What a worker holds and hands in: its claim of a run, and frames on their way into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.engine import Connection

from app.store.errors import LeaseLost
from app.store.layouts import StoredLayout, layout_of
from app.store.records import Json
from app.store.segments import Segments, segments_of, with_attempt
from app.store.tables import runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A worker's hold on a run.

    Attributes:
        attempt: The fencing number: one higher at every claim.
        versions: What was told of the attempt before.
        recorded_rows: Frames that earlier attempts have recorded.
        recorded_series: Training steps whose series earlier attempts have recorded.
        segments: Whose files hold which flushed rows; the last is this attempt's, from its first
            flush on.
    """

    run_id: str
    owner: str
    attempt: int
    config: Json
    versions: Json
    layouts: tuple[StoredLayout, ...]
    recorded_rows: int
    recorded_series: int
    segments: Segments


def claim_of(row: Row[Any], owner: str) -> Claim:
    """Return an owner's hold on the run of a row."""
    return Claim(
        run_id=row.id,
        owner=owner,
        attempt=row.attempt,
        config=row.config,
        versions=row.versions,
        layouts=tuple(layout_of(each) for each in row.layouts),
        recorded_rows=row.recorded_rows,
        recorded_series=row.recorded_series,
        segments=with_attempt(
            segments_of(row.segments),
            row.attempt,
            frames=row.flushed_rows,
            series=row.flushed_series,
        ),
    )


def write_under(connection: Connection, claim: Claim, **values: Any) -> None:  # noqa: ANN401
    """Write columns of a claimed run; the rest of the transaction is fenced by it.

    Raises:
        LeaseLost: The run is no longer this attempt's.
    """
    mine = (
        runs.c.id == claim.run_id,
        runs.c.attempt == claim.attempt,
        runs.c.owner == claim.owner,
        runs.c.status == "running",
    )
    if connection.execute(sa.update(runs).where(*mine).values(**values)).rowcount != 1:
        raise LeaseLost(f"run {claim.run_id} is no longer held by attempt {claim.attempt}")


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
