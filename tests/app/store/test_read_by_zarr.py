"""What is recorded is there for whatever reads Zarr: the library alone reads the same of it."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from app.runs.service import described
from app.store import layouts, open_store
from app.store.files import FolderFiles
from tests.app.runs.small_runs import configuration, settings_for
from tests.app.runs.test_faults import finished
from tests.app.store.stored_runs import EVERY, HIDDEN, LOSS, Recording, claimed, new_store, queued


def test_zarr_reads_what_was_recorded(tmp_path: Path) -> None:
    store = open_store(settings_for(tmp_path))
    run, _ = store.runs.create(*described(configuration(steps=70, every=1)))
    finished(store, run.id)
    files = store.arrays.files
    assert isinstance(files, FolderFiles)
    group = zarr.open_group(files.path_of(f"{run.id}/1"), mode="r")
    infos = {info.name: info for info in store.arrays.describe(run.id)}
    assert set(group.array_keys()) == set(infos)
    for name, info in infos.items():
        found = group[name]
        assert isinstance(found, zarr.Array)
        recorded = store.arrays.read(run.id, name).values
        assert found.attrs.asdict() == {"axes": list(info.axes), "scale": info.scale}
        assert np.asarray(found[: len(recorded)]).tobytes() == recorded.tobytes()


def test_zarr_reads_what_is_not_recorded_yet_as_no_number(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "STEPS_PER_CHUNK", 4)
    monkeypatch.setattr(layouts, "MIN_CHUNK_BYTES", 1)
    store = new_store(tmp_path)
    run = queued(store, steps=10 * EVERY)
    recording = Recording(store, claimed(store, run), rng)
    for _ in range(6):
        recording.frame()
    recording.flush()
    files = store.arrays.files
    assert isinstance(files, FolderFiles)
    group = zarr.open_group(files.path_of(f"{run.id}/1"), mode="r")
    hidden, loss = group[HIDDEN.name], group[LOSS.name]
    assert isinstance(hidden, zarr.Array)
    assert isinstance(loss, zarr.Array)
    assert (hidden.shape, hidden.chunks) == ((11, *HIDDEN.row_shape), (4, *HIDDEN.row_shape))
    assert (loss.shape, loss.dtype) == ((10 * EVERY,), np.dtype("float64"))
    found = np.asarray(hidden[:])
    assert found[:6].tobytes() == np.stack(recording.hidden).tobytes()
    assert np.isnan(found[6:]).all()
    assert not files.has(f"{run.id}/1/{HIDDEN.name}/c/2/0/0/0")
