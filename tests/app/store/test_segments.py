"""Every attempt writes where no other does, and readers find each row in one place."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.commands.mending import mend
from app.runs.service import described
from app.store import LeaseLost, Store, layouts, open_store
from app.store.mapped import MappedArray
from app.store.segments import EARLIEST, Segment, in_use, segments_of, to_list, with_attempt
from tests.app.runs.small_runs import configuration, recorded, require_same_bits, settings_for
from tests.app.runs.test_faults import finished, interrupted_after
from tests.app.store.frozen_writes import require_unseen_when_it_ends
from tests.app.store.stored_runs import Recording, claimed, queued

BEFORE_SEGMENTS = "0005"


def test_a_write_that_ends_after_the_run_is_anothers_goes_where_nobody_looks(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_unseen_when_it_ends(store, rng, monkeypatch)


@pytest.mark.parametrize(
    "frames", [(3, 3, 3), (4, 4, 1), (1, 1, 1, 6), (5, 0, 2), (9, 9), (2, -1, 2), (-3, -4, 3)]
)
def test_rows_of_several_attempts_read_as_one_array(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, frames: Sequence[int]
) -> None:
    """A negative count: so many frames that the attempt recorded but did not come to flush."""
    monkeypatch.setattr(layouts, "STEPS_PER_CHUNK", 4)
    monkeypatch.setattr(layouts, "MIN_CHUNK_BYTES", 1)
    run, recording = queued(store), None
    for attempt, count in enumerate(frames):
        claim = claimed(store, run, str(attempt))
        recording = Recording(store, claim, rng, after=recording)
        for _ in range(abs(count)):
            recording.frame()
        if count > 0:
            recording.flush()
        found = store.arrays.read(run.id, "hidden_gradient")
        assert found.values.tobytes() == np.stack(recording.hidden).tobytes()
        assert store.arrays.read(run.id, "loss").values.tolist() == recording.loss
        assert store.queue.lose(run.id, str(attempt), "killed") is not None
    assert list(store.arrays.lost()) == []


def test_a_flush_that_failed_half_way_is_made_anew(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(store)
    first = Recording(store, claimed(store, run, "first"), rng)
    first.frame()
    first.flush()
    assert store.queue.lose(run.id, "first", "killed") is not None
    second = Recording(store, claimed(store, run, "second"), rng, after=first)
    second.frame()
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise OSError("the storage did not answer")

        patch.setattr(MappedArray, "read", fail)
        with pytest.raises(OSError, match="did not answer"):
            second.flush()
    second.flush()
    found = store.arrays.read(run.id, "hidden_gradient")
    assert found.values.tobytes() == np.stack(second.hidden).tobytes()


def test_a_checkpoint_of_an_attempt_that_lost_its_run_is_not_kept(store: Store) -> None:
    run = queued(store)
    lost = claimed(store, run, "loser")
    assert store.queue.lose(run.id, "loser", "killed") is not None
    claim = claimed(store, run, "winner")
    tensors = {"x": np.arange(3.0)}
    store.checkpoints.write_model(claim, 5, tensors)
    store.checkpoints.write_resume(claim, 5, tensors, "winner")
    row, content = store.runs.get(run.id), store.checkpoints.read(run.id, 5)
    other = {"x": np.zeros(3)}
    told = "no longer held by attempt 1"
    with pytest.raises(LeaseLost, match=told):
        store.checkpoints.write_model(lost, 5, other)
    with pytest.raises(LeaseLost, match=told):
        store.checkpoints.write_resume(lost, 5, other, "loser")
    with pytest.raises(LeaseLost, match=told):
        store.checkpoints.write_probe(lost, other)
    assert (store.runs.get(run.id), store.checkpoints.read(run.id, 5)) == (row, content)
    newest = store.checkpoints.newest_resume(run.id)
    assert newest is not None
    assert newest[2] == "winner"
    assert list((store.folder / "checkpoints" / run.id / "1").iterdir()) == []


def test_a_checkpoint_of_a_later_attempt_takes_the_earlier_ones_place(store: Store) -> None:
    run = queued(store)
    for attempt in (1, 2):
        claim = claimed(store, run, str(attempt))
        store.checkpoints.write_model(claim, 5, {"x": np.full(3, attempt)})
        assert store.queue.lose(run.id, str(attempt), "killed") is not None
    files = [path for path in (store.folder / "checkpoints").rglob("*") if path.is_file()]
    assert files == [store.folder / "checkpoints" / run.id / "2" / "model-5.safetensors"]
    assert store.checkpoints.damaged() == []


def test_arrays_that_never_counted_are_removed_by_the_doctor_when_the_run_is_over(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(store)
    loser = Recording(store, claimed(store, run, "loser"), rng)
    loser.frame()
    with monkeypatch.context() as patch:

        def vanish(*_: object) -> None:
            raise KeyboardInterrupt  # as a kill: nothing after it runs

        patch.setattr(store.attempts, "flushed", vanish)
        with pytest.raises(KeyboardInterrupt):
            loser.flush()
    assert store.queue.lose(run.id, "loser", "killed") is not None
    winner = Recording(store, claimed(store, run, "winner"), rng, after=loser)
    winner.frame()
    winner.flush()
    assert mend(store) == []
    store.attempts.finish(winner.claim, "succeeded", loss=0.5)
    told = f"run {run.id[:8]}: arrays of attempt 1, which nobody reads, are removed"
    assert mend(store) == [told]
    assert [path.name for path in (store.folder / "arrays" / run.id).iterdir()] == ["2"]
    assert mend(store) == []
    found = store.arrays.read(run.id, "hidden_gradient")
    assert found.values.tobytes() == np.stack(winner.hidden).tobytes()


def test_a_run_from_before_attempts_had_folders_is_read_and_goes_on(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    store = open_store(settings)
    config = configuration(steps=40, every=10)
    run = store.runs.create(*described(config))[0].id
    interrupted_after(store, store.runs.get(run), 25)
    values, steps = recorded(store, run), store.weights.steps(run)
    for kind in ("arrays", "checkpoints"):
        folder = store.folder / kind / run
        shutil.copytree(folder / "1", folder, dirs_exist_ok=True)
    with store.database.write() as connection:
        rename = "update checkpoints set file = replace(file, '1/', '')"
        connection.exec_driver_sql(rename)
    for kind in ("arrays", "checkpoints"):
        shutil.rmtree(store.folder / kind / run / "1")
    store.database.migrate(BEFORE_SEGMENTS)
    store.close()
    store = open_store(settings)
    found = recorded(store, run)
    assert {name: each.tobytes() for name, each in found.items()} == {
        name: each.tobytes() for name, each in values.items()
    }
    assert store.weights.steps(run) == steps == [0, 10, 20]
    assert all(store.weights.read(run, step) is not None for step in steps)
    assert (list(store.arrays.lost()), store.checkpoints.damaged()) == ([], [])
    assert finished(store, run) == 25
    require_same_bits(store, run, config)
    assert store.weights.steps(run) == [0, 10, 20, 30, 40]
    assert mend(store) == []
    store.close()


def test_the_earliest_rows_are_nobodys_unless_the_first_attempt_began_with_them() -> None:
    first, later = Segment(0, 0, 1), Segment(7, 61, 3)
    assert in_use((first, later)) == (first, later)
    assert in_use((later,)) == (EARLIEST, later)
    assert with_attempt((first,), 3, frames=7, series=61) == (first, later)
    assert with_attempt((first, later), 3, frames=9, series=81) == (first, later)
    assert segments_of(to_list((first, later))) == (first, later)
