"""Runs as rows: made once, found, listed, renamed."""

import math
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from app.store import (
    IdempotencyConflict,
    InvalidCursor,
    QueueFull,
    Run,
    RunNotFound,
    StaleCursor,
    Store,
)
from tests.app.store.stored_runs import claimed, configuration, queued


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]


def all_pages(store: Store, *, sort: str, limit: int) -> list[str]:
    found, cursor = store.runs.page(sort=sort, limit=limit)
    collected = names(found)
    while cursor is not None:
        found, cursor = store.runs.page(sort=sort, limit=limit, cursor=cursor)
        collected += names(found)
    return collected


def test_a_new_run_is_queued_with_its_configuration(store: Store) -> None:
    run = queued(store, "mine", steps=7, tags=["demo"])
    assert (run.status, run.name, run.steps, run.tags) == ("queued", "mine", 7, ("demo",))
    assert store.runs.get(run.id) == run
    assert run.created_at.tzinfo is not None


def test_an_unknown_run_is_not_found(store: Store) -> None:
    with pytest.raises(RunNotFound):
        store.runs.get("../../etc/passwd")


def test_a_repeated_key_gives_the_first_run(store: Store) -> None:
    first = store.runs.create(configuration(), {}, idempotency_key="k")
    again = store.runs.create(configuration(), {}, idempotency_key="k")
    assert first[1]
    assert again == (first[0], False)
    assert store.runs.count() == 1


def test_a_repeated_key_with_another_body_is_refused_and_stores_nothing(store: Store) -> None:
    store.runs.create(configuration("one"), {}, idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        store.runs.create(configuration("two"), {}, idempotency_key="k")
    assert store.runs.count() == 1


def test_many_at_once_with_one_key_make_one_run(store: Store) -> None:
    barrier = Barrier(6)

    def create(_: int) -> tuple[Run, bool]:
        barrier.wait()
        return store.runs.create(configuration(), {}, idempotency_key="k")

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(create, range(6)))
    assert sum(created for _, created in made) == 1
    assert len({run.id for run, _ in made}) == 1


def test_a_full_queue_takes_no_more(store: Store) -> None:
    queued(store)
    with pytest.raises(QueueFull):
        store.runs.create(configuration(), {}, max_queue=1)
    assert store.runs.count() == 1


@pytest.mark.parametrize("limit", [1, 3, 7])
@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
def test_pages_together_are_the_whole_list_in_order(store: Store, sort: str, limit: int) -> None:
    made = ["b", "a", "c", "a", "d", "b", "e"]
    for name in made:
        queued(store, name)
    ordered = sorted(made) if "name" in sort else made
    expected = ordered[::-1] if sort.startswith("-") else ordered
    assert all_pages(store, sort=sort, limit=limit) == expected


def test_runs_made_while_a_list_is_read_move_nothing(store: Store) -> None:
    for number in range(4):
        queued(store, str(number))
    first, cursor = store.runs.page(limit=2)
    queued(store, "late")
    second, _ = store.runs.page(limit=2, cursor=cursor)
    assert names(first) + names(second) == ["3", "2", "1", "0"]


def test_a_list_by_loss_ends_with_what_has_none(store: Store) -> None:
    for number, loss in enumerate([0.5, math.nan, 0.1, math.inf, None]):
        claim = claimed(store, queued(store, str(number)))
        store.attempts.finish(claim, "succeeded", loss=loss)
    assert all_pages(store, sort="final_loss", limit=2) == ["2", "0", "1", "3", "4"]


def test_a_loss_that_is_no_number_comes_back_as_it_is(store: Store) -> None:
    claim = claimed(store, queued(store))
    store.attempts.finish(claim, "diverged", loss=math.nan)
    assert math.isnan(store.runs.get(claim.run_id).final_loss or 0.0)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"tag": "demo"}, ["one"]),
        ({"tag": "big"}, []),
        ({"tag": "Big"}, ["one"]),
        ({"cell": "lstm"}, ["two"]),
        ({"status": "succeeded"}, ["50 % off"]),
        ({"status": ["queued", "succeeded"], "q": "O"}, ["50 % off", "two", "one"]),
        ({"q": "%"}, ["50 % off"]),
        ({"q": "bIG"}, ["one"]),
        ({"q": "demon"}, ["two"]),
        ({"q": '"'}, []),
        ({"q": ","}, []),
        ({"q": "["}, []),
    ],
    ids=str,
)
def test_a_list_is_filtered(store: Store, filters: dict[str, Any], found: list[str]) -> None:
    queued(store, "one", tags=["demo", "Big"])
    queued(store, "two", tags=["demonstration"], model={"cell": "lstm"})
    done = claimed(store, queued(store, "50 % off"))
    store.attempts.finish(done, "succeeded", loss=1.0)
    assert names(store.runs.page(**filters)[0]) == found


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10=", "WzEsMiwzXQ==", "ö"])
def test_a_cursor_that_was_never_handed_out_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises((InvalidCursor, StaleCursor)):
        store.runs.page(cursor=cursor)


def test_a_cursor_of_another_list_is_stale(store: Store) -> None:
    for number in range(3):
        queued(store, str(number))
    _, cursor = store.runs.page(limit=1)
    with pytest.raises(StaleCursor):
        store.runs.page(limit=1, sort="name", cursor=cursor)


@pytest.mark.parametrize(("limit", "sort"), [(0, "name"), (201, "name"), (5, "size")])
def test_a_list_that_nobody_offers_is_refused(store: Store, limit: int, sort: str) -> None:
    with pytest.raises(ValueError, match=r"expected a limit|unknown order"):
        store.runs.page(limit=limit, sort=sort)


def test_a_user_changes_name_tags_and_notes_alone(store: Store) -> None:
    run = queued(store, "old", tags=["a"])
    changed = store.runs.update(run.id, name="new", tags=[], notes="n")
    assert (changed.name, changed.tags, changed.notes) == ("new", (), "n")
    assert changed.config == run.config
    with pytest.raises(RunNotFound):
        store.runs.update("nobody", name="x")


def test_the_queue_is_counted_from_its_head(store: Store) -> None:
    first, second = queued(store), queued(store)
    assert store.runs.queue_position(first) == 0
    assert store.runs.queue_position(second) == 1
    claimed(store, first)
    assert store.runs.queue_position(store.runs.get(first.id)) is None
    assert store.runs.queue_position(second) == 0
