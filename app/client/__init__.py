"""A client of the REST API, for scripts, notebooks and other programs.

Example:
    >>> from app.client import Client
    >>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
    ...     run = client.create_run({"model": {"cell": "lstm"}})
    ...     client.wait(run["id"], progress=True)
    ...     norms = client.statistic(run["id"], "hidden_gradient_norm", step="last")
    ...     norms.values.shape, norms.coords["time"]

What the answers hold is in `app.client.records`.
"""

from typing import Self

import httpx

from app.client.answers import ProblemError, Recorded, StreamedEvent, read_events
from app.client.captures import CaptureCalls
from app.client.reading import ReadingCalls
from app.client.runs import RunCalls
from app.client.streams import StreamCalls
from app.client.sweeps import SweepCalls
from app.client.uploads import UploadCalls

__all__ = ["Client", "ProblemError", "Recorded", "StreamedEvent", "read_events"]


class Client(RunCalls, ReadingCalls, StreamCalls, SweepCalls, UploadCalls, CaptureCalls):
    """Speaks the REST calls of one service; a refusal is a `ProblemError`."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        """Open the connections with a `with` statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
