"""The client's calls for sweeps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.client.calls import Calls, Glance, keyed, query, until_over
from app.client.records import Matrix, Sweep, SweepSummary


class SweepCalls(Calls):
    """Grids of runs."""

    def create_sweep(
        self,
        base: Mapping[str, Any],
        axes: Mapping[str, Sequence[Any]],
        *,
        repeats: int = 1,
        idempotency_key: str | None = None,
    ) -> Sweep:
        """Queue a run of every combination of the axes' values and return the sweep."""
        grid = {"base": dict(base), "axes": {path: list(axes[path]) for path in axes}}
        body = {**grid, "repeats": repeats}
        found: Sweep = self._answer("POST", "/sweeps", json=body, headers=keyed(idempotency_key))
        return found

    def sweep(self, sweep_id: str) -> Sweep:
        """Return a sweep with its runs."""
        found: Sweep = self._answer("GET", f"/sweeps/{sweep_id}")
        return found

    def sweeps(self) -> Iterator[SweepSummary]:
        """Yield the sweeps, the newest first, page by page."""
        yield from self._pages("/sweeps", {})

    def cancel_sweep(self, sweep_id: str) -> Sweep:
        """Stop every run of a sweep that is not over."""
        found: Sweep = self._answer("POST", f"/sweeps/{sweep_id}/cancel")
        return found

    def delete_sweep(self, sweep_id: str, *, runs: bool = False) -> None:
        """Delete a sweep; its runs stay, unless they are to go with it and all are over."""
        self._request("DELETE", f"/sweeps/{sweep_id}", params=query({"runs": runs}))

    def matrix(
        self, sweep_id: str, *, x: str | None = None, y: str | None = None, value: str
    ) -> Matrix:
        """Return median and band of a value over two axes of a sweep."""
        params = query({"x": x, "y": y, "value": value})
        found: Matrix = self._answer("GET", f"/sweeps/{sweep_id}/matrix", params=params)
        return found

    def sweep_figure(
        self, sweep_id: str, name: str, *, x: str | None = None, y: str | None = None
    ) -> dict[str, Any]:
        """Return a figure of a sweep: `sweep_matrix` or `success_by_lag`."""
        path = f"/sweeps/{sweep_id}/figures/{name}"
        found: dict[str, Any] = self._answer("GET", path, params=query({"x": x, "y": y}))
        return found

    def wait_for_sweep(
        self, sweep_id: str, *, timeout: float | None = None, progress: bool = False
    ) -> Sweep:
        """Wait until every run of a sweep is over and return the sweep; as `wait` otherwise.

        Raises:
            TimeoutError: If they are not over in time.
        """

        def glance(sweep: Sweep) -> Glance:
            how_far = sweep["progress"]
            return Glance(
                name=f"{sweep['name']}, {how_far['over']} of {how_far['runs']} runs",
                told=f"sweep {sweep_id} is {sweep['status']}",
                progress=how_far,
                is_over=how_far["over"] == how_far["runs"],
            )

        return until_over(
            lambda: self.sweep(sweep_id),
            glance,
            label=sweep_id[:8],
            timeout=timeout,
            progress=progress,
        )
