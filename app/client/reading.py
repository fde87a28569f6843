"""The client's calls for what runs have recorded: statistics, figures, weights, whole exports."""

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from app.client.answers import Recorded, problem_of
from app.client.calls import Calls, bytes_bar, query
from app.client.records import ArrayInfo, Chain, Checkpoint, Comparison, Figure, Trace


class ReadingCalls(Calls):
    """What is recorded."""

    def statistics(self, run_id: str) -> list[ArrayInfo]:
        """Return the description of every recorded statistic."""
        found: list[ArrayInfo] = self._answer("GET", f"/runs/{run_id}/statistics")
        return found

    def statistic(self, run_id: str, name: str, **axes: Any) -> Recorded:  # noqa: ANN401
        """Return a slice, bit for bit; an axis is a coordinate, "a:b", "a:b:k", or a list."""
        params = {**query(axes), "format": "npz"}
        answer = self._request("GET", f"/runs/{run_id}/statistics/{name}", params=params)
        with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
            names = tuple(str(axis) for axis in file["axes"])
            coords = {axis: file[axis] for axis in names}
            return Recorded(name=name, axes=names, coords=coords, values=file["data"])

    def figures(self) -> list[Figure]:
        """Return every figure with what it shows and needs."""
        found: list[Figure] = self._answer("GET", "/figures")
        return found

    def figure(
        self,
        name: str,
        runs: Sequence[str],
        **options: Any,  # noqa: ANN401  # query values
    ) -> dict[str, Any]:
        """Return a figure as `plotly.graph_objects.Figure(**…)` takes it."""
        params = {**query(options), "run": list(runs)}
        found: dict[str, Any] = self._answer("GET", f"/figures/{name}", params=params)
        return found

    def run_figures(
        self,
        run_id: str,
        names: Sequence[str],
        **options: Any,  # noqa: ANN401  # query values
    ) -> dict[str, dict[str, Any]]:
        """Return several figures of one run at one moment, by name."""
        params = {**query(options), "name": list(names)}
        found: dict[str, dict[str, Any]] = self._answer(
            "GET", f"/runs/{run_id}/figures", params=params
        )
        return found

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """Return the checkpoints of a run."""
        found: list[Checkpoint] = self._answer("GET", f"/runs/{run_id}/checkpoints")
        return found

    def checkpoint(self, run_id: str, step: int | str, *, part: str | None = None) -> bytes:
        """Return a checkpoint as safetensors; `step` may be "first" or "last"."""
        params = query({"part": part})
        return self._request("GET", f"/runs/{run_id}/checkpoints/{step}", params=params).content

    def chain(self, run_id: str, **options: Any) -> Chain:  # noqa: ANN401  # a query
        """Return one path term factor by factor.

        Args:
            run_id: The run.
            options: step, loss_time, state_time, parameter, layer, sample.
        """
        found: Chain = self._answer("GET", f"/runs/{run_id}/chain", params=query(options))
        return found

    def compare(
        self,
        runs: Sequence[str],
        statistic: str | None = None,
        **axes: Any,  # noqa: ANN401  # query values
    ) -> Comparison:
        """Return what runs differ in, and a statistic on the coordinates that all share."""
        params = {**query({**axes, "statistic": statistic}), "run": list(runs)}
        found: Comparison = self._answer("GET", "/compare", params=params)
        return found

    def export(
        self, run_id: str, file: BinaryIO, *, format: str = "npz", progress: bool = False
    ) -> None:
        """Write everything that is recorded of a run into an open file, as it comes.

        Args:
            run_id: The run.
            file: Open for writing bytes.
            format: npz, csv, arrow, html or tensorboard.
            progress: Show how many bytes have come; how many there will be is not known.
        """
        path, params = f"/api/v1/runs/{run_id}/export", {"format": format}
        with (
            bytes_bar(shown=progress) as bar,
            self._http.stream("GET", path, params=params) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise problem_of(answer)
            task = bar.add_task(f"{run_id[:8]}, {format}", total=None)
            for piece in answer.iter_bytes():
                file.write(piece)
                bar.advance(task, len(piece))

    def trace(self, cell: str, **asked: Any) -> Trace:  # noqa: ANN401  # nested lists
        """Sweep a network once with the weights given; see `POST /traces`."""
        found: Trace = self._answer("POST", "/traces", json={"cell": cell, **asked})
        return found
