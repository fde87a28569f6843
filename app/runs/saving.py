"""Checkpoints of one attempt: those that users keep, and what an interrupted run goes on from."""

import time
from typing import Any

from app.runs.tensors import model_tensors, pack_state, unpack_state
from app.store import Store
from app.store.attempts import Claim
from engine import Snapshot


class Saver:
    """Keeps the training's state at the newest frame and writes it when it is time."""

    def __init__(self, store: Store, claim: Claim, every_seconds: float) -> None:
        """Count the time until the first checkpoint from now."""
        self._store = store
        self._claim = claim
        self._every = every_seconds
        self._saved_at = time.monotonic()
        self._held: tuple[int, dict[str, Any]] | None = None
        recording, training = claim.config["recording"], claim.config["training"]
        places = {"first": 0, "last": training["steps"]}
        self._kept = {places.get(each, each) for each in recording["checkpoints"]}
        self._keeps_last = "last" in recording["checkpoints"]

    @property
    def is_due(self) -> bool:
        """Whether so much time has passed that a loss would hurt."""
        return time.monotonic() - self._saved_at >= self._every

    def hold(self, snapshot: Snapshot) -> None:
        """Hold the state at a frame: series are complete there, and a restart loses none."""
        self._held = snapshot.step, dict(snapshot.state())

    def save(self) -> None:
        """Write the held state; without one nothing has happened that could be lost."""
        self._saved_at = time.monotonic()
        if self._held is None:
            return
        step, state = self._held
        tensors, text = pack_state(state)
        claim = self._claim
        self._store.checkpoints.write_resume(claim.run_id, claim.attempt, step, tensors, text)
        self._held = None

    def restore(self) -> dict[str, Any] | None:
        """Return the newest state that can be read, None to start from the beginning."""
        found = self._store.checkpoints.newest_resume(self._claim.run_id)
        return None if found is None else unpack_state(found[1], found[2])

    def keep(self, snapshot: Snapshot) -> None:
        """Write the weights for users, where the configuration asks for this step."""
        if snapshot.step in self._kept or (self._keeps_last and snapshot.is_last):
            tensors = model_tensors(snapshot)
            self._store.checkpoints.write_model(self._claim.run_id, snapshot.step, tensors)
