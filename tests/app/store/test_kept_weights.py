"""Weights of recorded frames that somebody's hand or a disk has damaged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.mending import mend
from app.store import Store
from app.store.row_records import FILE
from tests.app.runs.small_runs import configuration, settings_for, train_here

STEPS = [0, 10, 20, 30, 40]
HEAD = 8


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A finished run, the weights of whose frames are kept."""
    store, run = train_here(settings_for(tmp_path), configuration())
    yield store, run
    store.close()


def damaged(content: bytes, how: str) -> bytes:
    size = (len(content) - HEAD) // len(STEPS)
    second = HEAD + size
    return {
        "a bit of the second": content[: second + 50]
        + bytes([content[second + 50] ^ 1])
        + content[second + 51 :],
        "the end of the last": content[:-5],
        "no length": b"\xff" * HEAD + content[HEAD:],
        "a length beyond the end": (2**40).to_bytes(HEAD, "little") + content[HEAD:],
        "empty": b"",
    }[how]


@pytest.mark.parametrize(
    ("how", "lost"),
    [
        ("a bit of the second", [10]),
        ("the end of the last", [40]),
        ("no length", STEPS),
        ("a length beyond the end", STEPS),
        ("empty", STEPS),
    ],
)
def test_damaged_weights_are_not_read_and_the_doctor_drops_them(
    trained: tuple[Store, str], how: str, lost: list[int]
) -> None:
    store, run = trained
    file = store.folder / "checkpoints" / run / "1" / FILE
    file.write_bytes(damaged(file.read_bytes(), how))
    assert [step for step in STEPS if store.weights.read(run, step) is None] == lost
    told = mend(store)
    which = "all weights kept" if lost == STEPS else f"the weights kept at step {lost[0]}"
    assert told == [f"run {run[:8]}: {which} for its chain were damaged and are dropped"]
    whole = [step for step in STEPS if step not in lost]
    assert store.weights.steps(run) == whole
    assert all(store.weights.read(run, step) is not None for step in whole)
    assert mend(store) == []


def test_whole_weights_stay_as_they_are(trained: tuple[Store, str]) -> None:
    store, run = trained
    file = store.folder / "checkpoints" / run / "1" / FILE
    before = file.read_bytes()
    assert mend(store) == []
    assert file.read_bytes() == before
    assert store.weights.steps(run) == STEPS
