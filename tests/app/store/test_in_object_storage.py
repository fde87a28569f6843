"""Arrays and checkpoints in object storage: the same runs, and what may fail there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file
from typer.testing import CliRunner

from app.cli import app
from app.settings import Settings
from app.store import (
    CheckpointNotFound,
    MissingDriverError,
    StorageError,
    Store,
    UploadNotFound,
    open_store,
)
from app.store.row_records import TOP
from tests.app.object_storage import CREDENTIALS, ObjectStorage, storing
from tests.app.runs.dask_cluster import free_port
from tests.app.runs.small_runs import (
    Service,
    configuration,
    eventually,
    recorded,
    require_same_bits,
    settings_for,
    status_is,
    train_here,
)
from tests.app.store.frozen_writes import require_unseen_when_it_ends
from tests.app.store.stored_runs import Recording, claimed, new_store, queued

PATIENCE = 300.0  # the storage shares the processors


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    with storing(tmp_path_factory.mktemp("moto"), free_port()) as server:
        yield server


@pytest.fixture
def url(storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)
    return storage.new_url()


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path, arrays_url=url)
    yield opened
    opened.close()


def test_a_run_in_object_storage_has_the_bits_of_one_in_a_folder(url: str, tmp_path: Path) -> None:
    config = configuration(steps=60, every=5)
    store, run = train_here(settings_for(tmp_path / "a", arrays_url=url), config)
    plain, alone = train_here(settings_for(tmp_path / "b"), config)
    require_same_bits(store, run, config)
    steps = [info.step for info in plain.checkpoints.list(alone)]
    assert [info.step for info in store.checkpoints.list(run)] == steps
    for step in steps:
        assert store.checkpoints.read(run, step) == plain.checkpoints.read(alone, step)
    assert store.weights.steps(run) == plain.weights.steps(alone) != []
    for step in store.weights.steps(run):
        found, expected = store.weights.read(run, step), plain.weights.read(alone, step)
        assert found is not None
        assert expected is not None
        assert {n: v.tobytes() for n, v in found.items()} == {
            n: v.tobytes() for n, v in expected.items()
        }
    for folder in ("arrays", "checkpoints"):
        assert list((store.folder / folder).iterdir()) == []
    for each in (store, plain):
        each.close()


def test_rows_are_read_by_coordinates_from_several_chunks(
    store: Store, rng: np.random.Generator
) -> None:
    run = queued(store)
    recording = Recording(store, claimed(store, run), rng)
    for _ in range(70):
        recording.frame()
    recording.flush()
    for _ in range(3):
        recording.frame()
    found = store.arrays.read(run.id, "hidden_gradient")
    assert found.values.tobytes() == np.stack(recording.hidden).tobytes()
    some = store.arrays.read(run.id, "hidden_gradient", {"step": [20, 650, 720], "layer": 1})
    rows = np.stack(recording.hidden)[[2, 65, 72]]
    assert some.values.squeeze().tobytes() == rows[:, 1].tobytes()


def test_a_run_that_was_stopped_goes_on_from_object_storage(url: str, tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, arrays_url=url, checkpoint_seconds=2.0))
    try:
        config = configuration(steps=600, every=20)
        run, _ = service.runs.create(config)
        eventually(lambda: service.store.runs.get(run.id).recorded_rows >= 3, PATIENCE)
        service.runs.pause(run.id)
        eventually(status_is(service.store, run.id, "paused", "succeeded"), PATIENCE)
        if service.store.runs.get(run.id).status == "paused":
            service.runs.resume(run.id)
        eventually(status_is(service.store, run.id, "succeeded"), PATIENCE)
        require_same_bits(service.store, run.id, config)
    finally:
        service.close()


def test_a_write_that_ends_after_the_run_is_anothers_is_put_where_nobody_looks(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_unseen_when_it_ends(store, rng, monkeypatch)


def test_a_deleted_run_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    store, run = train_here(settings_for(tmp_path, arrays_url=url), configuration())
    assert recorded(store, run)
    assert store.delete_run(run)
    for files in (store.arrays.files, store.checkpoints.files):
        assert files.tops() == set()
    store.close()


def test_what_belongs_to_no_run_is_removed(store: Store) -> None:
    run = queued(store)
    for name in (f"{run.id}/zarr.json", "gone/zarr.json"):
        store.arrays.files.write(name, b"{}")
    store.checkpoints.files.write("lost/model-1.safetensors", b"")
    assert store.remove_orphans() == ["gone", "lost"]
    assert store.arrays.files.tops() == {run.id}


def test_a_checkpoint_that_is_gone_is_said_to_be(store: Store) -> None:
    run = queued(store)
    store.checkpoints.write_model(claimed(store, run), 5, {"x": np.zeros(3)})
    assert store.checkpoints.damaged() == []
    store.checkpoints.files.remove(f"{run.id}/1/model-5.safetensors")
    assert store.checkpoints.damaged() == [(run.id, "model", 5)]
    with pytest.raises(CheckpointNotFound, match="has lost its checkpoint at 5"):
        store.checkpoints.read(run.id, 5)


def test_damaged_weights_are_dropped_one_by_one(url: str, tmp_path: Path) -> None:
    store, run = train_here(settings_for(tmp_path, arrays_url=url), configuration())
    files, name = store.checkpoints.files, f"{run}/1/{TOP}/2"
    files.write(name, files.read(name)[:-1])
    assert list(store.weights.drop_damaged()) == [(run, 20)]
    assert store.weights.steps(run) == [0, 10, 30, 40]
    assert list(store.weights.drop_damaged()) == []
    store.close()


def test_storage_that_does_not_answer_is_named_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("GRADTIDE_ARRAYS_URL", "s3://bucket")
    result = CliRunner().invoke(app, ["ls", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("s3://bucket/arrays cannot be used: ")


def test_a_bucket_that_is_not_there_is_refused(
    storage: ObjectStorage, url: str, tmp_path: Path
) -> None:
    assert storage.new_url() != url
    with pytest.raises(StorageError, match="s3://nobodys/arrays cannot be used"):
        open_store(settings_for(tmp_path, arrays_url="s3://nobodys"))


@pytest.mark.parametrize("url", ["s3://", "s3:///", "/folder", "http://127.0.0.1/b", "bucket"])
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="expected s3://bucket"):
        Settings(arrays_url=url)


def test_storage_without_its_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingDriverError, match=r"pip install 'gradtide\[objects\]'"):
        open_store(settings_for(tmp_path, arrays_url="s3://bucket"))


def test_a_data_set_is_fetched_by_a_machine_that_does_not_have_it(url: str, tmp_path: Path) -> None:
    here, there = (
        open_store(
            settings_for(
                tmp_path / name, arrays_url=url, database_url=f"sqlite:///{tmp_path / 'rows.db'}"
            )
        )
        for name in ("here", "there")
    )
    place = here.uploads.new_place()
    save_file({"inputs": np.arange(6.0).reshape(2, 3)}, place)
    made = here.uploads.add("dataset", "arrays", "six numbers", {}, place)
    found = there.uploads.tensors(made.id)
    assert found["inputs"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    here.uploads.delete("dataset", made.id)
    there.uploads.file_of(made.id).unlink()
    with pytest.raises(UploadNotFound):
        there.uploads.tensors(made.id)
    for store in (here, there):
        store.close()
