"""Where watched steps go: a service, or a folder of this machine that holds a store."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from app.client import Client, ProblemError

GONE: Final = frozenset({404, 409, 410})
"""Answers that say the run takes no more frames: deleted, cancelled, over."""
LOCKED: Final = frozenset({401, 403})
"""Answers to who brings no token, or a wrong one."""
WAITS: Final = frozenset({404, 405, 408, 409, 410, 429})
"""Answers that say nothing against what was sent; of a run that is gone, `GONE` comes first."""


class AwayError(Exception):
    """The destination cannot be reached now; later it may."""


class RefusedError(Exception):
    """The destination has refused what was sent, and would again."""


class OverError(Exception):
    """The run takes no more frames: somebody has cancelled or deleted it."""


class Destination(Protocol):
    """Takes what a watcher has seen.

    Attributes:
        stays: Whether steps stay on disk when they have arrived, to be sent to a service later.
    """

    stays: bool

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

    stays = False

    def __init__(self, client: Client) -> None:
        """Speak through a client, which stays its owner's."""
        self._client = client

    def create(self, config: Mapping[str, Any], key: str) -> str:
        """Make a run and return its id."""
        with _told(gone=()):  # no run is gone here: what answers so is no service of ours
            return str(self._client.create_capture(config, idempotency_key=key)["id"])

    def has(self, run_id: str) -> bool:
        """Say whether there is such a run."""
        with _told():
            try:
                self._client.run(run_id)
            except ProblemError as err:
                if err.status not in GONE:
                    raise
                return False
        return True

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
def _told(gone: Collection[int] = GONE) -> Iterator[None]:
    """Tell refusals from absence, and from a door that a token opens later."""
    try:
        yield
    except httpx.TransportError as err:
        raise AwayError(f"the service is away: {err or type(err).__name__}") from err
    except ProblemError as err:
        if err.status in gone:
            raise OverError(str(err)) from err
        if err.status in LOCKED:
            raise AwayError(f"the service wants its token: {err}") from err
        if err.status >= 500 or err.status in WAITS:
            raise AwayError(f"the service is away: {err}") from err
        raise RefusedError(str(err)) from err
    except (ValueError, KeyError, TypeError) as err:
        raise AwayError(f"what answers is no service of Gradtide: {err}") from err


class Folder:
    """A store of this machine, without a service: frames are swept where the loop runs."""

    stays = True

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
            raise AwayError(f"the folder cannot be written: {err}") from err

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
