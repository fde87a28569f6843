"""Pausing, extending and trying again: where a run goes on, and that its bits do not tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from app.runs import RunService
from app.runs.controls import controlled
from app.runs.saving import Saver
from app.runs.service import described
from app.runs.training import train_run
from app.store import Run, Store, open_store
from tests.app.runs.small_runs import configuration, recorded, require_same_bits, settings_for


class NoExecutor:
    """Stands where runs are taken; the tests take them themselves."""

    is_alive = True

    def prepare(self) -> None: ...

    def start(self) -> None: ...

    def leave(self) -> None: ...

    def stop(self) -> None: ...

    def wake(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_for(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def service(store: Store, tmp_path: Path) -> RunService:
    return RunService(store, NoExecutor(), settings_for(tmp_path))


def queued(store: Store, config: dict[str, Any]) -> Run:
    return store.runs.create(*described(config))[0]


def attempt(store: Store, run: Run, *, pause_after: int | None = None) -> str:
    """Make one attempt here; a user pauses it after a step."""
    claim = store.attempts.claim(run.id, f"owner {pause_after}")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        keep = Saver.keep

        def keep_and_pause(saver: Saver, snapshot: engine.Snapshot) -> None:
            keep(saver, snapshot)
            if snapshot.step == pause_after:
                store.queue.request_pause(run.id)
                control.stop("pause")

        patch.setattr(Saver, "keep", keep_and_pause)
        return train_run(store, claim, control, checkpoint_seconds=100)


def test_a_paused_run_loses_no_step_and_goes_on_to_the_same_bits(
    store: Store, service: RunService
) -> None:
    config = configuration(steps=60, every=25)
    run = queued(store, config)
    assert attempt(store, run, pause_after=33) == "paused"
    paused = store.runs.get(run.id)
    assert (paused.status, paused.requested, paused.recorded_series) == ("paused", None, 34)
    assert (paused.step, paused.eta_seconds) == (34, None)
    assert store.checkpoints.newest_resume(run.id)[0] == 34  # type: ignore[index]
    assert service.resume(run.id).status == "queued"
    assert attempt(store, run) == "succeeded"
    require_same_bits(store, run.id, config)


def test_a_pause_taken_back_too_late_lets_the_run_go_on(store: Store, service: RunService) -> None:
    run = queued(store, configuration())
    claim = store.attempts.claim(run.id, "w")
    assert claim is not None
    service.pause(run.id)
    service.resume(run.id)
    assert store.attempts.release(claim, "paused") == "interrupted"
    store.queue.reap()
    assert store.runs.get(run.id).status == "queued"


def test_a_pause_outlives_the_worker_it_was_meant_for(store: Store, service: RunService) -> None:
    run = queued(store, configuration())
    assert store.attempts.claim(run.id, "w") is not None
    service.pause(run.id)
    store.queue.lose(run.id, "w", "killed")
    claim = store.attempts.claim(run.id, "again")
    assert claim is not None
    assert store.attempts.requests([claim]) == {run.id: "pause"}
    assert store.attempts.release(claim, "paused") == "paused"


def test_cancelling_wins_over_a_pause_under_way(store: Store, service: RunService) -> None:
    run = queued(store, configuration())
    claim = store.attempts.claim(run.id, "w")
    assert claim is not None
    service.pause(run.id)
    service.cancel(run.id)
    assert store.attempts.release(claim, "paused") == "cancelled"
    ended = store.runs.get(run.id)
    assert ended.status == "cancelled"
    assert ended.finished_at is not None
    assert [e.kind for e in store.events.after(0, [run.id])][-1] == "end"


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("state", ["kept", "lost"])
def test_an_extended_run_is_the_longer_run(
    store: Store, service: RunService, schedule: str, state: str
) -> None:
    training = {"schedule": {"kind": schedule}, "optimizer": {"kind": "adam"}}
    run = queued(store, configuration(steps=25, every=10, training=training))
    assert attempt(store, run) == "succeeded"
    if state == "lost":
        store.checkpoints.drop_resume(run.id)
    longer = service.extend(run.id, 90)
    assert (longer.status, longer.final_loss, longer.finished_at) == ("queued", None, None)
    assert attempt(store, run) == "succeeded"
    whole = engine.record(engine.RunConfig.from_dict(longer.config))
    found = recorded(store, run.id)
    steps = store.arrays.frame_steps(run.id)
    # The frame at the end of the shorter run stays, one more than the longer one has.
    assert steps == [0, 10, 20, 25, 30, 40, 50, 60, 70, 80, 90]
    kept = np.array(steps) != 25
    for name, values in found.items():
        expected = np.asarray(whole.statistic(name).values, dtype=values.dtype)
        rows = values[kept] if len(values) == len(steps) else values
        assert rows.tobytes() == expected.tobytes(), name
    assert [each.step for each in store.checkpoints.list(run.id)] == [0, 25, 90]


def test_a_failed_run_is_tried_again_from_its_last_checkpoint(
    store: Store, service: RunService
) -> None:
    config = configuration(steps=60, every=10)
    run = queued(store, config)
    claim = store.attempts.claim(run.id, "w")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        save = Saver.save

        def save_or_fail(saver: Saver, snapshot: engine.Snapshot) -> None:
            if snapshot.step == 30:
                raise RuntimeError("cosmic ray")
            save(saver, snapshot)

        patch.setattr(Saver, "save", save_or_fail)
        assert train_run(store, claim, control, checkpoint_seconds=1e-9) == "failed"
    again = service.retry(run.id)
    assert (again.status, again.error) == ("queued", None)
    assert store.checkpoints.newest_resume(run.id)[0] == 29  # type: ignore[index]
    assert attempt(store, run) == "succeeded"
    require_same_bits(store, run.id, config)
