"""How many processors are idle, as the system tells it, and where it does not."""

from pathlib import Path

import pytest

from app.runs import processors
from app.runs.processors import Idleness, usable_processors


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what tells of four processors, all of which may be used."""
    monkeypatch.setattr(processors, "TIMES", path := tmp_path / "stat")
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr(processors, "usable_processors", lambda: 4)
    return path


@pytest.mark.parametrize(
    ("later", "idle"),
    [
        ("cpu 190 5 5 900 0 0 0 0 0 0", 0.0),
        ("cpu 140 5 5 920 30 0 0 0 0 0", 2.0),
        ("cpu 100 5 5 1000 0 0 0 0 0 0", 3.0),  # who asks needs one
    ],
    ids=["none", "half of them", "all"],
)
def test_what_is_neither_at_work_nor_waited_for_is_idle(
    told: Path, later: str, idle: float
) -> None:
    told.write_text("cpu 90 5 5 900 0 0 0 0 0 0\ncpu0 9 9 9 9\n")
    idleness = Idleness()
    told.write_text(f"{later}\ncpu0 9 9 9 9\n")
    assert idleness.idle() == pytest.approx(idle)
    assert idleness.idle() == 0  # since then no tick has passed


def test_where_the_system_does_not_tell_all_others_count_as_idle(told: Path) -> None:
    assert Idleness().idle() == 3


def test_this_process_may_use_a_processor_at_least() -> None:
    assert usable_processors() >= 1
