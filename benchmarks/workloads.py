"""The networks and tasks that are timed, and what is asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One cell on one task at one size.

    Attributes:
        goal: Least ratio of PyTorch's time to ours; None where none is set.
    """

    task: str
    cell: str
    activation: str | None
    length: int = 100
    batch: int = 32
    hidden: int = 64
    goal: float | None = None

    @property
    def name(self) -> str:
        """Cell and task in one word each: "tanh/adding"."""
        return f"{self.activation or self.cell}/{self.task}"

    def config(self, **recording: object) -> Mapping[str, Any]:
        """Return the run's configuration with the given recording."""
        return {
            "name": self.name,
            "seed": SEED,
            "task": {"kind": self.task, "length": self.length},
            "model": {
                "cell": self.cell,
                "activation": self.activation,
                "hidden_size": self.hidden,
            },
            "training": {
                "steps": 10_000_000,
                "batch_size": self.batch,
                "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.0},
                "clipping": None,
            },
            "recording": recording,
        }


CELLS = (("elman", "tanh", 2.0), ("elman", "relu", 2.0), ("lstm", None, 0.9), ("gru", None, 2.0))

TASKS = ("adding", "copy")
"""The loss stands at the last step, or at every step."""

GATED = tuple(
    Workload(task=task, cell=cell, activation=activation, goal=goal if task == "adding" else None)
    for task in TASKS
    for cell, activation, goal in CELLS
)
"""H = 64, T = 100, B = 32. Where the loss stands at every step a frame has no goal: the gradient of
the last loss alone, which every frame holds, is there a sweep of its own.
"""

SIZES = (
    {"length": 50, "batch": 1, "hidden": 16},
    {"length": 100, "batch": 32, "hidden": 128},
    {"length": 200, "batch": 64, "hidden": 128},
    {"length": 100, "batch": 128, "hidden": 256},
)

FULL = tuple(
    Workload(task=task, cell=cell, activation=activation, **size)
    for size in SIZES
    for task in TASKS
    for cell, activation, _ in CELLS
)
"""Other sizes, from one where calls cost most to one where products do."""
