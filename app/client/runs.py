"""The client's calls for runs: made, followed, stopped, described."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.client.calls import Calls, Glance, keyed, until_over
from app.client.records import Estimate, Run, Verdict

OVER: Final = frozenset({"succeeded", "diverged", "failed", "cancelled"})


class RunCalls(Calls):
    """Runs and their verbs."""

    def catalog(self) -> dict[str, Any]:
        """Return everything a configuration can name."""
        found: dict[str, Any] = self._answer("GET", "/catalog")
        return found

    def create_run(self, config: Mapping[str, Any], *, idempotency_key: str | None = None) -> Run:
        """Queue a run and return it."""
        found: Run = self._answer(
            "POST", "/runs", json=dict(config), headers=keyed(idempotency_key)
        )
        return found

    def estimate(self, config: Mapping[str, Any]) -> Estimate:
        """Return memory, stored bytes and work of a configuration, without running it."""
        found: Estimate = self._answer("POST", "/runs/estimate", json=dict(config))
        return found

    def run(self, run_id: str) -> Run:
        """Return a run."""
        found: Run = self._answer("GET", f"/runs/{run_id}")
        return found

    def runs(self, **filters: Any) -> Iterator[Run]:  # noqa: ANN401  # query values
        """Yield the runs that `status`, `tag`, `cell`, `q`, `sort` select, page by page."""
        yield from self._pages("/runs", filters)

    def wait(self, run_id: str, *, timeout: float | None = None, progress: bool = False) -> Run:
        """Wait for a run's end and return the run.

        Args:
            run_id: The run.
            timeout: Seconds to wait at most; for ever where None.
            progress: Draw a bar of its training steps meanwhile.

        Raises:
            TimeoutError: If it does not end in time.
        """

        def glance(run: Run) -> Glance:
            return Glance(
                name=f"{run['name'] or run_id[:8]}, {run['status']}",
                told=f"run {run_id} is {run['status']}",
                progress=run["progress"],
                is_over=run["status"] in OVER,
            )

        return until_over(
            lambda: self.run(run_id), glance, label=run_id[:8], timeout=timeout, progress=progress
        )

    def cancel(self, run_id: str) -> Run:
        """Stop a run; what it has recorded stays readable."""
        found: Run = self._answer("POST", f"/runs/{run_id}/cancel")
        return found

    def pause(self, run_id: str) -> Run:
        """Let a running run save and stop."""
        found: Run = self._answer("POST", f"/runs/{run_id}/pause")
        return found

    def resume(self, run_id: str) -> Run:
        """Let a paused run go on."""
        found: Run = self._answer("POST", f"/runs/{run_id}/resume")
        return found

    def retry(self, run_id: str) -> Run:
        """Let a failed run go on from its last checkpoint."""
        found: Run = self._answer("POST", f"/runs/{run_id}/retry")
        return found

    def extend(self, run_id: str, steps: int) -> Run:
        """Train a run that succeeded until it has so many steps in all."""
        found: Run = self._answer("POST", f"/runs/{run_id}/extend", json={"steps": steps})
        return found

    def describe(self, run_id: str, **changes: Any) -> Run:  # noqa: ANN401
        """Change the `name`, `tags` or `notes` of a run; what is left out stays."""
        found: Run = self._answer("PATCH", f"/runs/{run_id}", json=changes)
        return found

    def delete(self, run_id: str) -> None:
        """Delete a run that is over."""
        self._request("DELETE", f"/runs/{run_id}")

    def verdict(self, run_id: str) -> Verdict:
        """Return what the newest frame says of the run's gradients."""
        found: Verdict = self._answer("GET", f"/runs/{run_id}/verdict")
        return found
