"""The verdict of one attempt as its training goes on, a resumed one included."""

from collections.abc import Mapping
from typing import Any

import engine
from app.runs.inputs import Arrays
from app.store import Span, Store
from app.store.claims import Claim
from engine import Course, Frame, RunConfig, Verdict


class Judge:
    """Holds the course of a training and the newest verdict on it.

    Attributes:
        verdict: None before the first frame.
    """

    def __init__(
        self, store: Store, claim: Claim, config: RunConfig, data: Arrays | None = None
    ) -> None:
        """Start before the first step; `data` is what the task reads."""
        self._facts = engine.describe_task(config, data)
        self._store, self._claim, self._config = store, claim, config
        self._course = Course()
        self.verdict: Verdict | None = None

    def go_on_from(self, step: int) -> None:
        """Take up what earlier attempts recorded before `step`."""
        if step:
            before = {"step": Span(stop=step - 1)}
            arrays, run = self._store.arrays, self._claim.run_id
            self._course.add({name: arrays.read(run, name, before).values for name in Course.seen})
        told = self._store.runs.get(self._claim.run_id).verdict
        self.verdict = None if told is None else Verdict.from_dict(told)

    def hear(self, rows: Mapping[str, Any]) -> None:
        """Take up rows of the series that no frame brings."""
        self._course.add(rows)

    def judge(self, frame: Frame) -> tuple[Verdict, bool]:
        """Return the verdict on a frame, and whether it is another than before."""
        before = self.verdict
        self._course.add(frame.series)
        told = engine.diagnose(
            frame, self._config, course=self._course, earlier=before, facts=self._facts
        )
        self.verdict = told
        changed = before is None or (before.word, before.kinds) != (told.word, told.kinds)
        return told, changed
