"""Tables, migrations, folders and checkpoint files."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from numpy.typing import NDArray
from safetensors.numpy import load
from sqlalchemy.exc import OperationalError

from app.store import CheckpointNotFound, Store
from app.store.database import HEAD
from app.store.tables import metadata
from tests.app.store.stored_runs import claimed, new_store, queued


def table_names(store: Store) -> set[str]:
    with store.database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_the_migrations_make_exactly_the_tables_that_are_declared(store: Store) -> None:
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert store.database.revision() == HEAD


def test_migrations_go_down_and_up_again(store: Store) -> None:
    store.database.migrate("base")
    assert table_names(store) == {"alembic_version"}
    store.database.migrate()
    assert set(metadata.tables) <= table_names(store)
    queued(store)


def test_those_that_open_an_empty_folder_at_once_all_get_a_store(tmp_path: Path) -> None:
    def open_and_count(_: int) -> int:
        store = new_store(tmp_path / "data")
        count = store.runs.count()
        store.close()
        return count

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_count, range(4))) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 1),
        ("busy_timeout", 5000),
        ("foreign_keys", 1),
        ("secure_delete", 2),
    ],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_every_connection_is_set_up(store: Store, pragma: str, value: object) -> None:
    with store.database.read() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_read_sees_one_state_whatever_is_written_beside_it(store: Store) -> None:
    queued(store, "before")
    count = sa.select(sa.func.count()).select_from(metadata.tables["runs"])
    with store.database.read() as connection:
        assert connection.scalar(count) == 1
        queued(store, "beside")
        assert connection.scalar(count) == 1
    assert store.runs.count() == 2


def test_the_data_folder_is_the_owners_alone(tmp_path: Path) -> None:
    store = new_store(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    store.close()


def test_a_database_in_an_open_folder_is_the_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    store = new_store(tmp_path)
    queued(store)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("gradtide.db*")}
    assert modes == {0o600}
    store.close()


def test_files_without_a_run_are_found_and_removed(store: Store) -> None:
    run = queued(store)
    for run_id in (run.id, "gone"):
        (store.folder / "arrays" / run_id).mkdir()
        (store.folder / "checkpoints" / run_id).mkdir()
    assert store.remove_orphans() == ["gone"]
    assert (store.folder / "arrays" / run.id).exists()
    assert not (store.folder / "checkpoints" / "gone").exists()


TENSORS: dict[str, NDArray[Any]] = {
    "weight_ih_l0": np.arange(6, dtype=np.float32).reshape(3, 2),
    "readout.weight": np.ones((1, 3)),
    "probe.mask": np.array([[True, False]]),
}


def test_a_checkpoint_comes_back_whole_or_in_parts(store: Store) -> None:
    run = queued(store)
    store.checkpoints.write_model(claimed(store, run), 50, TENSORS)
    content = store.checkpoints.read(run.id, 50)
    whole = load(content)
    assert set(whole) == set(TENSORS)
    assert np.array_equal(whole["weight_ih_l0"], TENSORS["weight_ih_l0"])
    assert set(load(store.checkpoints.read(run.id, 50, ["recurrent"]))) == {"weight_ih_l0"}
    parts = load(store.checkpoints.read(run.id, 50, ["readout", "probe"]))
    assert set(parts) == {"readout.weight", "probe.mask"}
    listed = store.checkpoints.list(run.id)
    assert [(each.step, each.bytes) for each in listed] == [(50, len(content))]


def test_a_checkpoint_that_is_not_there_is_not_found(store: Store) -> None:
    run = queued(store)
    with pytest.raises(CheckpointNotFound):
        store.checkpoints.read(run.id, 3)


def test_a_part_that_no_checkpoint_has_is_refused(store: Store) -> None:
    run = queued(store)
    store.checkpoints.write_model(claimed(store, run), 3, TENSORS)
    with pytest.raises(ValueError, match="known: recurrent, readout, probe"):
        store.checkpoints.read(run.id, 3, ["optimizer"])


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "empty"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(store: Store, damage: str) -> None:
    run = queued(store)
    claim = claimed(store, run)
    for step in (10, 20):
        store.checkpoints.write_resume(claim, step, {"x": np.full(4, step)}, f"{step}")
    file = store.folder / "checkpoints" / run.id / "1" / "resume-20.safetensors"
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        flipped = content[:-1] + bytes([content[-1] ^ 1])
        file.write_bytes({"truncated": content[:-5], "flipped": flipped, "empty": b""}[damage])
    found = store.checkpoints.newest_resume(run.id)
    assert found is not None
    assert (found[0], found[2]) == (10, "10")
    assert found[1]["x"].tolist() == [10, 10, 10, 10]


def test_two_checkpoints_to_go_on_from_are_kept_and_none_at_the_end(store: Store) -> None:
    run = queued(store)
    claim = claimed(store, run)
    store.checkpoints.write_model(claim, 0, TENSORS)
    for step in (10, 20, 30):
        store.checkpoints.write_resume(claim, step, {"x": np.zeros(1)}, "")
    folder = store.folder / "checkpoints" / run.id / "1"
    kept = {"model-0.safetensors", "resume-20.safetensors", "resume-30.safetensors"}
    assert {path.name for path in folder.iterdir()} == kept
    store.checkpoints.drop_resume(run.id)
    assert [path.name for path in folder.iterdir()] == ["model-0.safetensors"]


def test_deleting_a_run_leaves_no_row_and_no_file(store: Store) -> None:
    run = queued(store)
    assert not store.delete_run(run.id)
    claim = claimed(store, run)
    store.checkpoints.write_model(claim, 0, TENSORS)
    assert not store.delete_run(run.id)
    store.attempts.finish(claim, "succeeded", loss=0.1)
    assert store.delete_run(run.id)
    assert not (store.folder / "checkpoints" / run.id).exists()
    with store.database.read() as connection:
        counts = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for name, table in metadata.tables.items()
        }
    assert set(counts.values()) == {0}, counts


def test_a_fault_is_of_the_moment_by_the_databases_words_not_by_a_users(store: Store) -> None:
    def fault(words: str) -> OperationalError:
        statement = "UPDATE runs SET name = 'the disk is locked'"
        return OperationalError(statement, None, sqlite3.OperationalError(words))

    assert store.database.is_passing(fault("database is locked"))
    assert not store.database.is_passing(fault("database or disk is full"))
