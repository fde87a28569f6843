"""Workers that hire a trainer for any run at once, whatever its length and who else is at work."""

import multiprocessing
import subprocess
from multiprocessing.context import SpawnProcess

import psutil
import pytest

from app.runs import apart
from app.runs.worker import work
from app.settings import Settings
from tests.app.runs.small_runs import PATIENCE

STARTED = 2
"""The first snapshot that can only come of a trainer."""

HIRED: list[subprocess.Popen[bytes]] = []


def hire_for_any_run(patch: pytest.MonkeyPatch) -> None:
    """Let no run be too short, nor any processor too busy; wait until the trainer is ready."""
    patch.setattr(apart, "LOADING_SNAPSHOTS", 0)
    patch.setattr(apart, "WATCHED_SECONDS", 0.0)
    patch.setattr(apart, "WORTH_SECONDS", -1.0)
    patch.setattr(apart, "IDLE", -1.0)
    start, is_ready = apart._start, apart._Trainer.is_ready

    def start_and_note(*handles: int) -> subprocess.Popen[bytes]:
        HIRED.append(start(*handles))
        return HIRED[-1]

    def wait_until_ready(trainer: apart._Trainer) -> bool:
        trainer._reports.poll(PATIENCE)
        return is_ready(trainer)

    patch.setattr(apart, "_start", start_and_note)
    patch.setattr(apart._Trainer, "is_ready", wait_until_ready)


def trainers() -> list[psutil.Process]:
    """Return the trainers that this process has hired and not yet seen the end of."""
    return [psutil.Process(each.pid) for each in HIRED if each.returncode is None]


def trainers_of(pid: int | None) -> list[psutil.Process]:
    """Return the trainers that another process has hired and that are at work."""
    try:
        children = psutil.Process(pid).children()
        return [each for each in children if "app.trainer" in each.cmdline()]
    except psutil.NoSuchProcess:
        return []


def start_worker(run_id: str, owner: str, settings: Settings) -> SpawnProcess:
    """Start a worker on a queued run, as the local executor does."""
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_work, args=(run_id, owner, settings), daemon=True)
    worker.start()
    return worker


def _work(run_id: str, owner: str, settings: Settings) -> None:
    hire_for_any_run(pytest.MonkeyPatch())
    work(run_id, owner, settings)
