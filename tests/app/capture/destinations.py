"""Where watched steps go in tests: to a list, or to nobody for a while."""

from collections.abc import Mapping
from typing import Any

from app.capture.destinations import AwayError, OverError, RefusedError
from app.capture.watcher import Watcher


class Kept:
    """Keeps what comes; `away`, `refusing` and `over` say how it answers at the moment."""

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
            raise AwayError("connection refused")
        if self.over:
            raise OverError("409: it is cancelled")


def watched_by(kept: Kept, watcher: Watcher) -> Watcher:
    """Return the watcher with another destination."""
    watcher._destination = kept
    return watcher
