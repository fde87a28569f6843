"""Checkpoints of one attempt: those that users keep, and what an interrupted run goes on from."""

import time
from typing import Any

import structlog

from app.runs.tensors import model_tensors, probe_tensors
from app.store import Store
from app.store.claims import Claim
from app.trainer.states import pack_state, unpack_state
from engine import RunConfig, Snapshot

# What every state of a training has, whatever its optimizer.
STATE_KEYS = frozenset({"step", "generator", "weights"})

log = structlog.get_logger()


class Saver:
    """Writes the training's state when it is time, and the weights that users keep."""

    def __init__(self, store: Store, claim: Claim, config: RunConfig, every_seconds: float) -> None:
        """Count the time until the first checkpoint from now."""
        self._store = store
        self._claim = claim
        self._every = every_seconds
        self._saved_at = time.monotonic()
        self._kept = config.recording.kept_steps(config.training.steps)
        self._keeps_last = "last" in config.recording.checkpoints

    @property
    def is_due(self) -> bool:
        """Whether so much time has passed that a loss would hurt."""
        return time.monotonic() - self._saved_at >= self._every

    def save(self, snapshot: Snapshot) -> None:
        """Write the state to go on from; all that is recorded before it is in the arrays."""
        self._saved_at = time.monotonic()
        tensors, text = pack_state(snapshot.state())
        self._store.checkpoints.write_resume(self._claim, snapshot.step, tensors, text)

    def restore(self) -> dict[str, Any] | None:
        """Return the newest state that can be read, None to start from the beginning.

        The same configuration makes the same bits again, from wherever it starts.
        """
        for step, tensors, text in self._store.checkpoints.resumable(self._claim.run_id):
            try:
                state = unpack_state(tensors, text)
            except (ValueError, KeyError, TypeError):
                log.warning("a checkpoint is of another format", run=self._claim.run_id, step=step)
                continue
            if state.keys() >= STATE_KEYS:
                return state
        return None

    def keep(self, snapshot: Snapshot) -> None:
        """Write the weights for users, where the configuration asks for this step.

        The probe is kept of every run: without it nobody could say more of a frame's weights.
        """
        if snapshot.step == 0 and 0 not in self._kept:
            self._store.checkpoints.write_probe(self._claim, probe_tensors(snapshot))
        if snapshot.step in self._kept or (self._keeps_last and snapshot.is_last):
            tensors = model_tensors(snapshot)
            self._store.checkpoints.write_model(self._claim, snapshot.step, tensors)
