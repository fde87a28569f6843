"""What was read is remembered until anybody writes, and not a moment longer."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.store import DATABASE_FILE, RunNotFound, Store, database
from app.store.remembered import Remembered
from tests.app.store.stored_runs import Recording, claimed, new_store, queued


class Counted:
    """A value that says how many times it was read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> int:
        """Read it."""
        self.reads += 1
        return self.reads


def remembered_of(version: Callable[[], int | None], most: int = 8) -> Remembered[int]:
    return Remembered(version, most=most)


def test_a_value_is_read_once_a_version() -> None:
    version, read = 1, Counted()
    values = remembered_of(lambda: version)
    assert [values.get("a", read), values.get("a", read)] == [1, 1]
    version = 2
    assert [values.get("a", read), values.get("a", read)] == [2, 2]


def test_each_key_has_its_own_value() -> None:
    values, read = remembered_of(lambda: 1), Counted()
    assert [values.get(key, read) for key in ("a", "b", "a")] == [1, 2, 1]


def test_nothing_is_remembered_where_no_version_is_told() -> None:
    values, read = remembered_of(lambda: None), Counted()
    assert [values.get("a", read), values.get("a", read)] == [1, 2]


def test_what_is_written_during_a_read_is_seen_by_the_next() -> None:
    version = 1
    values = remembered_of(lambda: version)

    def read_while_somebody_writes() -> int:
        nonlocal version
        version = 2
        return 1

    assert values.get("a", read_while_somebody_writes) == 1
    assert values.get("a", lambda: 2) == 2


def test_a_read_that_fails_is_tried_again() -> None:
    values = remembered_of(lambda: 1)

    def fail() -> int:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        values.get("a", fail)
    assert values.get("a", lambda: 1) == 1


def test_no_more_than_so_many_values_are_held() -> None:
    values, read = remembered_of(lambda: 1, most=2), Counted()
    for key in "abc":
        values.get(key, read)
    assert values.get("c", read) == 3
    assert values.get("a", read) == 4


@pytest.fixture
def recording(store: Store, rng: np.random.Generator) -> Recording:
    return Recording(store, claimed(store, queued(store)), rng)


def test_a_look_grows_with_its_run(recording: Recording) -> None:
    store, run = recording.store, recording.claim.run_id
    lengths = []
    for _ in range(3):
        recording.frame()
        lengths.append(len(store.arrays.look(run).info("hidden_gradient").coords["step"]))
    assert lengths == [1, 2, 3]


def test_a_look_sees_at_once_what_another_process_writes(
    recording: Recording, tmp_path: Path
) -> None:
    url = recording.store.database.engine.url.render_as_string(hide_password=False)
    other = new_store(tmp_path / "data", database_url=url)
    run = recording.claim.run_id
    assert other.arrays.look(run).run.recorded_rows == 0
    recording.frame()
    assert other.arrays.look(run).run.recorded_rows == 1
    recording.store.attempts.finish(recording.claim, "succeeded", loss=0.5)
    assert recording.store.delete_run(run)
    with pytest.raises(RunNotFound):
        other.arrays.look(run)
    other.close()


@pytest.mark.parametrize("flush_after", [(), (1,), (3,)], ids=["fresh", "part", "all"])
@pytest.mark.parametrize("more", [0, 3], ids=["as-seen", "grown-since"])
def test_a_read_of_what_was_seen_is_the_same_as_any_read(
    recording: Recording, flush_after: tuple[int, ...], more: int
) -> None:
    store, run = recording.store, recording.claim.run_id
    for frame in range(4):
        recording.frame()
        if frame in flush_after:
            recording.flush()
    seen = store.arrays.look(run)
    for _ in range(more):
        recording.frame()
        recording.flush()
    for step in (0, 10, 30):
        found = store.arrays.read_seen(seen, "hidden_gradient", {"step": step, "layer": 1})
        assert found.values.tobytes() == recording.hidden[step // 10][1:2].tobytes()
        assert found.coords["step"] == [step]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_database_that_another_has_for_itself_tells_no_version(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 20)
    assert store.database.version() is not None
    store.close()
    with closing(sqlite3.connect(store.folder / DATABASE_FILE)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert store.database.version() is None
    assert store.database.version() is not None
