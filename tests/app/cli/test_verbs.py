"""`gradtide cancel`, `pause`, `resume`, `retry`, `extend`, `delete`, as they are typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.runs.service import described
from app.settings import Settings
from app.store import Run, RunNotFound, Store, open_store
from tests.app.cli.test_cli import run, written
from tests.app.runs.small_runs import configuration


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("GRADTIDE_DATA", str(tmp_path / "data"))
    opened = open_store(Settings(data=tmp_path / "data"))
    yield opened
    opened.close()


def queued(store: Store) -> Run:
    return store.runs.create(*described(configuration(), store))[0]


def test_a_queued_run_is_cancelled_and_deleted(store: Store) -> None:
    made = queued(store)
    code, told = run("cancel", made.id[:8])
    assert (code, "is cancelled" in told) == (0, True)
    assert run("cancel", made.id)[0] == 0
    code, told = run("delete", made.id, "--yes")
    assert (code, "is deleted" in told) == (0, True)
    with pytest.raises(RunNotFound):
        store.runs.get(made.id)


@pytest.mark.parametrize("verb", ["pause", "resume", "retry", "delete"])
def test_what_a_run_cannot_do_now_is_refused_and_changes_nothing(store: Store, verb: str) -> None:
    made = queued(store)
    code, told = run(verb, made.id, *(["--yes"] if verb == "delete" else []))
    assert (code, "queued" in told) == (1, True)
    assert store.runs.get(made.id) == made


def test_a_running_run_is_asked_to_pause_and_the_pause_taken_back(store: Store) -> None:
    made = queued(store)
    assert store.attempts.claim(made.id, "a test") is not None
    code, told = run("pause", made.id)
    assert (code, "pause asked for" in told) == (0, True)
    assert run("resume", made.id)[0] == 0
    assert store.runs.get(made.id).requested is None


def test_a_run_that_succeeded_is_extended(store: Store, tmp_path: Path) -> None:
    assert run("train", written(tmp_path, configuration()))[0] == 0
    ((made,), _) = store.runs.page()
    code, told = run("extend", made.id, "60")
    assert (code, "is queued" in told, "gradtide serve" in told) == (0, True, True)
    assert store.runs.get(made.id).steps == 60
    assert run("extend", made.id, "10")[0] == 1


def test_fewer_steps_than_a_run_has_are_refused(store: Store, tmp_path: Path) -> None:
    assert run("train", written(tmp_path, configuration()))[0] == 0
    ((made,), _) = store.runs.page()
    code, told = run("extend", made.id, "10")
    assert (code, "steps" in told) == (2, True)
    assert store.runs.get(made.id) == made


def test_a_run_that_is_not_there_is_said_to_be_so(store: Store) -> None:
    code, told = run("cancel", "ffffffff")
    assert (code, "No run begins with ffffffff" in told) == (1, True)
