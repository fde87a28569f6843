"""Real workers: spawned, counted, cancelled, killed, taken up again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.runs import IllegalTransition
from app.runs.service import described
from app.store import RunNotFound, Store, open_store
from tests.app.runs.small_runs import (
    Service,
    configuration,
    endless,
    eventually,
    pid_of,
    require_same_bits,
    settings_for,
    status_is,
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(settings_for(tmp_path))
    yield running
    running.close()


def running(store: Store) -> int:
    return store.runs.count("running")


def frames(store: Store, run_id: str) -> int:
    return store.runs.get(run_id).recorded_rows


def attempt_is(store: Store, run_id: str, attempt: int) -> Callable[[], bool]:
    return lambda: store.runs.get(run_id).attempt == attempt


def lasting() -> dict[str, Any]:
    """Return a run that ends, but not before a stalled test has had its turn."""
    return configuration(steps=6000, every=120)


def test_runs_beyond_the_workers_wait_and_all_come_to_their_end(service: Service) -> None:
    made = [service.runs.create(configuration(seed=seed))[0] for seed in range(3)]
    most = [0]

    def all_done() -> bool:
        most[0] = max(most[0], running(service.store))
        return all(service.store.runs.get(run.id).status == "succeeded" for run in made)

    eventually(all_done)
    assert most[0] <= 2
    rows = [service.store.runs.get(run.id) for run in made]
    ended = [row.finished_at for row in rows[:2] if row.finished_at is not None]
    assert rows[2].started_at is not None
    assert rows[2].started_at >= min(ended)
    require_same_bits(service.store, made[2].id, configuration(seed=2))


def test_a_killed_worker_is_noticed_and_its_run_ends_with_the_same_bits(
    service: Service,
) -> None:
    config = lasting()
    run, _ = service.runs.create(config)
    neighbour, _ = service.runs.create(endless())
    pid = service.worker_pid(run.id)
    eventually(lambda: frames(service.store, run.id) >= 3)
    os.kill(pid, signal.SIGKILL)
    eventually(attempt_is(service.store, run.id, 2))
    # Without waiting for the lease: the reason says that the process was seen to die.
    reasons = [event.data.get("reason") for event in service.store.events.after(0, [run.id])]
    assert "its worker was killed by SIGKILL" in reasons
    eventually(status_is(service.store, run.id, "succeeded"))
    require_same_bits(service.store, run.id, config)
    assert service.store.runs.get(neighbour.id).attempt == 1


def test_a_running_run_is_cancelled_and_stays_readable(service: Service) -> None:
    run, _ = service.runs.create(endless())
    eventually(lambda: frames(service.store, run.id) >= 2)
    with pytest.raises(IllegalTransition, match="cannot delete"):
        service.runs.delete(run.id)
    service.runs.cancel(run.id)
    eventually(status_is(service.store, run.id, "cancelled"))
    found = service.store.arrays.read(run.id, "hidden_gradient_norm")
    assert len(found.values) == frames(service.store, run.id) >= 2
    assert service.runs.cancel(run.id).status == "cancelled"
    service.runs.delete(run.id)
    with pytest.raises(RunNotFound):
        service.store.runs.get(run.id)


def test_a_run_that_kills_its_worker_every_time_fails(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, max_attempts=2, checkpoint_seconds=1000))
    try:
        run, _ = service.runs.create(endless())
        for attempt in (1, 2):
            eventually(attempt_is(service.store, run.id, attempt))
            os.kill(service.worker_pid(run.id), signal.SIGKILL)
        # Between two attempts it is not running for an instant only, which nobody need see.
        eventually(status_is(service.store, run.id, "failed"))
        failed = service.store.runs.get(run.id)
        assert "after 2 attempts without progress" in (failed.error or "")
    finally:
        service.close()


def test_a_frozen_worker_loses_its_run_to_another(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, lease=2.0))
    try:
        config = lasting()
        run, _ = service.runs.create(config)
        pid = service.worker_pid(run.id)
        eventually(lambda: frames(service.store, run.id) >= 2)
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: service.store.runs.get(run.id).attempt >= 2)
        eventually(lambda: not is_alive(pid))
        eventually(status_is(service.store, run.id, "succeeded"))
        require_same_bits(service.store, run.id, config)
    finally:
        service.close()


def test_a_service_that_stops_lets_its_workers_save(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, checkpoint_seconds=1000)
    config = lasting()
    service = Service(settings)
    run, _ = service.runs.create(config)
    eventually(lambda: frames(service.store, run.id) >= 2)
    service.close()
    store = open_store(settings)
    stopped = store.runs.get(run.id)
    store.close()
    assert stopped.status == "interrupted"
    assert list((tmp_path / "checkpoints" / run.id).glob("*/resume-*"))
    again = Service(settings)
    try:
        eventually(status_is(again.store, run.id, "succeeded"))
        require_same_bits(again.store, run.id, config)
    finally:
        again.close()


def start_process(data: Path, *, group: bool = False) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.app.runs.service_process", str(data)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=group,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_service_loses_no_finished_run_and_takes_up_the_others(tmp_path: Path) -> None:
    store = open_store(settings_for(tmp_path))
    done_config, config = configuration(), lasting()
    process = start_process(tmp_path)
    done = store.runs.create(*described(done_config))[0]
    eventually(status_is(store, done.id, "succeeded"))
    run = store.runs.create(*described(config))[0]
    waiting = store.runs.create(*described(endless()))[0]
    last = store.runs.create(*described(endless()))[0]
    eventually(lambda: frames(store, run.id) >= 2)
    orphan = pid_of(store, run.id)
    before = store.events.latest_id()
    process.kill()
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]  # it is a pipe
    eventually(lambda: not is_alive(orphan))  # no orphan trains on
    again = start_process(tmp_path)
    try:
        eventually(attempt_is(store, run.id, 2))
        eventually(status_is(store, run.id, "succeeded"))
        require_same_bits(store, run.id, config)
        assert store.runs.get(done.id).status == "succeeded"
        require_same_bits(store, done.id, done_config)
        resumed = store.events.after(before, [run.id])
        assert [event.id for event in resumed] == sorted(event.id for event in resumed)
        assert resumed[-1].kind == "end"
        assert {store.runs.get(each.id).status for each in (waiting, last)} <= {
            "queued",
            "running",
        }
    finally:
        again.terminate()
        again.wait()
        again.stdout.close()  # type: ignore[union-attr]  # it is a pipe
        store.close()
