"""What a worker holds and hands in: its claim of a run, and frames on their way into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from app.store.layouts import StoredLayout, layout_of
from app.store.records import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A worker's hold on a run.

    Attributes:
        attempt: The fencing number: one higher at every claim.
        versions: What was told of the attempt before.
        recorded_rows: Frames that earlier attempts have recorded.
        recorded_series: Training steps whose series earlier attempts have recorded.
    """

    run_id: str
    owner: str
    attempt: int
    config: Json
    versions: Json
    layouts: tuple[StoredLayout, ...]
    recorded_rows: int
    recorded_series: int


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
    )


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
