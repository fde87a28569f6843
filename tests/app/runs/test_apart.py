"""A run trained in a process beside the one that records it: the same bits, and nothing lost."""

import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import structlog.testing

import engine
from app.runs import apart
from app.runs.apart import SnapshotSource
from app.runs.control import Control, Reason
from app.runs.controls import controlled
from app.runs.inputs import Inputs
from app.runs.saving import Saver
from app.runs.service import described
from app.runs.training import train_run
from app.store import Run, Store, open_store
from app.trainer.failures import TrainingFailed
from tests.app.runs.hiring import hire_for_any_run, start_worker, trainers, trainers_of
from tests.app.runs.small_runs import (
    configuration,
    endless,
    eventually,
    require_same_bits,
    settings_for,
)

STARTED = 2  # the first snapshot that can only come of a trainer


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


def source(config: dict[str, Any]) -> SnapshotSource:
    return SnapshotSource(engine.RunConfig.from_dict(config), Inputs())


def test_who_stops_to_listen_leaves_no_trainer() -> None:
    snapshots = source(endless()).snapshots()
    for snapshot in snapshots:
        if snapshot.step == STARTED:
            break
    assert len(trainers()) == 1
    snapshots.close()
    assert trainers() == []


def test_where_all_processors_are_at_work_nobody_is_hired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "IDLE", 1e6)
    assert sum(1 for _ in source(configuration(steps=30)).snapshots()) == 31
    assert trainers() == []


@pytest.mark.parametrize(
    "part", [{"recording": {"batch": "training"}}, {"training": {"steps": 30, "threads": 2}}]
)
def test_nobody_is_hired_for_what_cannot_be_told_or_has_its_threads(part: dict[str, Any]) -> None:
    config = {**configuration(steps=30), **part}
    assert sum(1 for _ in source(config).snapshots()) == 31
    assert trainers() == []


def test_what_goes_wrong_in_a_trainer_is_told_with_its_place() -> None:
    config = engine.RunConfig.from_dict(configuration())
    other = engine.RunConfig.from_dict(configuration(model={"cell": "elman", "hidden_size": 9}))
    trainer = apart._Trainer(config, Inputs(), next(engine.train(config)).state())
    try:
        assert trainer.is_ready()
        trainer.begin(next(engine.train(other)).state())
        with pytest.raises(TrainingFailed, match="weights: expected float32") as failed:
            list(trainer.reports())
        assert "in _work" in failed.value.report
    finally:
        trainer.end()


@pytest.mark.parametrize(
    ("cells", "backend", "reason"),
    [(9, engine.backend(), "weights: expected"), (6, "another", "expected the backend 'another'")],
    ids=["a state of another configuration", "another backend"],
)
def test_a_trainer_that_cannot_begin_is_let_go(
    monkeypatch: pytest.MonkeyPatch, cells: int, backend: str, reason: str
) -> None:
    other = {"cell": "elman", "hidden_size": cells}
    state = next(engine.train(engine.RunConfig.from_dict(configuration(model=other)))).state()
    monkeypatch.setattr(apart, "backend", lambda: backend)
    start = apart._Trainer.__init__
    monkeypatch.setattr(
        apart._Trainer,
        "__init__",
        lambda self, config, inputs, _: start(self, config, inputs, state),
    )
    with structlog.testing.capture_logs() as told:
        snapshots = source(configuration(steps=30)).snapshots()
        assert next(each for each in snapshots if each.step == STARTED).is_whole
        assert trainers() == []
        assert sum(1 for _ in snapshots) == 30 - STARTED
    [warning] = told
    assert warning["event"] == apart.ALONE
    assert reason in warning["reason"]


@pytest.mark.parametrize("missing", ["subprocess.Popen", "Pipe", "threading.Thread.start"])
def test_where_the_system_grants_no_process_the_run_is_trained_where_it_is(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    handles = psutil.Process().num_fds()

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no thread") if "Thread" in missing else OSError("no handle")

    monkeypatch.setattr(f"app.runs.apart.{missing}", refuse)
    with structlog.testing.capture_logs() as told:
        assert sum(1 for _ in source(configuration(steps=30)).snapshots()) == 31
    assert [each["event"] for each in told] == [apart.ALONE]
    assert psutil.Process().num_fds() == handles


def test_a_trainer_takes_its_handles_along() -> None:
    handles = psutil.Process().num_fds()
    assert sum(1 for _ in source(configuration(steps=30)).snapshots()) == 31
    assert psutil.Process().num_fds() == handles


def test_a_trainer_is_interrupted_by_nobody_but_who_hired_it() -> None:
    config = engine.RunConfig.from_dict(configuration())
    trainer = apart._Trainer(config, Inputs(), next(engine.train(config)).state())
    try:
        for interrupt in (signal.SIGINT, signal.SIGTERM):
            trainers()[0].send_signal(interrupt)  # before it can say anything to that
        assert trainer.is_ready()
    finally:
        trainer.end()


def test_a_stopped_trainer_is_ended() -> None:
    snapshots = source(endless()).snapshots()
    next(each for each in snapshots if each.step == STARTED)
    trainers()[0].suspend()
    snapshots.close()
    assert trainers() == []


@pytest.mark.parametrize("reason", ["cancel", "lost"])
def test_who_saves_nothing_does_not_wait_for_a_state(
    store: Store, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    monkeypatch.setattr(SnapshotSource, "ask", lambda _: pytest.fail("a state is asked for"))
    run = queued(store, configuration(steps=8000, every=7000))
    status = attempt(store, run, at=100, act=lambda control: control.stop(reason))
    assert status == {"cancel": "cancelled", "lost": "lost"}[reason]
    assert trainers() == []


class Clock:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(("steps", "pays"), [(300, False), (3000, True)])
def test_what_is_loaded_first_does_not_count_as_training(
    monkeypatch: pytest.MonkeyPatch, steps: int, pays: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(apart, "IDLE", -1.0)
    monkeypatch.setattr(apart, "time", clock := Clock())
    watch, found = apart._Watch(), False
    for snapshot in engine.train(engine.RunConfig.from_dict(configuration(steps=steps))):
        found = found or watch.says_that_it_pays(snapshot)
        clock.now += 1.0 if snapshot.step < 2 else 0.005
    assert found is pays
