"""Which attempt's files hold which recorded rows.

Every attempt writes into folders with its number, and nobody else does: `<run>/<attempt>/`. So a
worker that was frozen in the midst of a write, lost its run meanwhile and then goes on, ends that
write where no reader looks any more. Which attempts' rows count, and from which row on, stands in
the run's row and changes in the statement that says that rows are flushed, under its fence. In the
first chunk of an array that an attempt writes are the rows too that its forerunners wrote there.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from app.store.layouts import StoredLayout


class Segment(NamedTuple):
    """The rows from which on an attempt's files are read, until the next segment's.

    Attributes:
        frames: Its first row in what has a row a frame.
        series: Its first row in what has a row at every training step.
        attempt: Whose files they are.
    """

    frames: int
    series: int
    attempt: int

    def first(self, layout: StoredLayout) -> int:
        """Return its first row of an array."""
        return self.series if layout.per_step else self.frames


Segments = tuple[Segment, ...]

EARLIEST: Final = Segment(0, 0, 0)
"""Where rows before the first segment lie: attempts had no folders of their own once."""


def segments_of(data: Iterable[Sequence[int]]) -> Segments:
    """Return the segments that a row of the table holds."""
    return tuple(Segment(*each) for each in data)


def with_attempt(segments: Segments, attempt: int, *, frames: int, series: int) -> Segments:
    """Return segments that end with an attempt's, which may have flushed something already."""
    if segments and segments[-1].attempt == attempt:
        return segments
    return (*segments, Segment(frames, series, attempt))


def in_use(segments: Segments) -> Segments:
    """Return where rows can lie, those from before there were segments included."""
    if segments and segments[0][:2] == EARLIEST[:2]:
        return segments
    return (EARLIEST, *segments)


def folder_of(run_id: str, attempt: int) -> str:
    """Return under which name an attempt's files are."""
    return f"{run_id}/{attempt}" if attempt else run_id


def to_list(segments: Segments) -> list[list[Any]]:
    """Return what `segments_of` makes the same segments of."""
    return [list(each) for each in segments]
