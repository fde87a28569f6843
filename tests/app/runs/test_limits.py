"""What one run may take: memory, disk and time, where an estimate was wrong or nobody asked it."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.runs.controls import controlled
from app.runs.limits import stored_bytes
from app.runs.service import described
from app.runs.training import train_run
from app.store import open_store
from engine import ConfigError, Estimate
from tests.app.runs.small_runs import (
    Service,
    configuration,
    endless,
    eventually,
    settings_for,
    status_is,
)

# Two gigabytes of tape for one layer, none of which is touched before all of it is there.
LARGE: dict[str, Any] = configuration(
    steps=5,
    every=5,
    task={"kind": "adding", "length": 2000},
    model={"cell": "elman", "hidden_size": 1024},
    training={"batch_size": 256},
)
# A frame of 160 MB at each of ten million steps: more than any disk.
ENDLESS_FRAMES: dict[str, Any] = configuration(
    steps=10_000_000,
    task={"kind": "adding", "length": 10_000},
    model={"cell": "elman", "hidden_size": 4096},
    recording={"every": 1, "statistics": ["hidden_gradient"], "probe_size": 1},
)


@pytest.fixture
def close_after() -> Iterator[list[Service]]:
    services: list[Service] = []
    yield services
    for service in services:
        service.close()


def test_a_run_that_needs_more_memory_than_was_estimated_fails_and_says_so(
    tmp_path: Path, close_after: list[Service]
) -> None:
    service = Service(settings_for(tmp_path, max_run_bytes=50_000_000))
    close_after.append(service)
    # Put in past the estimate, which would refuse it.
    run, _ = service.store.runs.create(*described(LARGE))
    neighbour, _ = service.runs.create(configuration())
    eventually(status_is(service.store, run.id, "failed"))
    eventually(status_is(service.store, neighbour.id, "succeeded"))
    failed = service.store.runs.get(run.id)
    assert (failed.error or "").startswith("not enough memory: Unable to allocate")
    assert failed.attempt == 1


def test_a_run_that_trains_for_too_long_fails_with_all_it_recorded_and_can_be_retried(
    tmp_path: Path, close_after: list[Service]
) -> None:
    service = Service(settings_for(tmp_path, max_run_seconds=0.5))
    close_after.append(service)
    run, _ = service.runs.create(endless())
    eventually(status_is(service.store, run.id, "failed"))
    failed = service.store.runs.get(run.id)
    assert (failed.error or "").startswith("it has trained for 0.5 s")
    steps = service.store.arrays.frame_steps(run.id)
    assert len(steps) == failed.recorded_rows >= 1
    service.runs.retry(run.id)
    eventually(lambda: service.store.runs.get(run.id).attempt == 2)
    eventually(status_is(service.store, run.id, "failed"))
    again = service.store.runs.get(run.id)
    assert again.step >= failed.step
    assert service.store.arrays.frame_steps(run.id)[: len(steps)] == steps


def test_a_run_that_the_disk_has_no_room_for_does_not_begin(tmp_path: Path) -> None:
    store = open_store(settings_for(tmp_path))
    run, _ = store.runs.create(*described(ENDLESS_FRAMES))
    claim = store.attempts.claim(run.id, "here")
    assert claim is not None
    with controlled(store, claim) as control:
        assert train_run(store, claim, control, checkpoint_seconds=1.0) == "failed"
    failed = store.runs.get(run.id)
    assert "the disk has" in (failed.error or "")
    assert not (store.folder / "arrays" / run.id).exists()
    store.close()


def test_a_run_that_would_store_too_much_is_refused_with_both_numbers(
    tmp_path: Path, close_after: list[Service]
) -> None:
    service = Service(settings_for(tmp_path, workers=0, max_run_stored_bytes=10_000))
    close_after.append(service)
    with pytest.raises(ConfigError, match=r"needs about [\d.]+ .?B on disk, one may take 10 kB"):
        service.runs.create(configuration())
    assert service.store.runs.count() == 0


def test_what_is_stored_counts_the_weights_of_frames_up_to_their_limit() -> None:
    few = Estimate(memory=0, stored=1000, work=0, frames=10, weights=100)
    many = Estimate(memory=0, stored=1000, work=0, frames=10_000, weights=2**20)
    assert stored_bytes(few) == 2000
    assert 2**25 < stored_bytes(many) <= 2**26 + 2**20 + 1000


def test_the_limit_is_above_what_the_process_has_already() -> None:
    program = (
        "import resource, sys; from app.runs.limits import limit_memory, OWN_BYTES;"
        "limit = limit_memory(2**30); import numpy; numpy.zeros(2**27);"
        "print(limit, resource.getrlimit(resource.RLIMIT_AS)[0], OWN_BYTES)\n"
        "try: numpy.zeros(2**29)\n"
        "except MemoryError: print('refused')"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    if sys.platform == "linux":
        assert told[0] == told[1]
        assert int(told[0]) > int(told[2]) + 2**30
        assert told[3] == "refused"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_a_run_that_needs_too_much_says_which_number_of_each_field_would_fit(
    tmp_path: Path, close_after: list[Service]
) -> None:
    service = Service(settings_for(tmp_path, workers=0, max_run_bytes=20_000_000))
    close_after.append(service)
    large = configuration(task={"kind": "adding", "length": 20_000})
    with pytest.raises(ConfigError, match=r"of memory, one may take 20 MB") as refused:
        service.runs.create(large)
    fits = {each.pointer: int(each.detail.split()[0]) for each in refused.value.problems[1:]}
    assert "/task/length" in fits
    assert 2 <= fits["/task/length"] < 20_000
    run, _ = service.runs.create(
        {**large, "task": {"kind": "adding", "length": fits["/task/length"]}}
    )
    assert run.status == "queued"
