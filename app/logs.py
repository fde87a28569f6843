"""Where the service's own messages go: standard error, which nobody reads as an answer."""

import sys

import structlog


def log_to_stderr() -> None:
    """Send every message to standard error; called once by each process."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
