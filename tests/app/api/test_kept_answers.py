"""Answers that never change are kept ready, and no longer than their run is there."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from app.api.kept_answers import MAX_ANSWER_BYTES, SECONDS, TAG_BYTES, Answer, KeptAnswers
from app.main import create_app
from app.store import open_store
from app.store.arrays import ArrayStore
from tests.app.api.conftest import SMALL, serving, settings_of, train_into

RUNS = "/api/v1/runs"
FINAL = "statistics/hidden_gradient_norm?step=2&format=f4"


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
    read = ArrayStore.read

    def counted(self: ArrayStore, run_id: str, name: str, selection: object = None) -> object:
        names.append(name)
        return read(self, run_id, name, selection)  # type: ignore[arg-type]

    with patch.object(ArrayStore, "read", counted):
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
        app.state.answers = KeptAnswers(lambda: 0, clock=clock)
        assert (await client.get(f"{RUNS}/{run}/{FINAL}")).status_code == 200
        other = open_store(settings_of(tmp_path))
        assert other.delete_run(run)
        other.close()
        clock.now += SECONDS
        answered: httpx.Response = await client.get(f"{RUNS}/{run}/{FINAL}")
    assert answered.status_code == 404
