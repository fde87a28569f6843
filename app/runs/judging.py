"""The verdict of one attempt as its training goes on, a resumed one included."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import engine
from app.runs.inputs import Arrays
from app.store import Span, Store
from app.store.claims import Claim
from engine import Course, Frame, RunConfig, Verdict


class Judge:
    """Holds the course of a training and judges the newest frame when somebody asks.

    A verdict costs as much as a training step and nobody reads one a frame: the frames between
    two that are told are not judged. The verdict at the end is the same.
    """

    def __init__(
        self, store: Store, claim: Claim, config: RunConfig, data: Arrays | None = None
    ) -> None:
        """Start before the first step; `data` is what the task reads."""
        self._facts = engine.describe_task(config, data)
        self._store, self._claim, self._config = store, claim, config
        self._course = Course()
        self._frame: Frame | None = None  # not judged yet
        self._verdict: Verdict | None = None
        self._told: Verdict | None = None

    def go_on_from(self, step: int) -> None:
        """Take up what earlier attempts recorded before `step`."""
        if step:
            before = {"step": Span(stop=step - 1)}
            arrays, run = self._store.arrays, self._claim.run_id
            self._course.add({name: arrays.read(run, name, before).values for name in Course.seen})
        told = self._store.runs.get(self._claim.run_id).verdict
        self._verdict = self._told = None if told is None else Verdict.from_dict(told)

    def hear(self, rows: Mapping[str, Any]) -> None:
        """Take up rows of the series that no frame brings."""
        self._judge()
        self._course.add(rows)

    def see(self, frame: Frame) -> None:
        """Take up the next frame."""
        if not _is_finite(frame):
            self._judge()  # the verdict on a frame that is not finite cites the one before
        self._course.add(frame.series)
        self._frame = frame

    def settle(self) -> tuple[Verdict | None, bool]:
        """Return the verdict on the newest frame, and whether it is another than was told last.

        Returns:
            None for the verdict before the first frame.
        """
        self._judge()
        before, told = self._told, self._verdict
        self._told = told
        return told, differs(before, told)

    def _judge(self) -> None:
        if self._frame is not None:
            self._verdict = engine.diagnose(
                self._frame,
                self._config,
                course=self._course,
                earlier=self._verdict,
                facts=self._facts,
            )
            self._frame = None


def differs(before: Verdict | None, told: Verdict | None) -> bool:
    """Say whether a verdict has another word or other kinds than the one told before."""
    if before is None or told is None:
        return before is not told
    return (before.word, before.kinds) != (told.word, told.kinds)


def _is_finite(frame: Frame) -> bool:
    """Say whether the last loss's gradient is a number at every time step that it reaches."""
    return bool((frame.arrays["last_loss_gradient"] < np.inf).all())
