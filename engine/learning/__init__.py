"""Training as a generator of snapshots, with optimizers, schedules and clipping."""

from engine.learning.beginning import build_network
from engine.learning.grouping import ensembles
from engine.learning.many import Many, Member, train_many
from engine.learning.one import train
from engine.learning.replica import Replica, Report, report_of
from engine.learning.snapshot import Snapshot, State

__all__ = [
    "Many",
    "Member",
    "Replica",
    "Report",
    "Snapshot",
    "State",
    "build_network",
    "ensembles",
    "report_of",
    "train",
    "train_many",
]
