"""Where watched steps go: a service, or a folder of this machine that holds a store."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

from app.client import Client, ProblemError

GONE = frozenset({404, 409, 410})
"""Answers that say the run takes no more frames: deleted, cancelled, over."""


class AwayError(Exception):
    """The destination cannot be reached now; later it may."""


class RefusedError(Exception):
    """The destination has refused what was sent, and would again."""


class OverError(Exception):
    """The run takes no more frames: somebody has cancelled or deleted it."""


class Destination(Protocol):
    """Takes what a watcher has seen."""

    def create(self, config: Mapping[str, Any], key: str) -> str:
        """Make a run and return its id; the same key makes one run."""

    def add(self, run_id: str, body: bytes) -> None:
        """Record a step; one that is there changes nothing."""

    def finish(self, run_id: str, status: str, error: str | None) -> None:
        """End the run."""

    def close(self) -> None:
        """Let go of what is held open."""


class Service:
    """A service, over HTTP."""

    def __init__(self, client: Client) -> None:
        """Speak through a client, which stays its owner's."""
        self._client = client

    def create(self, config: Mapping[str, Any], key: str) -> str:
        """Make a run and return its id."""
        with _told():
            return str(self._client.create_capture(config, idempotency_key=key)["id"])

    def add(self, run_id: str, body: bytes) -> None:
        """Record a step."""
        with _told():
            self._client.send_frame(run_id, body)

    def finish(self, run_id: str, status: str, error: str | None) -> None:
        """End the run."""
        with _told():
            self._client.finish_capture(run_id, status=status, error=error)

    def close(self) -> None:
        """Leave the client to its owner."""


@contextlib.contextmanager
def _told() -> Any:  # noqa: ANN401  # a generator that contextlib wraps
    """Tell refusals from absence."""
    try:
        yield
    except httpx.TransportError as err:
        raise AwayError(str(err) or type(err).__name__) from err
    except ProblemError as err:
        if err.status in GONE:
            raise OverError(str(err)) from err
        if err.status >= 500 or err.status in (408, 429):
            raise AwayError(str(err)) from err
        raise RefusedError(str(err)) from err


class Folder:
    """A store of this machine, without a service: frames are swept where the loop runs."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; the store is opened by the first run, in the thread that writes."""
        self._folder = folder
        self._held: Any = None

    def _captures(self) -> Any:  # noqa: ANN401  # of a module that is imported late
        from app.runs.captures import Captures
        from app.settings import Settings
        from app.store import open_store

        if self._held is None:
            store = open_store(Settings(data=self._folder))
            self._held = (store, Captures(store))
        return self._held[1]

    def create(self, config: Mapping[str, Any], key: str) -> str:
        """Make a run and return its id."""
        return str(self._captures().create(config, key)[0].id)

    def add(self, run_id: str, body: bytes) -> None:
        """Record a step."""
        from app.frame_bytes import unpack
        from app.runs import IllegalTransition
        from app.store import LeaseLost, RunNotFound
        from engine import EngineError

        try:
            self._captures().add(run_id, unpack(body))
        except (IllegalTransition, RunNotFound, LeaseLost) as err:
            raise OverError(str(err)) from err
        except EngineError as err:
            raise RefusedError(str(err)) from err
        except OSError as err:
            raise AwayError(str(err)) from err

    def finish(self, run_id: str, status: str, error: str | None) -> None:
        """End the run."""
        from app.runs import IllegalTransition
        from app.store import RunNotFound

        try:
            self._captures().finish(run_id, status, error)
        except (IllegalTransition, RunNotFound) as err:
            raise OverError(str(err)) from err

    def close(self) -> None:
        """Close the store."""
        if self._held is not None:
            self._held[0].close()
            self._held = None
