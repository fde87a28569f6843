"""Whom a training hires, when, and what becomes of who is hired."""

import signal
from typing import Any

import psutil
import pytest
import structlog.testing

import engine
from app.runs import apart
from app.runs.apart import SnapshotSource
from app.runs.inputs import Inputs
from app.trainer.failures import TrainingFailed
from tests.app.runs.hiring import STARTED, hire_for_any_run, trainers
from tests.app.runs.small_runs import configuration, endless


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hire a trainer for any run, and wait until it is ready."""
    hire_for_any_run(monkeypatch)


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
