"""Where watched steps go in tests: to a list, or to nobody for a while."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from app.capture.destinations import AwayError, OverError, RefusedError
from app.capture.watcher import Watcher

SECONDS = 60.0


class Kept:
    """Keeps what comes; `away`, `refusing` and `over` say how it answers at the moment."""

    stays = False

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.keys: list[str] = []
        self.bodies: list[bytes] = []
        self.end: tuple[str, str | None] | None = None
        self.away = self.refusing = self.over = False

    def create(self, config: Mapping[str, Any], key: str) -> str:
        self._answer()
        self.config = dict(config)
        self.keys.append(key)
        return "a run"

    def add(self, run_id: str, body: bytes) -> None:
        assert run_id == "a run"
        self._answer()
        if self.refusing:
            raise RefusedError("422: gradients.output: expected another shape")
        self.bodies.append(body)

    def finish(self, run_id: str, status: str, error: str | None) -> None:
        self._answer()
        self.end = (status, error)

    def close(self) -> None:
        """Nothing is held open."""

    def _answer(self) -> None:
        if self.away:
            raise AwayError("the service is away: connection refused")
        if self.over:
            raise OverError("409: it is cancelled")


def watched_by(kept: Kept, watcher: Watcher) -> Watcher:
    """Return the watcher with another destination."""
    watcher._destination = kept
    return watcher


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(watcher: Watcher) -> int:
    assert watcher._sender is not None
    return watcher._sender.waiting
