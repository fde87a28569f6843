"""The client's calls for training loops elsewhere, which `app.capture.watch` makes."""

from collections.abc import Mapping
from typing import Any

from app.client.answers import FRAME_TYPE
from app.client.calls import Calls, keyed
from app.client.records import CaptureFrame, Run


class CaptureCalls(Calls):
    """Runs that are trained elsewhere."""

    def create_capture(
        self, config: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Run:
        """Make a run of a training loop elsewhere and return it; `app.capture.watch` does this."""
        found: Run = self._answer(
            "POST", "/captures", json=dict(config), headers=keyed(idempotency_key)
        )
        return found

    def send_frame(self, run_id: str, body: bytes) -> CaptureFrame:
        """Record a training step of a captured run, packed as safetensors."""
        headers = {"Content-Type": FRAME_TYPE}
        path = f"/captures/{run_id}/frames"
        found: CaptureFrame = self._answer("POST", path, content=body, headers=headers)
        return found

    def finish_capture(
        self, run_id: str, *, status: str = "succeeded", error: str | None = None
    ) -> Run:
        """End a captured run: succeeded, failed or cancelled."""
        told = {"status": status, "error": error}
        found: Run = self._answer("POST", f"/captures/{run_id}/finish", json=told)
        return found
