"""What can go wrong when something is looked up or written.

StoreError
├── NotFound (also a LookupError)
│   ├── RunNotFound           no run of this id
│   ├── SweepNotFound         no sweep of this id
│   ├── UploadNotFound        no data set, or no model, of this id
│   ├── StatisticNotFound     the run records no statistic of this name
│   └── CheckpointNotFound    no checkpoint of this step or part
├── SelectionError            an axis or coordinate that the array does not have
├── InvalidCursor             a cursor that was never handed out
├── StaleCursor               a cursor of another list than the one asked for
├── IdempotencyConflict       a repeated key with another body
├── UploadInUse               an upload that a run still reads
├── QueueFull                 as many queued runs as the settings allow
├── MissingDriverError        a driver that is an extra and not installed
├── StorageError              object storage that cannot be used
└── LeaseLost                 an attempt that is not the run's current one any more
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

WORDS: Final[Mapping[str, str]] = MappingProxyType({"dataset": "data set"})


class StoreError(Exception):
    """Base of all errors that the store raises on purpose."""


class MissingDriverError(StoreError):
    """A driver of something outside that is an extra and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        """Say what needs it, and how to get it."""
        super().__init__(f"{what} needs the extra `{extra}`: pip install 'gradtide[{extra}]'")


class StorageError(StoreError):
    """Object storage that does not answer, or refuses."""


class NotFound(StoreError, LookupError):
    """Something that is not in the store."""


class RunNotFound(NotFound):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        """Name the id that was looked for."""
        super().__init__(f"no run {run_id!r}")
        self.run_id = run_id


class SweepNotFound(NotFound):
    """No sweep has this id."""

    def __init__(self, sweep_id: str) -> None:
        """Name the id that was looked for."""
        super().__init__(f"no sweep {sweep_id!r}")
        self.sweep_id = sweep_id


class UploadNotFound(NotFound):
    """No data set, or no model, has this id."""

    def __init__(self, resource: str, upload_id: str) -> None:
        """Name what was looked for, and its id."""
        super().__init__(f"no {WORDS.get(resource, resource)} {upload_id!r}")
        self.upload_id = upload_id


class UploadInUse(StoreError):
    """An upload that runs which are not over read."""

    def __init__(self, resource: str, upload_id: str, users: Sequence[str]) -> None:
        """Name the upload and its first readers."""
        shown = ", ".join(users[:3]) + ("…" if len(users) > 3 else "")
        what = WORDS.get(resource, resource)
        super().__init__(f"the {what} {upload_id!r} is read by a run that is not over: {shown}")
        self.users = tuple(users)


class StatisticNotFound(NotFound):
    """The run records no statistic of this name."""


class CheckpointNotFound(NotFound):
    """The run has no checkpoint of this step, or the checkpoint no such part."""


class SelectionError(StoreError, ValueError):
    """A selection of an axis or a coordinate that the array does not have."""

    def __init__(self, axis: str, detail: str) -> None:
        """Say on which axis, and what is wrong with it."""
        super().__init__(f"{axis}: {detail}")
        self.axis = axis
        self.detail = detail


class InvalidCursor(StoreError, ValueError):
    """A cursor that this service never handed out."""


class StaleCursor(StoreError):
    """A cursor of a list with other filters or another order than the one asked for."""


class IdempotencyConflict(StoreError):
    """The same idempotency key came before with another body."""


class QueueFull(StoreError):
    """There are as many queued runs as the settings allow."""


class LeaseLost(StoreError):
    """Another attempt owns the run, or the run is over: this one writes nothing more."""
