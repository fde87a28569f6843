"""What has become of the steps that a watcher was to look at."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """What has become of the steps that were due.

    Attributes:
        taken: Handed to the threads behind the loop.
        sent: Recorded by the service.
        dropped: Those threads were busy, or the disk had no more room.
        refused: The service did not take them.
        too_long: Longer than the run's sequences; see `length` of `watch`.
        without_gradient: No gradient came before the next was due.
    """

    taken: int = 0
    sent: int = 0
    dropped: int = 0
    refused: int = 0
    too_long: int = 0
    without_gradient: int = 0
