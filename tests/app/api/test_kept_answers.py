"""Answers that never change are kept ready, and no longer than their run is there."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from sqlalchemy.engine import Connection

from app.api.kept_answers import MAX_ANSWER_BYTES, SECONDS, TAG_BYTES, Answer, KeptAnswers
from app.main import create_app
from app.store import Selection, open_store
from app.store.arrays import ArrayStore
from app.store.database import Database
from app.store.looks import Look
from tests.app.api.conftest import SMALL, serving, settings_of, train_into

RUNS = "/api/v1/runs"
FINAL = "statistics/hidden_gradient_norm?step=2&format=f4"
# A lease in seconds: who looks for leases that ran out reads, too, every quarter of it.
UNHURRIED = 600.0


class Clock:
    """A time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def answer(size: int) -> Answer:
    """Return an answer of so many bytes."""
    return Answer(body=bytes(size), media_type="application/x-npy", headers={"ETag": '"e"'})


def test_an_answer_is_given_again_while_its_run_was_seen_lately() -> None:
    clock = Clock()
    kept = KeptAnswers(lambda: 0, clock=clock)
    kept.put("a", ("loss",), answer(3))
    assert kept.get("a", ("loss",)) == answer(3)
    assert kept.get("a", ("accuracy",)) is None
    assert kept.get("b", ("loss",)) is None
    clock.now += SECONDS
    assert kept.get("a", ("loss",)) is None
    assert kept.get_of_present("a", ("loss",)) == answer(3)
    assert kept.get("a", ("loss",)) == answer(3)


def test_nothing_is_given_after_a_deletion() -> None:
    deletions = 0
    kept = KeptAnswers(lambda: deletions, clock=Clock())
    kept.put("a", ("loss",), answer(3))
    deletions = 1
    assert kept.get("a", ("loss",)) is None
    assert kept.bytes == 0


def test_what_was_used_least_lately_goes_first() -> None:
    kept = KeptAnswers(lambda: 0, max_bytes=10 + 2 * TAG_BYTES, clock=Clock())
    kept.put("a", ("1",), answer(4))
    kept.put("b", ("2",), answer(4))
    assert kept.get("a", ("1",)) is not None
    kept.put("c", ("3",), answer(4))
    assert [kept.get(run, (name,)) is not None for run, name in ("a1", "b2", "c3")] == [1, 0, 1]
    assert kept.bytes == 8 + 2 * TAG_BYTES
    kept.put("a", ("1",), answer(2))
    assert kept.bytes == 6 + 2 * TAG_BYTES


def test_a_large_answer_is_not_kept() -> None:
    kept = KeptAnswers(lambda: 0, clock=Clock())
    kept.put("a", ("loss",), answer(MAX_ANSWER_BYTES + 1))
    assert kept.get("a", ("loss",)) is None


@pytest.fixture
def reads() -> Iterator[list[str]]:
    """The statistics that were read from the store, one entry for each time."""
    names: list[str] = []
    read = ArrayStore.read_seen

    def counted(
        self: ArrayStore, seen: Look, name: str, selection: Mapping[str, Selection]
    ) -> object:
        names.append(name)
        return read(self, seen, name, selection)

    with patch.object(ArrayStore, "read_seen", counted):
        yield names


async def test_a_finished_slice_is_read_once_for_each_format(
    tmp_path: Path, reads: list[str]
) -> None:
    run = train_into(tmp_path, SMALL)
    async with serving(create_app(settings_of(tmp_path))) as client:
        urls = [
            f"{RUNS}/{run}/statistics/hidden_gradient_norm?step=2&format={format_}"
            for format_ in ("json", "npy", "npz", "csv", "arrow", "f4")
        ]
        first = [await client.get(url) for url in urls]
        again = [await client.get(url) for url in urls]
        assert [one.content for one in again] == [one.content for one in first]
        assert [one.headers for one in again] == [one.headers for one in first]
        tag = {"If-None-Match": first[0].headers["etag"]}
        assert (await client.get(urls[0], headers=tag)).status_code == 304
        assert len(reads) == len(urls)


async def test_a_tag_that_a_client_brings_is_enough(tmp_path: Path, reads: list[str]) -> None:
    run = train_into(tmp_path, SMALL)
    async with serving(create_app(settings_of(tmp_path))) as client:
        tag = (await client.get(f"{RUNS}/{run}/{FINAL}")).headers["etag"]
    async with serving(create_app(settings_of(tmp_path))) as client:
        for _ in range(2):
            again = await client.get(f"{RUNS}/{run}/{FINAL}", headers={"If-None-Match": tag})
            assert (again.status_code, again.headers["etag"]) == (304, tag)
        assert len(reads) == 1
        whole = await client.get(f"{RUNS}/{run}/{FINAL}")
        assert (whole.status_code, whole.headers["etag"]) == (200, tag)
        assert whole.content
    assert len(reads) == 2


async def test_what_a_later_frame_may_change_is_read_each_time(
    tmp_path: Path, reads: list[str]
) -> None:
    run = train_into(tmp_path, SMALL)
    async with serving(create_app(settings_of(tmp_path))) as client:
        for _ in range(2):
            await client.get(f"{RUNS}/{run}/statistics/hidden_gradient_norm?step=last")
    assert len(reads) == 2


async def test_slices_of_a_deleted_run_are_404_at_once(tmp_path: Path) -> None:
    run = train_into(tmp_path, SMALL)
    async with serving(create_app(settings_of(tmp_path))) as client:
        assert (await client.get(f"{RUNS}/{run}/{FINAL}")).status_code == 200
        assert (await client.delete(f"{RUNS}/{run}")).status_code == 204
        assert (await client.get(f"{RUNS}/{run}/{FINAL}")).status_code == 404


async def test_a_run_that_another_process_deletes_is_looked_for_again(tmp_path: Path) -> None:
    run = train_into(tmp_path, SMALL)
    app = create_app(settings_of(tmp_path))
    async with serving(app) as client:
        clock = Clock()
        app.state.reading.answers = KeptAnswers(lambda: 0, clock=clock)
        assert (await client.get(f"{RUNS}/{run}/{FINAL}")).status_code == 200
        other = open_store(settings_of(tmp_path))
        assert other.delete_run(run)
        other.close()
        clock.now += SECONDS
        answered: httpx.Response = await client.get(f"{RUNS}/{run}/{FINAL}")
    assert answered.status_code == 404


@pytest.fixture
def transactions() -> Iterator[list[Database]]:
    """The reading transactions that were opened."""
    opened: list[Database] = []
    read = Database.read

    def counted(self: Database) -> AbstractContextManager[Connection]:
        opened.append(self)
        return read(self)

    with patch.object(Database, "read", counted):
        yield opened


async def test_slices_of_a_run_that_was_looked_at_ask_the_database_nothing(
    tmp_path: Path, transactions: list[Database]
) -> None:
    run = train_into(tmp_path, SMALL)
    app = create_app(settings_of(tmp_path, lease=UNHURRIED))
    async with serving(app) as client:
        path = f"{RUNS}/{run}/statistics/hidden_gradient_norm?format=npy&step=2&time=1"
        await client.get(path)
        own = [each for each in transactions if each is app.state.store.database]
        later = [await client.get(f"{path}&time={time}") for time in range(2, 9)]
        assert {each.status_code for each in later} == {200}
        assert own == [each for each in transactions if each is app.state.store.database]


async def test_a_list_is_read_again_only_when_something_was_written(
    tmp_path: Path, transactions: list[Database]
) -> None:
    run = train_into(tmp_path, SMALL)
    app = create_app(settings_of(tmp_path, lease=UNHURRIED))
    async with serving(app) as client:
        first = await client.get(RUNS)
        before = len(transactions)
        again = await client.get(RUNS)
        tag = {"If-None-Match": first.headers["etag"]}
        assert (await client.get(RUNS, headers=tag)).status_code == 304
        assert (again.content, again.headers) == (first.content, first.headers)
        assert len(transactions) == before
        other = open_store(settings_of(tmp_path))
        other.runs.update(run, name="renamed elsewhere")
        other.close()
        renamed = await client.get(RUNS, headers=tag)
        assert [each["name"] for each in renamed.json()["items"]] == ["renamed elsewhere"]
        assert (await client.delete(f"{RUNS}/{run}")).status_code == 204
        assert (await client.get(RUNS)).json()["items"] == []


async def test_lists_that_differ_in_one_word_are_kept_apart(tmp_path: Path) -> None:
    train_into(tmp_path, SMALL)
    async with serving(create_app(settings_of(tmp_path))) as client:
        for _ in range(2):
            sizes = [
                len((await client.get(f"{RUNS}?{query}")).json()["items"])
                for query in ("tag=test", "tag=other", "q=small", "q=tag%3Dtest", "cell=lstm")
            ]
            assert sizes == [1, 0, 1, 0, 0]
