"""A client of the REST API, for scripts, notebooks and other programs.

Example:
    >>> from app.client import Client
    >>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
    ...     run = client.create_run({"model": {"cell": "lstm"}})
    ...     client.wait(run["id"])
    ...     norms = client.statistic(run["id"], "hidden_gradient_norm", step="last")
    ...     norms.values.shape, norms.coords["time"]
"""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, Self

import httpx
import numpy as np

from app.answers import FRAME_TYPE, ProblemError, Recorded, StreamedEvent, problem_of, read_events
from app.calls import UploadCalls, query

__all__ = ["Client", "ProblemError", "Recorded", "StreamedEvent", "read_events"]

OVER: Final = frozenset({"succeeded", "diverged", "failed", "cancelled"})
_POLL_SECONDS: Final = 0.2
# A stream says something every 15 seconds, if only that it lives.
_STREAM_TIMEOUT: Final = httpx.Timeout(10.0, read=45.0)


class Client(UploadCalls):
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

    def catalog(self) -> dict[str, Any]:
        """Return everything a configuration can name."""
        return self._object("GET", "/catalog")

    def create_run(
        self, config: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Queue a run and return it."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._object("POST", "/runs", json=dict(config), headers=headers)

    def estimate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return memory, stored bytes and work of a configuration, without running it."""
        return self._object("POST", "/runs/estimate", json=dict(config))

    def trace(self, cell: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401  # nested lists
        """Sweep a network once with the weights given; see `POST /traces`."""
        return self._object("POST", "/traces", json={"cell": cell, **asked})

    def compare(
        self,
        runs: Sequence[str],
        statistic: str | None = None,
        **axes: Any,  # noqa: ANN401  # query values
    ) -> dict[str, Any]:
        """Return what runs differ in, and a statistic on the coordinates that all share."""
        params = {**query({**axes, "statistic": statistic}), "run": list(runs)}
        return self._object("GET", "/compare", params=params)

    def export(self, run_id: str, file: BinaryIO, *, format: str = "npz") -> None:
        """Write everything that is recorded of a run into an open file, as it comes."""
        path, params = f"/api/v1/runs/{run_id}/export", {"format": format}
        with self._http.stream("GET", path, params=params) as answer:
            if answer.is_error:
                answer.read()
                raise problem_of(answer)
            for piece in answer.iter_bytes():
                file.write(piece)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run."""
        return self._object("GET", f"/runs/{run_id}")

    def runs(self, **filters: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # query values
        """Yield the runs that `status`, `tag`, `cell`, `q`, `sort` select, page by page."""
        yield from self._pages("/runs", filters)

    def wait(self, run_id: str, *, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a run's end and return the run.

        Raises:
            TimeoutError: If it does not end in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (run := self.run(run_id))["status"] not in OVER:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} is {run['status']} after {timeout} s")
            time.sleep(_POLL_SECONDS)
        return run

    def cancel(self, run_id: str) -> dict[str, Any]:
        """Stop a run; what it has recorded stays readable."""
        return self._object("POST", f"/runs/{run_id}/cancel")

    def pause(self, run_id: str) -> dict[str, Any]:
        """Let a running run save and stop."""
        return self._object("POST", f"/runs/{run_id}/pause")

    def resume(self, run_id: str) -> dict[str, Any]:
        """Let a paused run go on."""
        return self._object("POST", f"/runs/{run_id}/resume")

    def retry(self, run_id: str) -> dict[str, Any]:
        """Let a failed run go on from its last checkpoint."""
        return self._object("POST", f"/runs/{run_id}/retry")

    def extend(self, run_id: str, steps: int) -> dict[str, Any]:
        """Train a run that succeeded until it has so many steps in all."""
        return self._object("POST", f"/runs/{run_id}/extend", json={"steps": steps})

    def describe(self, run_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
        """Change the `name`, `tags` or `notes` of a run; what is left out stays."""
        return self._object("PATCH", f"/runs/{run_id}", json=changes)

    def delete(self, run_id: str) -> None:
        """Delete a run that is over."""
        self._request("DELETE", f"/runs/{run_id}")

    def verdict(self, run_id: str) -> dict[str, Any]:
        """Return what the newest frame says of the run's gradients."""
        return self._object("GET", f"/runs/{run_id}/verdict")

    def create_sweep(
        self,
        base: Mapping[str, Any],
        axes: Mapping[str, Sequence[Any]],
        *,
        repeats: int = 1,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Queue a run of every combination of the axes' values and return the sweep."""
        grid = {"base": dict(base), "axes": {path: list(axes[path]) for path in axes}}
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        body = {**grid, "repeats": repeats}
        return self._object("POST", "/sweeps", json=body, headers=headers)

    def sweep(self, sweep_id: str) -> dict[str, Any]:
        """Return a sweep with its runs."""
        return self._object("GET", f"/sweeps/{sweep_id}")

    def sweeps(self) -> Iterator[dict[str, Any]]:
        """Yield the sweeps, the newest first, page by page."""
        yield from self._pages("/sweeps", {})

    def cancel_sweep(self, sweep_id: str) -> dict[str, Any]:
        """Stop every run of a sweep that is not over."""
        return self._object("POST", f"/sweeps/{sweep_id}/cancel")

    def matrix(
        self, sweep_id: str, *, x: str | None = None, y: str | None = None, value: str
    ) -> dict[str, Any]:
        """Return median and band of a value over two axes of a sweep."""
        params = query({"x": x, "y": y, "value": value})
        return self._object("GET", f"/sweeps/{sweep_id}/matrix", params=params)

    def create_capture(
        self, config: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Make a run of a training loop elsewhere and return it; `app.capture.watch` does this."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._object("POST", "/captures", json=dict(config), headers=headers)

    def send_frame(self, run_id: str, body: bytes) -> dict[str, Any]:
        """Record a training step of a captured run, packed as safetensors."""
        headers = {"Content-Type": FRAME_TYPE}
        path = f"/captures/{run_id}/frames"
        return self._object("POST", path, content=body, headers=headers)

    def finish_capture(
        self, run_id: str, *, status: str = "succeeded", error: str | None = None
    ) -> dict[str, Any]:
        """End a captured run: succeeded, failed or cancelled."""
        told = {"status": status, "error": error}
        return self._object("POST", f"/captures/{run_id}/finish", json=told)

    def statistics(self, run_id: str) -> list[dict[str, Any]]:
        """Return the description of every recorded statistic."""
        found: list[dict[str, Any]] = self._request("GET", f"/runs/{run_id}/statistics").json()
        return found

    def statistic(self, run_id: str, name: str, **axes: Any) -> Recorded:  # noqa: ANN401
        """Return a slice, bit for bit; an axis is a coordinate, "a:b", "a:b:k", or a list."""
        params = {**query(axes), "format": "npz"}
        answer = self._request("GET", f"/runs/{run_id}/statistics/{name}", params=params)
        with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
            names = tuple(str(axis) for axis in file["axes"])
            coords = {axis: file[axis] for axis in names}
            return Recorded(name=name, axes=names, coords=coords, values=file["data"])

    def figures(self) -> list[dict[str, Any]]:
        """Return every figure with what it shows and needs."""
        found: list[dict[str, Any]] = self._request("GET", "/figures").json()
        return found

    def sweep_figure(
        self, sweep_id: str, name: str, *, x: str | None = None, y: str | None = None
    ) -> dict[str, Any]:
        """Return a figure of a sweep: `sweep_matrix` or `success_by_lag`."""
        path = f"/sweeps/{sweep_id}/figures/{name}"
        return self._object("GET", path, params=query({"x": x, "y": y}))

    def figure(
        self,
        name: str,
        runs: Sequence[str],
        **options: Any,  # noqa: ANN401  # query values
    ) -> dict[str, Any]:
        """Return a figure as `plotly.graph_objects.Figure(**…)` takes it."""
        params = {**query(options), "run": list(runs)}
        return self._object("GET", f"/figures/{name}", params=params)

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """Return the checkpoints of a run."""
        found: list[dict[str, Any]] = self._request("GET", f"/runs/{run_id}/checkpoints").json()
        return found

    def checkpoint(self, run_id: str, step: int | str, *, part: str | None = None) -> bytes:
        """Return a checkpoint as safetensors; `step` may be "first" or "last"."""
        params = query({"part": part})
        return self._request("GET", f"/runs/{run_id}/checkpoints/{step}", params=params).content

    def chain(self, run_id: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # a query
        """Return one path term factor by factor.

        Args:
            run_id: The run.
            options: step, loss_time, state_time, parameter, sample.
        """
        return self._object("GET", f"/runs/{run_id}/chain", params=query(options))

    def events(
        self, runs: Sequence[str] = (), *, last_event_id: int | None = None
    ) -> Iterator[StreamedEvent]:
        """Yield events as they happen, of some runs or of all; 0 replays everything."""
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        with self._http.stream(
            "GET",
            "/api/v1/events",
            params={"run": list(runs)},
            headers=headers,
            timeout=_STREAM_TIMEOUT,
        ) as answer:
            if answer.is_error:
                answer.read()
                raise problem_of(answer)
            yield from read_events(answer.iter_lines())
