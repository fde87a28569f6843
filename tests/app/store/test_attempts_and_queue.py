"""Claims, leases and lost workers: one winner, nothing written by the loser, an end in sight."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from app.store import LeaseLost, Store
from app.store.claims import Claim, Progress
from app.store.tables import frames, runs
from tests.app.store.stored_runs import Recording, claimed, new_store, queued


def set_columns(store: Store, run_id: str, **values: Any) -> None:  # noqa: ANN401  # any column
    with store.database.write() as connection:
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


def statuses(store: Store, run_id: str) -> list[str]:
    return [e.data["status"] for e in store.events.after(0, [run_id]) if e.kind == "status"]


def test_only_one_of_many_claims_wins(store: Store) -> None:
    run = queued(store)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: store.attempts.claim(run.id, str(n)), range(8)))
    assert sum(claim is not None for claim in claims) == 1


@pytest.mark.long
def test_eight_claimers_take_two_hundred_runs_once_each(store: Store) -> None:
    made = [queued(store, str(number)).id for number in range(200)]

    def take(claimer: int) -> list[str]:
        found = []
        while waiting := store.queue.next(5):
            found += [r for r in waiting if store.attempts.claim(r, str(claimer)) is not None]
        return found

    with ThreadPoolExecutor(8) as pool:
        taken = [run_id for found in pool.map(take, range(8)) for run_id in found]
    assert sorted(taken) == sorted(made)


def beat(store: Store, claim: Claim) -> None:
    if claim.run_id in store.attempts.beat([claim]):
        raise LeaseLost("another has it")


WRITES: dict[str, Callable[[Store, Claim, Recording], object]] = {
    "beat": lambda store, old, _: beat(store, old),
    "progress": lambda store, old, _: store.attempts.progress(
        old, Progress(step=9, steps=100, loss=1.0, eta_seconds=1.0)
    ),
    "frame": lambda _store, _old, recording: recording.frame(),
    "flush": lambda store, old, _: store.attempts.flushed(old),
    "finish": lambda store, old, _: store.attempts.finish(old, "succeeded"),
    "release": lambda store, old, _: store.attempts.release(old, "interrupted"),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("claimed_again", [True, False])
def test_a_worker_that_lost_its_run_writes_nothing(
    store: Store, rng: np.random.Generator, name: str, claimed_again: bool
) -> None:
    run = queued(store)
    old = claimed(store, run, "old")
    recording = Recording(store, old, rng)
    recording.frame()
    store.queue.lose(run.id, "old", "gone")
    if claimed_again:
        assert claimed(store, run, "new").attempt == old.attempt + 1
    before = store.runs.get(run.id), store.events.latest_id()
    with pytest.raises(LeaseLost):
        WRITES[name](store, old, recording)
    assert (store.runs.get(run.id), store.events.latest_id()) == before


def test_a_dead_workers_frames_stay_and_the_next_attempt_knows_them(
    store: Store, rng: np.random.Generator
) -> None:
    run = queued(store)
    recording = Recording(store, claimed(store, run, "old"), rng)
    for _ in range(3):
        recording.frame()
    store.queue.lose(run.id, "old", "killed")
    claim = claimed(store, run, "new")
    assert (claim.recorded_rows, claim.recorded_series) == (3, 21)
    found = store.arrays.read(run.id, "hidden_gradient")
    assert np.array_equal(found.values, np.stack(recording.hidden))


def test_flushing_empties_the_table_of_frames(store: Store, rng: np.random.Generator) -> None:
    recording = Recording(store, claimed(store, queued(store)), rng)
    recording.frame()
    recording.flush()
    with store.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(frames)) == 0


def test_a_lost_run_is_queued_again_with_its_reason(store: Store) -> None:
    run = queued(store)
    claimed(store, run, "w")
    assert store.queue.lose(run.id, "somebody else", "x") is None
    lost = store.queue.lose(run.id, "w", "killed by SIGKILL")
    assert lost is not None
    assert lost.status == "queued"
    assert statuses(store, run.id) == ["queued", "running", "interrupted", "queued"]
    reasons = [event.data.get("reason") for event in store.events.after(0, [run.id])]
    assert "killed by SIGKILL" in reasons


def test_a_run_that_is_lost_without_progress_fails_after_its_last_attempt(tmp_path: Path) -> None:
    store = new_store(tmp_path / "d", max_attempts=3)
    run = queued(store)
    for attempt in range(3):
        claimed(store, run, str(attempt))
        store.queue.lose(run.id, str(attempt), "killed")
    failed = store.runs.get(run.id)
    assert (failed.status, failed.attempt) == ("failed", 3)
    assert failed.error == "gave up after 3 attempts without progress: killed"
    assert store.events.after(0, [run.id])[-1].kind == "end"
    store.close()


def test_a_checkpoint_makes_earlier_failures_forgotten(tmp_path: Path) -> None:
    store = new_store(tmp_path / "d", max_attempts=2)
    run = queued(store)
    for attempt in range(4):
        claim = claimed(store, run, str(attempt))
        store.checkpoints.write_resume(claim, attempt, {"x": np.zeros(2)}, "{}")
        store.queue.lose(run.id, str(attempt), "pre-empted")
    assert store.runs.get(run.id).status == "queued"
    store.close()


def test_a_stop_in_good_order_does_not_count_as_a_failure(tmp_path: Path) -> None:
    store = new_store(tmp_path / "d", max_attempts=1)
    run = queued(store)
    for attempt in range(3):
        store.attempts.release(claimed(store, run, str(attempt)), "interrupted")
        assert store.runs.get(run.id).status == "interrupted"
        store.queue.reap()
        assert store.runs.get(run.id).status == "queued"
    store.close()


def test_the_reaper_takes_a_run_whose_lease_ran_out_and_no_other(store: Store) -> None:
    late, live = queued(store, "late"), queued(store, "live")
    claimed(store, late, "a")
    claimed(store, live, "b")
    set_columns(store, late.id, lease_until=1.0)
    store.queue.reap()
    assert store.runs.get(late.id).status == "queued"
    assert store.runs.get(live.id).status == "running"


def test_overdue_leases_are_told_while_a_writer_holds_the_lock(store: Store) -> None:
    late, live = queued(store, "late"), queued(store, "live")
    claimed(store, late, "a")
    claimed(store, live, "b")
    set_columns(store, late.id, lease_until=1.0)
    with store.database.write():
        assert store.queue.overdue_leases() == {late.id}


def test_the_reaper_finds_a_dead_process_of_this_machine_before_its_lease_ends(
    store: Store,
) -> None:
    run = queued(store)
    claimed(store, run)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    set_columns(store, run.id, pid=process.pid)
    store.queue.reap()
    assert store.runs.get(run.id).status == "queued"


def test_a_process_of_another_machine_is_judged_by_its_lease_alone(store: Store) -> None:
    run = queued(store)
    claimed(store, run)
    set_columns(store, run.id, host="elsewhere", pid=2**22)
    store.queue.reap()
    assert store.runs.get(run.id).status == "running"


def test_a_claim_holds_its_lease_before_the_first_beat(store: Store) -> None:
    run = queued(store)
    claimed(store, run)
    with store.database.read() as connection:
        row = connection.execute(sa.select(runs).where(runs.c.id == run.id)).one()
    assert row.lease_until > 0
    assert row.pid == os.getpid()


def test_a_request_to_cancel_reaches_the_worker(store: Store) -> None:
    run = queued(store)
    claim = claimed(store, run)
    assert store.attempts.requests([claim]) == {}
    assert store.queue.request_cancel(run.id)
    assert store.attempts.requests([claim]) == {run.id: "cancel"}
    assert store.queue.overdue_cancels(grace=100) == set()
    assert store.queue.overdue_cancels(grace=-1) == {run.id}


def test_a_run_that_was_to_be_cancelled_is_cancelled_when_its_worker_is_lost(
    store: Store,
) -> None:
    run = queued(store)
    claimed(store, run, "w")
    store.queue.request_cancel(run.id)
    store.queue.lose(run.id, "w", "killed")
    assert store.runs.get(run.id).status == "cancelled"
    assert statuses(store, run.id)[-2:] == ["interrupted", "cancelled"]


def test_a_worker_that_dies_before_its_claim_is_counted(tmp_path: Path) -> None:
    store = new_store(tmp_path / "d", max_attempts=2)
    run = queued(store)
    store.queue.fail_waiting(run.id, "a", "it ended with code 1")
    assert store.runs.get(run.id).status == "queued"
    store.queue.fail_waiting(run.id, "b", "it ended with code 1")
    assert store.runs.get(run.id).status == "failed"
    store.close()


def test_the_queue_gives_the_oldest_first_without_those_being_started(store: Store) -> None:
    made = [queued(store, str(number)).id for number in range(4)]
    assert store.queue.next(2) == made[:2]
    assert store.queue.next(2, without=frozenset(made[:1])) == made[1:3]
    assert store.queue.next(0) == []


def test_only_the_newest_progress_is_kept(store: Store) -> None:
    claim = claimed(store, queued(store))
    for step in range(5):
        told = Progress(step=step, steps=100, loss=0.1 * step, eta_seconds=1.0)
        store.attempts.progress(claim, told)
    found = [event for event in store.events.after(0) if event.kind == "progress"]
    assert [event.data["step"] for event in found] == [4]
    assert store.runs.get(claim.run_id).step == 4


def test_events_are_resumed_after_an_id_and_for_chosen_runs(store: Store) -> None:
    first, second = queued(store, "1"), queued(store, "2")
    claimed(store, first)
    everything = store.events.after(0)
    assert [event.id for event in everything] == sorted({event.id for event in everything})
    assert store.events.after(everything[0].id) == everything[1:]
    assert {event.run for event in store.events.after(0, [second.id])} == {second.id}
    assert store.events.after(0, limit=2) == everything[:2]
    assert store.events.latest_id() == everything[-1].id


def test_ids_of_deleted_events_are_not_used_again(store: Store) -> None:
    claim = claimed(store, queued(store))
    store.attempts.finish(claim, "succeeded")
    latest = store.events.latest_id()
    assert store.delete_run(claim.run_id)
    queued(store)
    assert store.events.latest_id() == latest + 1
