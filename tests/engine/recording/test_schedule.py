"""Frames fall on 0, on the multiples of `every`, and on the last step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.recording import RecordingConfig
from engine.recording.schedule import frame_steps


@pytest.mark.parametrize(
    ("every", "last", "steps"),
    [(50, 120, (0, 50, 100, 120)), (50, 100, (0, 50, 100)), (7, 0, (0,)), (9, 3, (0, 3))],
)
def test_frames_stand_at_the_multiples_and_the_end(
    every: int, last: int, steps: tuple[int, ...]
) -> None:
    assert frame_steps(every=every, last=last) == steps


@given(st.integers(1, 40), st.integers(0, 200))
def test_frame_steps_are_the_steps_that_are_due(every: int, last: int) -> None:
    recording = RecordingConfig(every=every)
    due = tuple(step for step in range(last + 1) if recording.is_due(step, last=last))
    assert frame_steps(every=every, last=last) == due
