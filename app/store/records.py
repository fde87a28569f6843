"""What the store hands out: runs, events, checkpoints; frozen, without a connection behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Json = dict[str, Any]

# Statuses after which nothing happens to a run unless a user asks for it.
OVER: Final = frozenset({"succeeded", "diverged", "failed", "cancelled"})


class Written(str):
    """JSON text as the database has it, for who would only write it out again."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training, as its row says.

    Attributes:
        number: Position in the order of creation, which is the order of the queue.
        config: The complete configuration.
        facts: What `engine.describe_task` says of it.
        step: Updates done.
        eta_seconds: Seconds to go, while running.
        loss: Mean training loss of the last 100 steps, of fewer at the start; the last step's
            own where that is infinite or NaN.
        final_loss: The same, once the run is over.
        verdict: The newest verdict.
        sparkline: At most 32 log10 values of the newest decay curve in the top layer, by time.
        requested: "cancel" or "pause", where that was asked of it and is still to come.
        queued_by: The verb that queued it again: "resume", "extend" or "retry"; None where none.
        attempt: How many times a worker has claimed the run.
        recorded_rows: Frames that can be read.
        recorded_series: Training steps whose series can be read.
    """

    id: str
    number: int
    name: str
    status: str
    config: Json
    facts: Json
    tags: tuple[str, ...]
    notes: str
    versions: Json
    step: int
    steps: int
    eta_seconds: float | None
    loss: float | None
    final_loss: float | None
    error: str | None
    verdict: Json | None
    sparkline: Sequence[float] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    queued_by: str | None
    requested: Literal["cancel", "pause"] | None
    recorded_rows: int
    recorded_series: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a run; ids rise in the order in which readers see them."""

    id: int
    run: str
    kind: str
    data: Json


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointInfo:
    """A checkpoint that can be downloaded."""

    step: int
    bytes: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayInfo:
    """A recorded statistic: what can be read of it now."""

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]]
    shape: tuple[int, ...]
    dtype: str
    scale: str
    per_step: bool


RUN_FIELDS = tuple(name for name in Run.__dataclass_fields__ if name not in ("tags", "requested"))


def run_of(row: Mapping[str, Any]) -> Run:
    """Return the run that a row of the table holds."""
    requested: Literal["cancel", "pause"] | None = None
    if row["cancel_requested_at"] is not None:
        requested = "cancel"
    elif row["pause_requested_at"] is not None:
        requested = "pause"
    return Run(
        **{name: row[name] for name in RUN_FIELDS},
        tags=tuple(row["tags"]),
        requested=requested if row["finished_at"] is None else None,
    )
