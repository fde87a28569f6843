"""A run and the upload that it reads: whichever is made or deleted first, the other is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from app.store import NewMember, Resource, Store, Upload, UploadInUse, UploadNotFound
from app.store.run_table import NewRun
from engine import ConfigError
from tests.app.store.stored_runs import configuration

TRIES = 8
NAMED: dict[Resource, Callable[[str], dict[str, Any]]] = {
    "dataset": lambda upload: {"task": {"kind": "series", "dataset": upload}},
    "model": lambda upload: {"model": {"cell": "elman", "from_model": upload}},
}
POINTERS: dict[Resource, str] = {"dataset": "/task/dataset", "model": "/model/from_model"}


def kept(store: Store, resource: Resource) -> Upload:
    """Return an upload of no tensors."""
    header = json.dumps({}).encode()
    place = store.uploads.new_place()
    place.write_bytes(len(header).to_bytes(8, "little") + header)
    return store.uploads.add(resource, "elman", "mine", {}, place)


def naming(upload: Upload, resource: Resource) -> dict[str, Any]:
    return configuration(**NAMED[resource](upload.id))


@pytest.mark.parametrize("resource", NAMED)
def test_a_run_of_an_upload_deleted_meanwhile_is_refused(store: Store, resource: Resource) -> None:
    upload = kept(store, resource)
    config = naming(upload, resource)  # checked, and then somebody deletes
    store.uploads.delete(resource, upload.id)
    with pytest.raises(ConfigError) as refused:
        store.runs.create(config, {})
    assert [pointer for pointer, _ in refused.value.problems] == [POINTERS[resource]]
    assert (store.runs.count(), store.events.latest_id()) == (0, 0)


@pytest.mark.parametrize("resource", NAMED)
def test_an_upload_of_a_run_that_is_made_is_not_deleted(store: Store, resource: Resource) -> None:
    upload = kept(store, resource)
    run, _ = store.runs.create(naming(upload, resource), {})
    with pytest.raises(UploadInUse, match=run.id[:8]):
        store.uploads.delete(resource, upload.id)
    assert store.uploads.tensors(upload.id) == {}


@pytest.mark.parametrize("resource", NAMED)
def test_of_a_deletion_and_a_run_at_once_one_is_refused(store: Store, resource: Resource) -> None:
    for _ in range(TRIES):
        upload, gate = kept(store, resource), Barrier(2)

        def make(upload: Upload = upload, gate: Barrier = gate) -> bool:
            gate.wait()
            try:
                store.runs.create(naming(upload, resource), {})
            except ConfigError:
                return False
            return True

        def delete(upload: Upload = upload, gate: Barrier = gate) -> bool:
            gate.wait()
            try:
                store.uploads.delete(resource, upload.id)
            except UploadInUse:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            made, deleted = pool.submit(make), pool.submit(delete)
        assert made.result() != deleted.result()
        if made.result():
            assert store.uploads.tensors(upload.id) == {}
        else:
            with pytest.raises(UploadNotFound):
                store.uploads.get(resource, upload.id)


def test_a_run_is_not_queued_again_where_its_data_are_gone(store: Store) -> None:
    upload = kept(store, "dataset")
    run, _ = store.runs.create(naming(upload, "dataset"), {})
    store.queue.cancel_waiting(run.id)
    store.uploads.delete("dataset", upload.id)
    with pytest.raises(ConfigError, match="no data set"):
        store.queue.requeue(run.id, before="cancelled", by="retry")
    assert store.runs.get(run.id).status == "cancelled"


def test_a_sweep_of_data_deleted_meanwhile_makes_no_run(store: Store) -> None:
    upload = kept(store, "dataset")
    config = naming(upload, "dataset")
    store.uploads.delete("dataset", upload.id)
    body = {"base": config, "axes": {"seed": [0, 1]}}
    members = [NewMember(place, 0, NewRun(config, {})) for place in range(2)]
    with pytest.raises(ConfigError):
        store.sweeps.create(body, "mine", members, [])
    assert (store.runs.count(), store.sweeps.page()[0]) == (0, [])
