"""What an observation says of its sweep as it is: sizes, cell and loss.

Read where they are asked for: a look at a training step costs what it keeps.
"""

from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells.base import Cell


class ObservedSweep:
    """Names of a sweep's own.

    Attributes:
        sweep: What was swept.
    """

    sweep: Sweep

    @property
    def network(self) -> Network:
        """The network that was swept."""
        return self.sweep.network

    @property
    def cell(self) -> Cell:
        """The cell of every layer."""
        return self.sweep.network.cell

    @property
    def layers(self) -> int:
        """S, each direction counted."""
        return len(self.sweep.network.layers)

    @property
    def length(self) -> int:
        """T."""
        return self.sweep.length

    @property
    def size(self) -> int:
        """B."""
        return self.sweep.batch

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.sweep.network.hidden

    @property
    def loss(self) -> float:
        """Of the batch that was swept."""
        return self.sweep.loss.value

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None where the task has no classes."""
        return self.sweep.loss.accuracy
