"""What a user is told of a run that failed."""

import errno
import signal
import traceback


class PlainFailure(Exception):
    """A failure whose message says all, and the place that it came from nothing."""


class TrainerLost(PlainFailure):
    """A trainer that ended before its training; the run goes on from its checkpoint."""


class TrainerUnfit(PlainFailure):
    """A trainer that would not make the bits of the process that hires it."""


class TrainingFailed(Exception):
    """A training that came to grief in its trainer.

    Attributes:
        report: The message, and where it came from before that.
    """

    def __init__(self, message: str, report: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.report = report


def message_of(err: BaseException) -> str:
    """Return what a user is told of a failure."""
    if isinstance(err, MemoryError):
        return f"not enough memory: {err}" if str(err) else "not enough memory"
    if isinstance(err, PlainFailure | TrainingFailed):
        return str(err)
    cause = getattr(err, "orig", None) or err  # of SQLAlchemy's errors: the database's own words
    text = f"{type(cause).__name__}: {cause}"
    return f"the disk is full ({text})" if is_disk_full(err) else text


def report_of(err: BaseException) -> str:
    """Return what is kept of a failure: its message, last, and where it came from before that.

    Where memory or room ran out the message says all, and the place nothing.
    """
    if isinstance(err, TrainingFailed):
        return err.report
    message = message_of(err)
    if isinstance(err, MemoryError | PlainFailure) or is_disk_full(err):
        return message
    places = "".join(traceback.format_tb(err.__traceback__))
    return f"Traceback (most recent call last):\n{places}{message}" if places else message


def ending_of(exit_code: int | None) -> str:
    """Return how a process went."""
    if exit_code is not None and exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with code {exit_code}"


def is_disk_full(err: BaseException) -> bool:
    """Return whether a failure comes of a disk without space, the system's or the database's."""
    return getattr(err, "errno", None) == errno.ENOSPC or "disk is full" in str(err)
