"""Steps on disk: how much room they may take, also while they are being sent."""

from pathlib import Path

import pytest

from app.capture.spool import Spool


def test_a_step_for_which_there_is_no_room_is_not_kept(tmp_path: Path) -> None:
    spool = Spool.within(tmp_path, most_bytes=10)
    spool.begin({})
    assert spool.keep(0, b"123456")
    assert not spool.keep(1, b"123456")
    assert [path.name for path in spool.steps()] == ["00000000.frame"]


def test_a_step_is_kept_while_another_is_sent_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.within(tmp_path)
    spool.begin({})
    sent = spool.folder / "00000000.frame"  # listed, and gone before its size is asked for
    with monkeypatch.context() as patch:
        patch.setattr(spool, "steps", lambda: [sent])
        assert spool.keep(1, b"123456")
    assert [path.name for path in spool.steps()] == ["00000001.frame"]
