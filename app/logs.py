"""Where the service's own messages go: standard error, which nobody reads as an answer."""

import sys
from typing import TextIO, cast

import structlog


class _StandardError:
    """Standard error as it is when something is written, not as it was at the start."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def log_to_stderr() -> None:
    """Send every message to standard error; called once by each process.

    A traceback comes without the values of its variables: a database's password is among them.
    """
    file = cast(TextIO, _StandardError())
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file))
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
