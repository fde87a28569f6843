"""Training as a generator of snapshots, with optimizers, schedules and clipping."""

from engine.learning.snapshot import Snapshot, State
from engine.learning.training import build_network, train

__all__ = ["Snapshot", "State", "build_network", "train"]
