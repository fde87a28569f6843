"""What a worker holds and hands in: its claim of a run, and frames on their way into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.engine import Connection

from app.store.errors import LeaseLost
from app.store.layouts import StoredLayout, layout_of
from app.store.records import Json
from app.store.segments import Segments, segments_of, with_attempt
from app.store.tables import runs

Request = Literal["cancel", "pause"]
"""What a user may want of a run that trains."""


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


def write_under(connection: Connection, claim: Claim, **values: Any) -> Request | None:  # noqa: ANN401
    """Write columns of a claimed run; the rest of the transaction is fenced by it.

    Returns:
        What somebody wants of the run.

    Raises:
        LeaseLost: The run is no longer this attempt's.
    """
    computed = {name: each for name, each in values.items() if isinstance(each, sa.ClauseElement)}
    written = _MINE.values(computed) if computed else _MINE
    known = {name: each for name, each in values.items() if name not in computed}
    held = {"held": claim.run_id, "by_attempt": claim.attempt, "by_owner": claim.owner}
    row = connection.execute(written, {**known, **held}).one_or_none()
    if row is None:
        raise LeaseLost(f"run {claim.run_id} is no longer held by attempt {claim.attempt}")
    return request_of(*row)


REQUESTS = (runs.c.cancel_requested_at, runs.c.pause_requested_at)

_MINE = (
    sa.update(runs)
    .where(
        runs.c.id == sa.bindparam("held"),
        runs.c.attempt == sa.bindparam("by_attempt"),
        runs.c.owner == sa.bindparam("by_owner"),
        runs.c.status == "running",
    )
    .returning(*REQUESTS)
)


def request_of(cancel_at: datetime | None, pause_at: datetime | None) -> Request | None:
    """Return what somebody wants, by the values of `REQUESTS`; cancelling wins."""
    if cancel_at is not None:
        return "cancel"
    return None if pause_at is None else "pause"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Rows of one array as `payloads` makes them, or the weights of one frame."""

    name: str
    row: int
    rows: int
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """Frames that follow each other, on their way into the store.

    Attributes:
        row: The position of the first among the run's frames.
        steps: The training step of each.
        parts: What is not in the arrays yet; empty where it was written there directly.
        series_end: Training steps whose series can be read from now on.
        flushed: Whether all of it, and all before, is in the arrays already.
        verdict: The verdict on the last frame.
        changed: Whether the verdict's word differs from the one before.
        sparkline: What is drawn of the last frame in the list of runs.
    """

    row: int
    steps: Sequence[int]
    parts: Sequence[Part]
    series_end: int
    flushed: bool
    verdict: Json | None
    changed: bool
    sparkline: Sequence[float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run is; `loss` is the mean of its last 100 training steps."""

    step: int
    steps: int
    loss: float | None
    eta_seconds: float | None
