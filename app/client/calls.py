"""How a client asks: requests, pages of lists, and bars that show how far something is."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import httpx
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from app.client.answers import problem_of
from app.client.records import Progress as RunProgress
from app.client.records import SweepProgress

T = TypeVar("T")

POLL_SECONDS: Final = 0.2


class Calls:
    """Requests of one service; a refusal is a `ProblemError`."""

    _http: httpx.Client

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what a list holds, asking for a page when the one before is used up."""
        cursor: str | None = None
        while True:
            page = self._answer("GET", path, params=query({**filters, "cursor": cursor}))
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _answer(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401  # of JSON
        return self._request(method, path, **options).json()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        answer = self._http.request(method, f"/api/v1{path}", **options)
        if answer.is_error:
            raise problem_of(answer)
        return answer


def query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were given."""
    return {key: value for key, value in values.items() if value not in (None, [])}


def keyed(idempotency_key: str | None) -> dict[str, str]:
    """Return the header of a key, by which a call that is sent twice is done once."""
    return {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}


def progress_bar(*, shown: bool) -> Progress:
    """Return a bar that counts steps; one that is not shown draws nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        disable=not shown,
    )


def bytes_bar(*, shown: bool) -> Progress:
    """Return a bar that counts bytes; one that is not shown draws nothing."""
    return Progress(
        TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), disable=not shown
    )


class Glance(NamedTuple):
    """How far something is that is waited for.

    Attributes:
        name: What stands beside the bar.
        told: What it is, should the time run out: "run … is running".
        progress: Its `step` and `steps`.
    """

    name: str
    told: str
    progress: RunProgress | SweepProgress
    is_over: bool


def until_over(
    look: Callable[[], T],
    glance_of: Callable[[T], Glance],
    *,
    label: str,
    timeout: float | None,
    progress: bool,
) -> T:
    """Look again and again until something is over, and return it.

    Args:
        look: Asks the service.
        glance_of: Says how far the answer is.
        label: Stands beside the bar before the first answer.
        timeout: Seconds to wait at most; for ever where None.
        progress: Draw a bar of training steps meanwhile.

    Raises:
        TimeoutError: If it does not end in time.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    with progress_bar(shown=progress) as bar:
        task = bar.add_task(label, total=None)
        while True:
            found = look()
            glance = glance_of(found)
            how_far = glance.progress
            bar.update(
                task,
                description=escape(glance.name),
                completed=how_far["step"],
                total=how_far["steps"],
            )
            if glance.is_over:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{glance.told} after {timeout} s")
            time.sleep(POLL_SECONDS)
