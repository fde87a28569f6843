"""A service that is asked to end does so in time, whatever it waits for."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.commands.serve import GRACEFUL_SECONDS, LEAVE_SECONDS
from app.runs import local
from app.runs.executor import STOP_SECONDS
from tests.app.runs.small_runs import Service, endless, eventually, settings_for
from tests.app.runs.test_workers import frames

GOAL_SECONDS = 8.0
PATIENCE = 60.0

NEVER_DONE = """
import threading
from app.cli import app
from app.commands import serve
from app.runs import RunService

serve.LEAVE_SECONDS = 0.5
RunService.stop = lambda self: threading.Event().wait()
app(["serve", "--port", "0"])
"""


def test_the_times_that_a_stop_may_take_lie_side_by_side_and_fit() -> None:
    assert max(GRACEFUL_SECONDS, STOP_SECONDS) < LEAVE_SECONDS < GOAL_SECONDS


def test_a_server_leaves_though_what_it_waits_for_never_ends(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", NEVER_DONE],
        env={**os.environ, "GRADTIDE_DATA": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Gradtide is at ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


def test_workers_are_ended_though_the_executor_waits_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(settings_for(tmp_path))
    waits, answered = threading.Event(), threading.Event()

    def wait(*_: object) -> list[str]:
        waits.set()
        answered.wait(PATIENCE)
        return []

    try:
        run, _ = service.runs.create(endless())
        worker = service.worker_pid(run.id)
        eventually(lambda: frames(service.store, run.id) >= 1)
        monkeypatch.setattr(service.store.queue, "overdue_cancels", wait)
        assert waits.wait(PATIENCE)
        monkeypatch.setattr(local, "STOP_SECONDS", 0.1)
        service.runs.stop()
        # Asked for the children that live, Python buries the dead ones.
        eventually(lambda: worker not in {each.pid for each in multiprocessing.active_children()})
        assert not answered.is_set()
    finally:
        answered.set()
        service.close()


def test_leaving_returns_at_once_and_stopping_waits_for_what_is_saved(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, checkpoint_seconds=1000))
    try:
        run, _ = service.runs.create(endless())
        eventually(lambda: frames(service.store, run.id) >= 1)
        service.runs.leave()
        service.runs.stop()
        assert service.store.runs.get(run.id).status == "interrupted"
        assert not service.executor.is_alive
    finally:
        service.close()
