"""Writes the frames of one attempt: readable a few at a time, in the arrays a chunk at a time."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import OperationalError

from app.store import Store
from app.store.chunks import Block, ChunkWriter
from app.store.claims import Claim, Part, Progress, Recorded, Request
from app.store.kept_weights import WEIGHTS, WeightWriter, stride_of
from app.store.layouts import STEPS_PER_CHUNK, StoredLayout, frame_count
from app.store.payloads import payload_of, rows_of
from engine import Frame, Series, Verdict

LARGE_FRAME_BYTES = 2**20  # goes to the arrays at once: too much for a row of the database
MAX_BUFFERED_BYTES = 16 * 2**20
SPARKLINE_POINTS = 32
SPARKLINE_STATISTIC = "last_loss_gradient"
RETRY_SECONDS = 0.2

T = TypeVar("T")


class Lease(Protocol):
    """What says whether a run may still be written to."""

    def require_lease(self) -> None:
        """Raise where another worker may hold the run by now."""

    def heard(self, request: Request | None, since: float) -> None:
        """Take what a report that renewed the lease was told; it began at `since`, monotonic."""


class Verdicts(Protocol):
    """What says how a run fares."""

    def settle(self) -> tuple[Verdict | None, bool]:
        """Return the verdict on the newest frame, and whether it is another than was told last."""


class FrameWriter:
    """Frames of a claimed run on their way to readers, then to the arrays.

    A frame that is written waits until something is committed: a transaction for each would cost
    as much as the frame. What a crash takes with it, a resumed run makes again.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        control: Lease,
        layouts: Sequence[StoredLayout],
        verdicts: Verdicts,
    ) -> None:
        """Prepare to write; files come with the first flush.

        Args:
            store: Where the run is.
            claim: The hold on it.
            control: Says whether the hold still holds.
            layouts: What is recorded.
            verdicts: The verdict that is told with the frames.
        """
        self._store = store
        self._claim = claim
        self._control = control
        self._verdicts = verdicts
        self._layouts = {layout.name: layout for layout in layouts}
        drawn = self._layouts.get(SPARKLINE_STATISTIC)
        self._layers = () if drawn is None else tuple(drawn.coords["layer"])
        steps = int(claim.config["training"]["steps"])
        every = int(claim.config["recording"]["every"])
        self._steps = store.arrays.frame_steps(claim.run_id)
        # Before it was extended a run ended between two of its frames: that frame is one more.
        frames = frame_count(steps=steps, every=every) + sum(
            step % every != 0 for step in self._steps
        )
        # Series end before the last step, unless the run diverges on the last frame's own batch.
        self._arrays = ChunkWriter(
            store.arrays.files, claim, layouts, frames=frames, steps=steps + 1
        )
        self._weights = WeightWriter(store.checkpoints.files, claim)
        self._frames = frames
        self._series_end = claim.recorded_series
        self._waiting: list[Block] = []
        self._waiting_weights: list[Part] = []
        self._waiting_bytes = 0
        self._decay: NDArray[Any] | None = None  # what the sparkline is drawn of
        self._committed = len(self._steps)
        self._is_in_arrays = False  # the frame that waits: a large one goes there first
        self._buffered_frames = 0
        self._buffered_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush: with the last row of a chunk, so that it is written once."""
        if not self._buffered_frames:
            return False
        chunk_ends = len(self._steps) % STEPS_PER_CHUNK == 0
        return chunk_ends or self._buffered_bytes >= MAX_BUFFERED_BYTES

    def write(self, frame: Frame, weights: bytes) -> None:
        """Take a frame; one that an earlier attempt has written stays as it is.

        The same configuration gives the same bits, so a resumed run repeats what is there.

        Args:
            frame: The frame.
            weights: Those that it is of, packed; of many large ones some are left out.
        """
        if self._steps and frame.step <= self._steps[-1]:
            return
        row = len(self._steps)
        blocks = self._blocks(frame, row)
        kept: list[Part] = []
        if row % stride_of(len(weights), self._frames) == 0:
            kept = [Part(name=WEIGHTS, row=row, rows=1, payload=weights)]
        size = sum(block.values.nbytes for block in blocks) + sum(len(w.payload) for w in kept)
        large = size > LARGE_FRAME_BYTES
        if large:
            self.flush()
            self._write_arrays(blocks, kept)
        else:
            self._waiting += blocks
            self._waiting_weights += kept
            self._waiting_bytes += size
            self._buffered_frames += 1
            self._buffered_bytes += size
        self._steps.append(frame.step)
        self._decay = frame.arrays.get(SPARKLINE_STATISTIC)
        self._is_in_arrays = large
        # Members of an ensemble report rarely: all of them together would hold too much.
        if large or self._waiting_bytes > LARGE_FRAME_BYTES:
            self.commit()

    def commit(self, progress: Progress | None = None) -> None:
        """Make the frames that wait readable, and say how far the run is."""
        if self._committed < len(self._steps):
            self._commit(progress)
        elif progress is not None:
            self._report(lambda: self._store.attempts.progress(self._claim, progress))

    def _commit(self, progress: Progress | None) -> None:
        verdict, changed = self._verdicts.settle()
        recorded = Recorded(
            row=self._committed,
            steps=self._steps[self._committed :],
            parts=self._parts(self._waiting) + self._waiting_weights,
            series_end=self._series_end,
            flushed=self._is_in_arrays,
            verdict=None if verdict is None else verdict.to_dict(),
            changed=changed,
            sparkline=None if self._decay is None else sparkline_of(self._decay, self._layers),
        )
        if progress is None:
            self.patiently(lambda: self._store.attempts.record(self._claim, recorded))
        else:
            self._report(lambda: self._store.attempts.record(self._claim, recorded, progress))
        self._waiting, self._waiting_weights, self._waiting_bytes = [], [], 0
        self._committed = len(self._steps)

    def _report(self, write: Callable[[], Request | None]) -> None:
        """Write what renews the lease."""

        def written() -> tuple[float, Request | None]:
            return time.monotonic(), write()

        since, request = self.patiently(written)
        self._control.heard(request, since)

    def extend(self, series: Series) -> None:
        """Make series readable that belong to no frame yet: the training is left between two."""
        self.commit()
        parts = self._parts(self._series_blocks(series.start, series.rows))
        if parts:
            end = self._series_end
            self.patiently(lambda: self._store.attempts.record_series(self._claim, parts, end))

    def flush(self) -> None:
        """Move what is recorded into the arrays and make it durable."""
        self.commit()
        parts = self.patiently(lambda: self._store.attempts.unflushed(self._claim))
        if parts:
            weights = [part for part in parts if part.name == WEIGHTS]
            self._write_arrays(self._blocks_of(parts), weights)
            self.patiently(lambda: self._store.attempts.flushed(self._claim))
        self._buffered_frames = self._buffered_bytes = 0

    def patiently(self, write: Callable[[], T]) -> T:
        """Write to the database; where it is locked, try again as long as the lease is held."""
        while True:
            self._control.require_lease()
            try:
                return write()
            except OperationalError as err:
                if not self._store.database.is_passing(err):
                    raise
                time.sleep(RETRY_SECONDS)

    def _blocks(self, frame: Frame, row: int) -> list[Block]:
        own = [Block(name, row, values[np.newaxis]) for name, values in frame.arrays.items()]
        return own + self._series_blocks(frame.series_start, frame.series)

    def _series_blocks(self, first: int, series: Mapping[str, NDArray[Any]]) -> list[Block]:
        # A resumed run repeats the steps since its checkpoint: only what is new counts.
        known = max(0, self._series_end - first)
        start = first + known
        blocks = [
            Block(name, start, values[known:])
            for name, values in series.items()
            if len(values) > known
        ]
        ends = [start + len(block.values) for block in blocks]
        self._series_end = max([self._series_end, *ends])
        return blocks

    def _parts(self, blocks: Sequence[Block]) -> list[Part]:
        """Return the rows of each array that follow each other as a row of the database."""
        return [
            Part(
                name=block.name,
                row=block.row,
                rows=len(block.values),
                payload=payload_of(self._layouts[block.name], block.values),
            )
            for block in _joined(blocks)
        ]

    def _blocks_of(self, parts: Sequence[Part]) -> list[Block]:
        return [
            Block(part.name, part.row, rows_of(self._layouts[part.name], part.rows, part.payload))
            for part in parts
            if part.name != WEIGHTS
        ]

    def _write_arrays(self, blocks: Sequence[Block], weights: Sequence[Part]) -> None:
        # A write after another worker's claim is for nobody, wherever it comes to lie.
        self._control.require_lease()
        self._arrays.write(_joined(blocks))
        for part in weights:
            self._control.require_lease()
            self._weights.write(part.row, part.payload)
        self._arrays.sync()
        self._weights.sync()


def sparkline_of(decay: NDArray[Any], layers: Sequence[int | str]) -> list[float]:
    """Return some points of how the last loss's gradient decays in the top layer, by time.

    Args:
        decay: Of every layer, (S, T).
        layers: Their coordinates; of two directions the forward one is shown.
    """
    forwards = [at for at, layer in enumerate(layers) if not str(layer).endswith("r")]
    row = decay[forwards[-1]]
    picked = np.unique(np.linspace(0, len(row) - 1, SPARKLINE_POINTS).round().astype(int))
    return [float(value) for value in row[picked]]


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Join the blocks of each array that follow each other, so that a chunk is written once."""
    found: dict[str, list[list[Block]]] = {}
    for block in blocks:
        groups = found.setdefault(block.name, [])
        if groups and groups[-1][-1].row + len(groups[-1][-1].values) == block.row:
            groups[-1].append(block)
        else:
            groups.append([block])
    return [
        Block(name, group[0].row, np.concatenate([block.values for block in group]))
        for name, groups in found.items()
        for group in groups
    ]
