"""A sequence cut into segments, so that a tape need hold one of them at a time.

With the states before each of n segments kept and the steps of one on a tape, memory is least
where n and the steps of a segment K are alike: about √T each. Segments are whole chunks of the
sweep, and whole windows of a truncated one, so that everything is added up as on a whole tape.
"""

import math
from dataclasses import dataclass

from engine.bptt.tape import CHUNK


@dataclass(frozen=True, slots=True)
class Segments:
    """Where a sequence is cut.

    Attributes:
        length: T.
        steps: K, of every segment but the last.
        count: n.
        furthest: How many steps back a step may read.
        truncated: Whether nothing goes on from a segment to the one before it.
    """

    length: int
    steps: int
    count: int
    furthest: int
    truncated: bool

    @classmethod
    def of(cls, length: int, *, furthest: int = 1, window: int | None = None) -> "Segments":
        """Cut a sequence.

        The last segment has whatever is left, which is at least as long as a step reads back.

        Example:
            >>> Segments.of(1000).steps, Segments.of(1000).count, Segments.of(1000).bounds(31)
            (32, 32, (992, 1000))
        """
        least = max(math.isqrt(length - 1) + 1, furthest)
        unit = math.lcm(CHUNK, window or 1)
        steps = -(-least // unit) * unit
        before = max(0, (length - furthest) // steps)
        if before * steps == length:
            before -= 1
        return cls(length, steps, before + 1, furthest, window is not None)

    def bounds(self, number: int) -> tuple[int, int]:
        """Return the first step of a segment, and the step after its last."""
        start = number * self.steps
        return start, self.length if number == self.count - 1 else start + self.steps
