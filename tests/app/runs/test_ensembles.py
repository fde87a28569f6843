"""Runs of a sweep that are trained side by side in one process, each as a run of its own."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from app.runs.controls import Controls
from app.runs.ensemble import formed, train_ensemble
from app.runs.service import described
from app.runs.sweeps import Sweeps
from app.runs.training import Attempt
from app.store import Store, open_store
from app.store.tables import LARGEST_ENSEMBLE, runs
from engine.learning.grouping import MOST
from tests.app.runs.small_runs import (
    Service,
    configuration,
    eventually,
    recorded,
    settings_for,
    status_is,
)

LONG = 150.0  # four runs in a process of low priority, on a machine with other work
RATES = [0.02, 0.01]
Frames = dict[int, list[engine.Frame]]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(settings_for(tmp_path, checkpoint_seconds=1.0))
    yield running
    running.close()


def grid(steps: int) -> dict[str, Any]:
    """Return a sweep of four small runs."""
    sgd = {"kind": "sgd", "learning_rate": 0.01}
    base = configuration(steps=steps, every=steps // 20, training={"optimizer": sgd})
    return {"base": base, "axes": {"training.optimizer.learning_rate": RATES}, "repeats": 2}


LASTING = 8000
"""Steps that take some seconds more than until a user's request is heard."""


def sweep(service: Service, steps: int) -> list[str]:
    """Start the sweep; return its runs, in order."""
    sweeps = Sweeps(service.store, service.runs, 100)
    made, _ = sweeps.create(grid(steps))
    ids = [member.run.id for member in service.store.sweeps.members(made.id)]
    assert service.store.ensembles.beside(ids[2]) == ids
    return ids


def configs_of(store: Store, ids: Sequence[str]) -> list[engine.RunConfig]:
    return [engine.RunConfig.from_dict(store.runs.get(run_id).config) for run_id in ids]


def require_bits_of_the_ensemble(store: Store, ids: Sequence[str], places: Sequence[int]) -> None:
    """Compare what is recorded of some members with an ensemble that nothing ever happened to."""
    configs = configs_of(store, ids)
    recorders = [engine.Recorder(config) for config in configs]
    frames: Frames = {place: [] for place in range(len(ids))}
    for place, snapshot in engine.train_many(configs):
        frame = recorders[place].look(snapshot)
        if frame is not None:
            frames[place].append(frame)
    for place in places:
        for name, values in recorded(store, ids[place]).items():
            if recorders[place].layouts[name].per_step:
                expected = np.concatenate([frame.series[name] for frame in frames[place]])
            else:
                expected = np.stack([frame.arrays[name] for frame in frames[place]])
            assert values.tobytes() == expected.astype(values.dtype).tobytes(), (place, name)


def all_over(store: Store, ids: Sequence[str]) -> Callable[[], bool]:
    return lambda: all(store.runs.get(run_id).status == "succeeded" for run_id in ids)


def under_way(store: Store, run_id: str, frames: int = 3) -> Callable[[], bool]:
    return lambda: store.runs.get(run_id).recorded_rows >= frames


def test_the_runs_of_a_sweep_are_trained_in_one_process(service: Service) -> None:
    ids = sweep(service, 400)
    eventually(
        lambda: all(status_is(service.store, each, "running")() for each in ids), patience=LONG
    )
    assert len({service.worker_pid(run_id) for run_id in ids}) == 1
    eventually(all_over(service.store, ids), patience=LONG)
    rows = [service.store.runs.get(run_id) for run_id in ids]
    assert all(row.verdict and row.final_loss is not None and row.step == 400 for row in rows)
    assert len({row.final_loss for row in rows}) == len(ids)
    for row in rows:
        kept = [each.step for each in service.store.checkpoints.list(row.id)]
        assert kept == [0, 400]
    require_bits_of_the_ensemble(service.store, ids, range(4))


def test_a_cancelled_member_changes_no_bit_of_the_others(service: Service) -> None:
    ids = sweep(service, LASTING)
    eventually(under_way(service.store, ids[1]), patience=LONG)
    pid = service.worker_pid(ids[0])
    service.runs.cancel(ids[1])
    eventually(status_is(service.store, ids[1], "cancelled"), patience=LONG)
    left = [ids[0], *ids[2:]]
    assert all(service.store.runs.get(run_id).status == "running" for run_id in left)
    assert service.worker_pid(ids[0]) == pid
    eventually(all_over(service.store, left), patience=LONG)
    assert (
        service.store.runs.get(ids[1]).recorded_rows < service.store.runs.get(ids[0]).recorded_rows
    )
    assert [service.store.runs.get(run_id).attempt for run_id in left] == [1, 1, 1]
    require_bits_of_the_ensemble(service.store, ids, [0, 2, 3])


def test_a_killed_process_is_followed_by_the_same_ensemble(service: Service) -> None:
    ids = sweep(service, LASTING)
    eventually(under_way(service.store, ids[3]), patience=LONG)
    service.runs.cancel(ids[0])
    eventually(status_is(service.store, ids[0], "cancelled"), patience=LONG)
    os.kill(service.worker_pid(ids[1]), signal.SIGKILL)
    eventually(all_over(service.store, ids[1:]), patience=LONG)
    assert {service.store.runs.get(run_id).attempt for run_id in ids[1:]} == {2}
    require_bits_of_the_ensemble(service.store, ids, [1, 2, 3])


@pytest.mark.long
def test_a_paused_member_goes_on_where_it_was(service: Service) -> None:
    ids = sweep(service, LASTING)
    eventually(under_way(service.store, ids[2]), patience=LONG)
    service.runs.pause(ids[2])
    eventually(status_is(service.store, ids[2], "paused"), patience=LONG)
    service.runs.resume(ids[2])
    eventually(all_over(service.store, ids), patience=LONG)
    assert service.store.runs.get(ids[2]).attempt == 2
    require_bits_of_the_ensemble(service.store, ids, range(4))


@pytest.mark.long
def test_a_server_that_stops_takes_its_ensemble_up_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, checkpoint_seconds=1.0)
    first = Service(settings)
    ids = sweep(first, 800)
    eventually(under_way(first.store, ids[0]), patience=LONG)
    first.close()
    second = Service(settings)
    try:
        eventually(all_over(second.store, ids), patience=LONG)
        require_bits_of_the_ensemble(second.store, ids, range(4))
    finally:
        second.close()


# In this process


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_for(tmp_path))
    yield opened
    opened.close()


def stored_ensemble(store: Store, count: int = 3) -> list[str]:
    """Queue small runs side by side without a service that would take them."""
    ids = [store.runs.create(*described(configuration(seed=seed)))[0].id for seed in range(count)]
    with store.database.write() as connection:
        store.ensembles.create_in(connection, ids)
    return ids


def train_here(store: Store, ids: Sequence[str]) -> dict[str, str]:
    claims = store.attempts.claim_all(ids, "here")
    places = [claims.get(each or "") for each in store.ensembles.beside(ids[0])]
    with Controls(store, list(claims.values())) as controls:
        return train_ensemble(store, places, controls, checkpoint_seconds=60)


def test_a_member_that_cannot_be_recorded_fails_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored_ensemble(store)
    take = Attempt.take

    def failing(attempt: Attempt, snapshot: engine.Snapshot) -> str | None:
        if attempt.config.seed == 1 and snapshot.step == 20:
            raise OSError("no room for this one")
        return take(attempt, snapshot)

    monkeypatch.setattr(Attempt, "take", failing)
    states = train_here(store, ids)
    assert states == {ids[0]: "succeeded", ids[1]: "failed", ids[2]: "succeeded"}
    assert "no room for this one" in str(store.runs.get(ids[1]).error)
    require_bits_of_the_ensemble(store, ids, [0, 2])


def test_a_fault_of_all_ends_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = stored_ensemble(store)

    def failing(*_: object, **__: object) -> None:
        raise MemoryError("so much")

    monkeypatch.setattr(engine, "train_many", failing)
    assert set(train_here(store, ids).values()) == {"failed"}
    assert store.runs.get(ids[2]).error == "not enough memory: so much"


def test_a_deleted_run_leaves_its_place_empty(store: Store) -> None:
    ids = stored_ensemble(store)
    configs = configs_of(store, ids)
    store.queue.cancel_waiting(ids[0])
    assert store.delete_run(ids[0])
    assert store.ensembles.beside(ids[2]) == [None, *ids[1:]]
    assert train_here(store, ids[1:]) == dict.fromkeys(ids[1:], "succeeded")
    many = {place: s.parameters() for place, s in engine.train_many(configs) if s.is_last}
    loss = recorded(store, ids[2])["loss"]
    assert np.isfinite(loss).all()
    assert many.keys() == {0, 1, 2}


def test_one_run_of_an_ensemble_stands_for_all_in_the_queue(store: Store) -> None:
    ids = stored_ensemble(store)
    other = store.runs.create(*described(configuration(seed=9)))[0].id
    assert store.queue.next(5) == [ids[0], other]
    assert store.queue.next(5, without=frozenset({ids[1]})) == [other]
    assert store.queue.next(1, without=frozenset({other})) == [ids[0]]


def test_a_member_that_another_worker_has_is_left_to_it(store: Store) -> None:
    ids = stored_ensemble(store)
    assert store.attempts.claim(ids[1], "elsewhere") is not None
    assert train_here(store, [ids[0], ids[2]]).keys() == {ids[0], ids[2]}
    assert (store.runs.get(ids[1]).status, store.runs.get(ids[1]).attempt) == ("running", 1)


def test_a_lease_that_another_took_is_told_apart_from_the_others(store: Store) -> None:
    ids = stored_ensemble(store)
    claims = store.attempts.claim_all(ids, "here")
    with store.database.write() as connection:
        connection.execute(runs.update().where(runs.c.id == ids[1]).values(owner="elsewhere"))
    assert store.attempts.beat(list(claims.values())) == {ids[1]}
    store.queue.request_cancel(ids[0])
    store.queue.request_pause(ids[2])
    asked = store.attempts.requests(list(claims.values()))
    assert asked == {ids[0]: "cancel", ids[2]: "pause"}


# Which runs are trained side by side


def complete(count: int, **changed: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    return [
        engine.RunConfig.from_dict(configuration(seed=seed, **changed)).to_dict()
        for seed in range(count)
    ]


def test_large_runs_and_few_small_ones_are_by_themselves() -> None:
    large = complete(8, model={"cell": "lstm", "hidden_size": 128})
    assert formed([*large, *complete(2)], workers=2, most_bytes=2**40) == []


@pytest.mark.parametrize(("count", "workers", "parts"), [(8, 4, 1), (40, 2, 2), (64, 8, 4)])
def test_many_runs_are_shared_among_the_workers(count: int, workers: int, parts: int) -> None:
    found = formed(complete(count), workers=workers, most_bytes=2**40)
    assert len(found) == parts
    assert sorted(place for part in found for place in part) == list(range(count))


def test_an_ensemble_fits_into_the_memory_of_one_process() -> None:
    configs = complete(12)
    memory = engine.estimate(engine.RunConfig.from_dict(configs[0])).memory
    found = formed(configs, workers=1, most_bytes=5 * memory)
    assert [len(part) for part in found] == [4, 4, 4]


def test_the_store_takes_as_many_places_as_the_engine_makes() -> None:
    assert MOST == LARGEST_ENSEMBLE
