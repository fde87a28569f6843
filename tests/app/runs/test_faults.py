"""Clocks that jump, locked databases, full disks, rotten checkpoints, groups that die at once."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from app.runs.controls import controlled
from app.runs.saving import Saver
from app.runs.service import described
from app.runs.training import train_run
from app.store import Run, Store, open_store
from app.store.attempts import Attempts
from app.store.leases import LeaseWatch
from app.store.tables import checkpoints
from tests.app.runs.small_runs import (
    Service,
    configuration,
    eventually,
    pid_of,
    require_same_bits,
    settings_for,
    status_is,
)
from tests.app.runs.test_workers import frames, is_alive, start_process

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_for(tmp_path, lease=1.0))
    yield opened
    opened.close()


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_worker_whose_clock_jumps_keeps_its_run(
    store: Store, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.runs.create(*described(configuration()))[0]
    claim = store.attempts.claim(run.id, "w")
    assert claim is not None
    store.queue.reap()  # sees the lease
    wrong = open_store(settings_for(store.folder, lease=1.0), migrate=False)
    right = wrong.database.now
    monkeypatch.setattr(wrong.database, "now", lambda connection: right(connection) + jump)
    worker: Attempts = wrong.attempts
    for _ in range(6):  # longer than a lease
        assert worker.beat([claim]) == set()
        assert store.queue.reap() == []
        threading.Event().wait(0.25)
    assert store.runs.get(run.id).attempt == 1
    wrong.close()


def test_a_lease_that_nobody_renews_is_found_when_it_ends() -> None:
    watch = LeaseWatch(lease=0.2)
    assert watch.overdue({"r": 10.0}, now=9.0) == set()
    assert watch.overdue({"r": 10.2}, now=9.1) == set()
    # The clock was set an hour on: it was renewed a moment ago all the same.
    assert watch.overdue({"r": 10.2}, now=9.1 + HOUR) == set()
    threading.Event().wait(0.2)
    assert watch.overdue({"r": 10.2}, now=10.3) == {"r"}


def test_a_lease_that_was_over_before_anybody_looked_is_over() -> None:
    assert LeaseWatch(lease=100).overdue({"a": 1.0, "b": 9.0}, now=5.0) == {"a"}


# --- databases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "leases",
    [
        pytest.param(0.4, id="shorter than a lease", marks=pytest.mark.long),
        pytest.param(2.0, id="longer"),
    ],
)
def test_a_run_outlives_a_locked_database(tmp_path: Path, leases: float) -> None:
    settings = settings_for(tmp_path, lease=2.0)
    service = Service(settings)
    try:
        config = configuration(steps=900, every=30)
        run, _ = service.runs.create(config)
        eventually(lambda: frames(service.store, run.id) >= 2)
        with sqlite3.connect(tmp_path / "gradtide.db", isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            threading.Event().wait(leases * settings.lease)
            connection.execute("ROLLBACK")
        connection.close()
        eventually(status_is(service.store, run.id, "succeeded"))
        require_same_bits(service.store, run.id, config)
    finally:
        service.close()


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_run_goes_on_where_the_database_was_away_for_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    store = open_store(settings_for(tmp_path))
    config = configuration(steps=40, every=10)
    run = store.runs.create(*described(config))[0]
    open_read, open_write, opened = store.database.read, store.database.write, [0]

    def away_once(open_: Callable[[], object]) -> Callable[[], object]:
        def begin() -> object:
            if threading.current_thread() is threading.main_thread():
                opened[0] += 1
                if opened[0] == nth:
                    raise OperationalError("BEGIN", {}, Exception("database is locked"))
            return open_()

        return begin

    claim = store.attempts.claim(run.id, "first")
    assert claim is not None
    monkeypatch.setattr(store.database, "read", away_once(open_read))
    monkeypatch.setattr(store.database, "write", away_once(open_write))
    with controlled(store, claim) as control:
        left = train_run(store, claim, control, checkpoint_seconds=1e-9)
    assert opened[0] > nth
    assert left in ("succeeded", "queued")
    assert store.runs.get(run.id).status == left
    if left == "queued":
        finished(store, run.id)
    require_same_bits(store, run.id, config)
    store.close()


# --- disks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["database", *(pytest.param(k, marks=pytest.mark.long) for k in ("arrays", "checkpoints"))],
)
def test_a_full_disk_ends_the_run_with_that_reason_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    small, other = tmp_path / "small", tmp_path / "other"
    small.mkdir()
    other.mkdir()
    # A disk of its own, in a namespace of its own: nothing is left. Where users may make none, as
    # in a chroot, root can do without theirs.
    command = 'mount -t tmpfs -o size=300m tmpfs "$1" && shift && exec "$@"'
    program = [sys.executable, "-m", "tests.app.runs.full_disk", str(small), str(other), kind]
    users = ["--user", "--map-root-user"]
    allowed = subprocess.run(["unshare", *users, "true"], capture_output=True, check=False)
    own = users if allowed.returncode == 0 else []
    isolated = ["unshare", *own, "--mount", "sh", "-c", command, "sh"]
    result = subprocess.run(
        [*isolated, str(small), *program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout)
    assert found["error"].startswith("the disk is full (")
    assert found["read"] == found["recorded"] >= 1
    assert found["whole"]


# --- checkpoints ----------------------------------------------------------------------------------


def interrupted_after(store: Store, run: Run, step: int) -> None:
    """Make an attempt that saves at every step and is lost after one of them."""
    claim = store.attempts.claim(run.id, "lost")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        save = Saver.save

        def save_or_vanish(saver: Saver, snapshot: object) -> None:
            if getattr(snapshot, "step", 0) > step:
                raise KeyboardInterrupt  # as a kill: nothing after it runs
            save(saver, snapshot)  # type: ignore[arg-type]  # a snapshot

        patch.setattr(Saver, "save", save_or_vanish)
        with pytest.raises(KeyboardInterrupt):
            train_run(store, claim, control, checkpoint_seconds=1e-9)
    assert store.queue.lose(run.id, "lost", "killed") is not None


def finished(store: Store, run_id: str) -> int:
    """Let another attempt bring a run to its end; return the step that it went on from."""
    claim = store.attempts.claim(run_id, "again")
    assert claim is not None
    first: list[int] = []
    with controlled(store, claim) as control:
        status = train_run(
            store, claim, control, checkpoint_seconds=100, listener=lambda p: first.append(p.step)
        )
    assert status == "succeeded"
    return first[0]


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    file.unlink()
    if how != "missing":
        flipped = content[:-1] + bytes([content[-1] ^ 1])
        file.write_bytes({"truncated": content[:-5], "flipped": flipped, "empty": b""}[how])


@pytest.mark.parametrize(
    ("how", "which"),
    [("truncated", "newest"), ("flipped", "newest"), ("empty", "all"), ("missing", "all")],
)
def test_a_run_goes_on_past_damaged_checkpoints_to_the_same_bits(
    store: Store, how: str, which: str
) -> None:
    config = configuration(steps=40, every=10)
    run = store.runs.create(*described(config))[0]
    interrupted_after(store, run, 25)
    files = [f"1/resume-{step}.safetensors" for step in (25, 24)]
    for file in files if which == "all" else files[:1]:
        damage((store.folder / "checkpoints" / run.id) / file, how)
    assert finished(store, run.id) == (0 if which == "all" else 24)
    require_same_bits(store, run.id, config)


def test_a_checkpoint_of_another_format_is_passed_over(store: Store) -> None:
    config = configuration(steps=40, every=10)
    run = store.runs.create(*described(config))[0]
    interrupted_after(store, run, 25)
    claim = store.attempts.claim(run.id, "of another format")
    assert claim is not None
    for step, text in ((26, "no state of ours"), (27, '{"mapping": {"step": {"value": 27}}}')):
        store.checkpoints.write_resume(claim, step, {"x": np.zeros(3)}, text)
    with store.database.write() as connection:  # write_resume keeps two: the whole one is back
        connection.execute(sa.update(checkpoints).where(checkpoints.c.step == 26).values(step=24))
    assert store.queue.lose(run.id, "of another format", "killed") is not None
    assert finished(store, run.id) == 0
    require_same_bits(store, run.id, config)


# --- groups ---------------------------------------------------------------------------------------


def test_a_service_killed_with_all_its_workers_goes_on_where_it_was(tmp_path: Path) -> None:
    store = open_store(settings_for(tmp_path))
    config = configuration(steps=1500, every=30)
    process = start_process(tmp_path, group=True)
    run = store.runs.create(*described(config))[0]
    eventually(lambda: frames(store, run.id) >= 3)
    worker = pid_of(store, run.id)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    eventually(lambda: not is_alive(worker), patience=5)
    again = start_process(tmp_path)
    try:
        eventually(status_is(store, run.id, "succeeded"))
        assert store.runs.get(run.id).attempt == 2
        require_same_bits(store, run.id, config)
    finally:
        again.terminate()
        again.communicate()
        store.close()
