"""A run trained in a process beside the one that records it: the same bits, and nothing lost."""

import time
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import engine
from app.runs.apart import SnapshotSource
from app.runs.control import Control, Reason
from app.runs.controls import controlled
from app.runs.saving import Saver
from app.runs.service import described
from app.runs.training import train_run
from app.store import Run, Store, open_store
from tests.app.runs.hiring import STARTED, hire_for_any_run, start_worker, trainers, trainers_of
from tests.app.runs.small_runs import (
    configuration,
    eventually,
    require_same_bits,
    settings_for,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_for(tmp_path))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hire a trainer for any run, and wait until it is ready."""
    hire_for_any_run(monkeypatch)


def queued(store: Store, config: dict[str, Any]) -> Run:
    return store.runs.create(*described(config))[0]


def attempt(
    store: Store,
    run: Run,
    *,
    seconds: float = 100.0,
    at: int = -1,
    act: Callable[[Control], object] = id,
) -> str:
    """Make one attempt here; at a step something happens."""
    claim = store.attempts.claim(run.id, f"owner at {at}")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        keep = Saver.keep

        def keep_and_act(saver: Saver, snapshot: engine.Snapshot) -> None:
            keep(saver, snapshot)
            if snapshot.step == at:
                assert len(trainers()) == 1
                act(control)

        patch.setattr(Saver, "keep", keep_and_act)
        return train_run(store, claim, control, checkpoint_seconds=seconds)


@pytest.mark.parametrize(
    "config",
    [
        configuration(steps=90, every=7),
        configuration(steps=30, recording={"every": 1, "checkpoints": ["first", 11, "last"]}),
        configuration(steps=30, model={"cell": "lstm", "hidden_size": 4, "layers": 2}),
        configuration(
            steps=300,
            model={"cell": "elman", "activation": "identity", "hidden_size": 6},
            training={"optimizer": {"kind": "sgd", "learning_rate": 3.0}, "clipping": None},
        ),
    ],
    ids=["plain", "each step", "two layers", "diverging"],
)
def test_what_a_trainer_tells_is_stored_with_the_engines_own_bits(
    store: Store, config: dict[str, Any]
) -> None:
    seen: list[int] = []
    run = queued(store, config)
    status = attempt(store, run, at=STARTED, act=lambda _: seen.append(STARTED))
    assert (status, seen) == (
        "diverged" if "optimizer" in config["training"] else "succeeded",
        [STARTED],
    )
    require_same_bits(store, run.id, config)
    assert trainers() == []
    kept = {info.step for info in store.checkpoints.list(run.id)}
    assert kept >= {0, 11, 30} if 11 in config["recording"].get("checkpoints", ()) else {0}


def test_a_run_that_is_saved_all_the_time_has_the_same_bits(store: Store) -> None:
    config = configuration(steps=120, every=50)
    run = queued(store, config)
    assert attempt(store, run, seconds=1e-9) == "succeeded"
    require_same_bits(store, run.id, config)


def test_a_run_paused_between_two_frames_goes_on_to_the_same_bits(store: Store) -> None:
    config = configuration(steps=8000, every=7000)
    run = queued(store, config)

    def pause(control: Control) -> None:
        store.queue.request_pause(run.id)
        control.stop("pause")

    assert attempt(store, run, at=100, act=pause) == "paused"
    paused = store.runs.get(run.id)
    assert paused.step is not None
    assert 100 < paused.step < 7000
    assert store.checkpoints.newest_resume(run.id)[0] == paused.step  # type: ignore[index]
    assert trainers() == []
    assert store.queue.requeue(run.id, before="paused", by="resume")
    assert attempt(store, run) == "succeeded"
    require_same_bits(store, run.id, config)


def test_a_killed_trainer_loses_nothing(store: Store) -> None:
    config = configuration(steps=3000, every=60)
    run = queued(store, config)
    assert attempt(store, run, at=STARTED, act=lambda _: trainers()[0].kill()) == "queued"
    reasons = [event.data.get("reason") for event in store.events.after(0, [run.id])]
    assert "its trainer was killed by SIGKILL" in reasons
    assert attempt(store, run) == "succeeded"
    require_same_bits(store, run.id, config)


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.long)])
def test_workers_and_trainers_are_killed_and_the_run_ends_with_the_same_bits(
    store: Store, tmp_path: Path, rng: np.random.Generator, kills: int
) -> None:
    settings = settings_for(tmp_path, max_attempts=100)
    config = configuration(steps=15_000 * kills, every=500)
    run = queued(store, config)
    for kill in range(kills):
        worker = start_worker(run.id, f"owner {kill}", settings)
        trainer = hired_by(worker)
        rows = store.runs.get(run.id).recorded_rows
        eventually(has_rows(store, run, rows + 2))  # it has taken over
        time.sleep(rng.uniform(0.0, 0.3))
        strike(worker, trainer, KILLS[kill % len(KILLS)])
        worker.join()
        eventually(is_gone(trainer))
        store.queue.lose(run.id, f"owner {kill}", "killed")
        store.queue.reap()  # where it has left by itself
        assert store.runs.get(run.id).status == "queued"
    assert attempt(store, run) == "succeeded"
    assert store.runs.get(run.id).attempt == kills + 1
    require_same_bits(store, run.id, config)


def hired_by(worker: SpawnProcess) -> psutil.Process:
    eventually(lambda: trainers_of(worker.pid))
    [trainer] = trainers_of(worker.pid)
    return trainer


def has_rows(store: Store, run: Run, rows: int) -> Callable[[], bool]:
    return lambda: store.runs.get(run.id).recorded_rows >= rows


def is_gone(process: psutil.Process) -> Callable[[], bool]:
    return lambda: not process.is_running()


KILLS = ("worker", "trainer", "both", "asked to end")


def strike(worker: SpawnProcess, trainer: psutil.Process, kind: str) -> None:
    if kind in ("trainer", "both"):
        trainer.kill()
    if kind in ("worker", "both"):
        worker.kill()
    if kind == "asked to end":
        trainer.terminate()  # as all processes of a container are; that is for the worker to say
        worker.terminate()


@pytest.mark.parametrize("reason", ["cancel", "lost"])
def test_who_saves_nothing_does_not_wait_for_a_state(
    store: Store, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    monkeypatch.setattr(SnapshotSource, "ask", lambda _: pytest.fail("a state is asked for"))
    run = queued(store, configuration(steps=8000, every=7000))
    status = attempt(store, run, at=100, act=lambda control: control.stop(reason))
    assert status == {"cancel": "cancelled", "lost": "lost"}[reason]
    assert trainers() == []
