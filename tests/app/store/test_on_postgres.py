"""The store on PostgreSQL: what differs there, and some of the suite; all of it in the long run."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.runs import RunService
from app.runs.local import LocalExecutor
from app.store import Store, open_store
from tests.app.postgres import Postgres
from tests.app.runs.small_runs import (
    configuration,
    eventually,
    require_same_bits,
    settings_for,
    status_is,
)
from tests.app.store.stored_runs import new_store, queued
from tests.app.store.test_attempts_and_queue import (  # noqa: F401  # run here on PostgreSQL
    test_a_run_that_was_to_be_cancelled_is_cancelled_when_its_worker_is_lost,
    test_a_worker_that_lost_its_run_writes_nothing,
    test_only_one_of_many_claims_wins,
)
from tests.app.store.test_database_and_files import (  # noqa: F401  # the same
    test_migrations_go_down_and_up_again,
    test_the_migrations_make_exactly_the_tables_that_are_declared,
)


@pytest.fixture
def store(tmp_path: Path, postgres: Postgres) -> Iterator[Store]:
    opened = new_store(tmp_path / "data", database_url=postgres.new_database())
    yield opened
    opened.close()


def test_events_are_seen_in_the_order_of_their_ids(store: Store) -> None:
    run = queued(store)
    done, seen, last = threading.Event(), list[int](), [0]

    def write(number: int) -> None:
        for _ in range(20):
            with store.database.write() as connection:
                store.events.append(connection, run.id, "frame", step=number)

    def read() -> None:
        while not done.is_set():
            for event in store.events.after(last[0]):
                last[0] = event.id
                seen.append(event.id)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    everything = [event.id for event in store.events.after(0)]
    eventually(lambda: last[0] == everything[-1], patience=5)
    done.set()
    reader.join()
    assert seen == everything
    assert store.events.latest_id() == everything[-1]


def test_a_read_sees_one_state(store: Store) -> None:
    run = queued(store)
    with store.database.read() as connection:
        before = store.runs._get(connection, run.id).status
        store.queue.cancel_waiting(run.id)
        assert store.runs._get(connection, run.id).status == before == "queued"
    assert store.runs.get(run.id).status == "cancelled"


def test_a_run_outlives_a_restart_of_the_database(tmp_path: Path, postgres: Postgres) -> None:
    settings = settings_for(tmp_path, lease=6.0, database_url=postgres.new_database())
    store = open_store(settings)
    executor = LocalExecutor(store, settings)
    service = RunService(store, executor, settings)
    service.start()
    try:
        config = configuration(steps=900, every=30)
        run, _ = service.create(config)
        eventually(lambda: store.runs.get(run.id).recorded_rows >= 2)
        postgres.stop()
        postgres.start()
        eventually(status_is(store, run.id, "succeeded"))
        require_same_bits(store, run.id, config)
    finally:
        service.stop()
        store.close()
