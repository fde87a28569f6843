"""Recorded arrays: readable at once, never torn, read by coordinate."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import numpy as np
import pytest

from app.store import RunNotFound, SelectionError, Span, StatisticNotFound, Store
from app.store.layouts import StoredLayout
from tests.app.store.stored_runs import EVERY, HIDDEN, Recording, claimed, new_store, queued

WINDOW = 150  # frames that a read takes, over two chunks


@pytest.fixture
def recording(store: Store, rng: np.random.Generator) -> Recording:
    return Recording(store, claimed(store, queued(store)), rng)


def record(recording: Recording, *, frames: int, flush_after: Sequence[int] = ()) -> None:
    for frame in range(frames):
        recording.frame()
        if frame in flush_after:
            recording.flush()


def test_a_frame_can_be_read_as_soon_as_its_event_is_out(recording: Recording) -> None:
    store, run = recording.store, recording.claim.run_id
    recording.frame()
    frame = [event for event in store.events.after(0) if event.kind == "frame"][-1]
    found = store.arrays.read(run, "hidden_gradient", {"step": frame.data["step"]})
    assert found.values.tobytes() == recording.hidden[0].tobytes()


@pytest.mark.parametrize("flush_after", [(), (3,), (6,), range(7)])
def test_flushed_and_fresh_frames_read_as_one_array(
    recording: Recording, flush_after: Sequence[int]
) -> None:
    record(recording, frames=7, flush_after=flush_after)
    found = recording.store.arrays.read(recording.claim.run_id, "hidden_gradient")
    assert found.values.tobytes() == np.stack(recording.hidden).tobytes()
    assert list(found.coords["step"]) == [row * EVERY for row in range(7)]


async def test_who_is_within_an_event_loop_flushes_as_others_do(recording: Recording) -> None:
    record(recording, frames=7, flush_after=(3, 6))
    found = recording.store.arrays.read(recording.claim.run_id, "hidden_gradient")
    assert found.values.tobytes() == np.stack(recording.hidden).tobytes()


@pytest.mark.parametrize("flush_after", [(), (3,), (6,)])
def test_a_series_has_a_row_for_every_training_step(
    recording: Recording, flush_after: Sequence[int]
) -> None:
    record(recording, frames=7, flush_after=flush_after)
    found = recording.store.arrays.read(recording.claim.run_id, "loss")
    assert found.values.tolist() == recording.loss
    assert found.coords["step"] == range(6 * EVERY + 1)


@pytest.mark.parametrize(
    ("selection", "key"),
    [
        ({"step": "last"}, np.s_[6:7]),
        ({"step": [20, 60], "layer": 1}, np.s_[[2, 6], 1:2]),
        ({"step": Span(start=20, stop=50), "unit": [2, 0]}, np.s_[2:6, :, :, [2, 0]]),
        ({"time": Span(stride=2)}, np.s_[:, :, ::2]),
        ({"step": Span(start=0, stop=60, stride=30)}, np.s_[::3]),
    ],
)
def test_a_selection_is_the_part_of_the_whole(
    recording: Recording,
    selection: dict[str, Any],
    key: Any,  # noqa: ANN401  # what indexes an array
) -> None:
    record(recording, frames=7, flush_after=(3,))
    found = recording.store.arrays.read(recording.claim.run_id, "hidden_gradient", selection)
    assert np.array_equal(found.values, np.stack(recording.hidden)[key])
    assert found.values.shape == tuple(len(found.coords[axis]) for axis in found.axes)


def test_random_selections_over_two_axes_are_the_part_of_the_whole(
    recording: Recording, rng: np.random.Generator
) -> None:
    record(recording, frames=9, flush_after=(4,))
    rows, times = rng.integers(0, 9, size=5), rng.integers(1, 6, size=4)
    selection = {"step": [int(row) * EVERY for row in rows], "time": [int(t) for t in times]}
    found = recording.store.arrays.read(recording.claim.run_id, "hidden_gradient", selection)
    assert np.array_equal(found.values, np.stack(recording.hidden)[rows][:, :, times - 1])


def test_what_is_not_recorded_yet_has_no_rows(recording: Recording) -> None:
    found = recording.store.arrays.read(recording.claim.run_id, "hidden_gradient")
    assert found.values.shape == (0, *HIDDEN.row_shape)
    assert len(found.coords["step"]) == 0


def test_a_description_counts_what_can_be_read(recording: Recording) -> None:
    record(recording, frames=3, flush_after=(1,))
    described = {
        each.name: each for each in recording.store.arrays.describe(recording.claim.run_id)
    }
    assert described["hidden_gradient"].shape == (3, 2, 5, 3)
    assert described["hidden_gradient"].coords["step"] == [0, 10, 20]
    assert described["loss"].shape == (21,)


def test_a_frame_that_is_not_recorded_is_refused_with_what_there_is(recording: Recording) -> None:
    record(recording, frames=2)
    with pytest.raises(SelectionError, match="known: every 10, from 0 to 10"):
        recording.store.arrays.read(recording.claim.run_id, "hidden_gradient", {"step": 20})


def test_an_axis_that_the_array_lacks_is_refused(recording: Recording) -> None:
    with pytest.raises(SelectionError, match="the axes step, layer, time, unit"):
        recording.store.arrays.read(recording.claim.run_id, "hidden_gradient", {"gate": 0})


def test_a_statistic_that_is_not_recorded_is_refused_with_those_that_are(
    recording: Recording,
) -> None:
    with pytest.raises(StatisticNotFound, match="known: hidden_gradient, loss"):
        recording.store.arrays.read(recording.claim.run_id, "../gradtide.db")


def test_a_deleted_run_is_not_read_from_what_was_held_open(recording: Recording) -> None:
    store, claim = recording.store, recording.claim
    record(recording, frames=3, flush_after=(2,))
    store.arrays.read(claim.run_id, "hidden_gradient")
    store.attempts.finish(claim, "succeeded", loss=0.5)
    assert store.delete_run(claim.run_id)
    with pytest.raises(RunNotFound):
        store.arrays.read(claim.run_id, "hidden_gradient")
    assert not (store.folder / "arrays" / claim.run_id).exists()


class Readers:
    """Threads that read while something is written; each has connections of its own."""

    def __init__(self, recording: Recording, folder: Path, count: int) -> None:
        url = recording.store.database.engine.url.render_as_string(hide_password=False)
        self._recording, self._done = recording, Event()
        self.reads = self.torn = self.shorter = 0
        self.lengths: set[int] = set()
        self._stores = [new_store(folder, database_url=url) for _ in range(count)]
        self._threads = [Thread(target=self._read_on, args=(store,)) for store in self._stores]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        for store in self._stores:
            store.close()

    @property
    def are_reading(self) -> bool:
        """Whether none of them has ended with an error."""
        return all(thread.is_alive() for thread in self._threads)

    def _read_on(self, store: Store) -> None:
        run, longest = self._recording.claim.run_id, 0
        while not self._done.is_set():
            start = max(0, longest - WINDOW) * EVERY
            selection = {"step": Span(start=start)} if longest else {}
            found = store.arrays.read(run, "hidden_gradient", selection)
            rows = [step // EVERY for step in found.coords["step"]]
            expected = np.array([self._recording.hidden[row] for row in rows])
            reached = max(rows, default=-1) + 1
            self.torn += found.values.tobytes() != expected.tobytes()
            self.shorter += reached < longest
            self.lengths.add(reached)
            longest = max(longest, reached)
            self.reads += 1


def write_beside(readers: Readers, recording: Recording, *, reads: int, lengths: int) -> None:
    """Record and flush until there was so much reading meanwhile; no reader ends before."""
    while readers.are_reading and (readers.reads < reads or len(readers.lengths) < lengths):
        record(recording, frames=7, flush_after=(6,))
        record(recording, frames=3)
    assert readers.are_reading
    assert (readers.torn, readers.shorter) == (0, 0)


@pytest.fixture
def endless(store: Store, rng: np.random.Generator) -> Recording:
    """A recording of more frames than any test here writes."""
    return Recording(store, claimed(store, queued(store, steps=1_000_000)), rng)


def test_no_read_is_torn_while_frames_are_written_and_flushed(
    endless: Recording, tmp_path: Path
) -> None:
    with Readers(endless, tmp_path / "data", 1) as readers:
        write_beside(readers, endless, reads=100, lengths=10)


@pytest.mark.long
def test_none_of_five_thousand_reads_is_torn(endless: Recording, tmp_path: Path) -> None:
    with Readers(endless, tmp_path / "data", 2) as readers:
        write_beside(readers, endless, reads=5000, lengths=50)


@pytest.mark.parametrize(
    ("row_shape", "rows"),
    [((), 16384), ((100, 64), 64), ((1000, 64), 32), ((3000, 1000), 1)],
)
def test_a_chunk_has_64_steps_unless_it_would_be_too_large_or_tiny(
    row_shape: tuple[int, ...], rows: int
) -> None:
    axes = ("step", *(f"axis{number}" for number in range(len(row_shape))))
    coords = {axis: tuple(range(size)) for axis, size in zip(axes[1:], row_shape, strict=True)}
    layout = StoredLayout(
        name="x", axes=axes, coords=coords, scale="plain", dtype="float32", per_step=False
    )
    assert layout.chunk_rows == rows


def test_one_step_is_read_without_touching_the_other_chunks(
    store: Store, rng: np.random.Generator
) -> None:
    recording = Recording(store, claimed(store, queued(store, steps=20_000)), rng)
    per_chunk = HIDDEN.chunk_rows
    record(recording, frames=per_chunk + 2, flush_after=(per_chunk + 1,))
    run = recording.claim.run_id
    chunks = store.folder / "arrays" / run / "1" / "hidden_gradient" / "c"
    (chunks / "1" / "0" / "0" / "0").write_bytes(b"damaged")
    found = store.arrays.read(run, "hidden_gradient", {"step": 10})
    assert np.array_equal(found.values[0], recording.hidden[1])
    with pytest.raises(ValueError, match=r"mmap length"):
        store.arrays.read(run, "hidden_gradient", {"step": "last"})
