"""What an executor is: the place where runs execute, whichever it is."""

from typing import Final, Protocol

STOP_SECONDS: Final = 5.0
"""From being told to leave until nothing runs here any more: inside the ten that Docker grants."""


class Executor(Protocol):
    """Where runs execute: it takes queued runs from the store by itself."""

    def prepare(self) -> None:
        """Find out before the start whether it can work; nothing has begun when it returns.

        Raises:
            RunError: It cannot, for a reason that only who set it up can mend.
        """

    def start(self) -> None:
        """Begin to take queued runs and to watch over the running ones."""

    def leave(self) -> None:
        """Take no more runs, tell running workers to save and go; return at once."""

    def stop(self) -> None:
        """Leave; return when the workers are gone, at most `STOP_SECONDS` after `leave`."""

    def wake(self) -> None:
        """Say that there may be something to do now."""

    @property
    def is_alive(self) -> bool:
        """Whether the executor is at work."""
