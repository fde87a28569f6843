"""A run is deleted whole or not at all, whatever happens on the way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.store import RunNotFound, Store, open_store
from app.store.row_records import FILE
from app.store.tables import metadata
from tests.app.runs.small_runs import configuration, recorded, settings_for, train_here

# The process that deletes ends, as if killed, at the moment that its third argument names.
DELETE_AND_DIE = """
import os, sys
from pathlib import Path
import sqlalchemy as sa
from tests.app.runs.small_runs import settings_for
from app.store import open_store
folder, run, moment = sys.argv[1:]
store = open_store(settings_for(Path(folder)))
def audit(event, arguments):
    told = f"{event} {arguments[0]}" if event in ("shutil.rmtree", "os.remove") else ""
    if told.startswith(moment.split()[0]) and told.endswith(moment.split()[1]):
        os._exit(9)
if moment == "commit":
    sa.event.listen(store.database.engine, "commit", lambda _: os._exit(9))
else:
    sys.addaudithook(audit)
store.delete_run(run)
"""


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A finished run with rows, arrays, checkpoints and the weights of its frames."""
    store, run = train_here(settings_for(tmp_path), configuration())
    yield store, run
    store.close()


def die_at(store: Store, run: str, moment: str) -> None:
    program = [sys.executable, "-c", DELETE_AND_DIE, str(store.folder), run, moment]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr


def files_of(store: Store, run: str) -> list[Path]:
    return [
        path
        for kind in ("arrays", "checkpoints")
        for path in (store.folder / kind / run).rglob("*")
        if path.is_file()
    ]


def rows_left(store: Store) -> dict[str, int]:
    with store.database.read() as connection:
        counts = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in metadata.tables.items()
        }
    return {name: count for name, count in counts.items() if count}


def test_a_deletion_that_dies_before_its_commit_leaves_everything(
    trained: tuple[Store, str],
) -> None:
    store, run = trained
    files, values, rows = files_of(store, run), recorded(store, run), rows_left(store)
    die_at(store, run, "commit")
    again = open_store(settings_for(store.folder))
    assert again.remove_orphans() == []
    assert rows_left(again) == rows
    assert files_of(again, run) == files
    assert {name: each.tobytes() for name, each in recorded(again, run).items()} == {
        name: each.tobytes() for name, each in values.items()
    }
    assert again.weights.steps(run) == [0, 10, 20, 30, 40]
    again.close()


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("shutil.rmtree arrays/{run}", marks=pytest.mark.long),
        "os.remove zarr.json",
        pytest.param("shutil.rmtree checkpoints/{run}", marks=pytest.mark.long),
        pytest.param("os.remove model-40.safetensors", marks=pytest.mark.long),
        f"os.remove {FILE}",
    ],
)
def test_a_deletion_that_dies_among_the_files_is_ended_at_the_next_start(
    trained: tuple[Store, str], moment: str
) -> None:
    store, run = trained
    assert (store.folder / "checkpoints" / run / "1" / FILE).exists()
    die_at(store, run, moment.format(run=run))
    again = open_store(settings_for(store.folder))
    with pytest.raises(RunNotFound):
        again.runs.get(run)
    assert rows_left(again) == {}
    assert files_of(again, run) != []
    assert again.remove_orphans() == [run]
    assert files_of(again, run) == []
    assert {path.name for path in (again.folder / "checkpoints").iterdir()} == set()
    again.close()


def test_files_that_cannot_be_removed_keep_no_row_and_no_other_file(
    trained: tuple[Store, str], tmp_path: Path
) -> None:
    store, run = trained
    # Whoever moved the arrays to another disk left a link, which no removal follows.
    arrays, elsewhere = store.folder / "arrays" / run, tmp_path / "elsewhere"
    arrays.rename(elsewhere)
    arrays.symlink_to(elsewhere)
    assert store.delete_run(run)
    assert rows_left(store) == {}
    assert not (store.folder / "checkpoints" / run).exists()
    assert store.remove_orphans() == []
    assert (elsewhere / "1" / "zarr.json").exists()
    arrays.unlink()
    elsewhere.rename(arrays)
    assert store.remove_orphans() == [run]
    assert not arrays.exists()
