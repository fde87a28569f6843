"""Captured runs: frames that come from a training loop elsewhere, one after the other.

A frame is swept back when it comes and is readable when that is said. The same frame once more
changes nothing, so who is not sure whether one has arrived sends it again.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

import engine
from app.runs.judging import differs
from app.runs.recent_loss import RECENT_STEPS, RecentLosses
from app.runs.states import IllegalTransition
from app.runs.versions import versions
from app.runs.writer import FrameWriter
from app.store import Run, Span, Store
from app.store.claims import Claim, Request
from app.store.kept_weights import packed
from app.store.layouts import stored
from engine import CaptureConfig, ConfigError, Course, Frame, Problem, Taken, Verdict

MOST_OPEN = 32
Ending = Literal["succeeded", "failed", "cancelled"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
MAX_ERROR = 10_000
"""Characters of what a loop says it failed of."""


class _Held:
    """The lease of a captured run, which does not run out: every write asks the row."""

    def require_lease(self) -> None:
        """Let every write through to the row's own fence."""

    def heard(self, request: Request | None, since: float) -> None:
        """Nobody waits for what a captured run is asked: its next write is refused."""


class _Open:
    """A captured run that frames come for: its configuration, its writer, its newest verdict."""

    def __init__(self, store: Store, claim: Claim, run: Run) -> None:
        self.claim = claim
        self.config = CaptureConfig.from_dict(run.config)
        self.facts = run.facts
        # The arrays have room for all there could be: what is never written takes none.
        room = {
            **claim.config,
            "training": {**claim.config["training"], "steps": engine.bounds.MOST_STEPS},
        }
        room["recording"] = {**claim.config["recording"], "every": 1}
        wide = Claim(**{**_fields(claim), "config": room})
        self.writer = FrameWriter(store, wide, _Held(), claim.layouts, self)
        self.verdict = None if run.verdict is None else Verdict.from_dict(run.verdict)
        self._told = self.verdict
        self.recent = RecentLosses()
        self._course: Course | None = Course()
        self._heard = 0
        if run.recorded_series:
            before = {"step": Span(stop=run.recorded_series - 1)}
            self._hear(store.arrays.read(run.id, "loss", before).values, 0, math.nan)

    def see(self, frame: Frame) -> None:
        """Judge the next frame."""
        losses = frame.series.get("loss")
        if losses is not None:
            new = losses[max(0, self._heard - frame.series_start) :]
            self._hear(new, frame.series_start, float(frame.arrays["gradient_norm"]))
        # The course is known where somebody has told the loss of every step.
        course = self._course if self._heard > frame.step else None
        self.verdict = engine.diagnose(
            frame, self.config, course=course, earlier=self.verdict, facts=self.facts
        )

    def settle(self) -> tuple[Verdict | None, bool]:
        """Return the verdict on the newest frame, and whether it is another than was told last."""
        before, self._told = self._told, self.verdict
        return self.verdict, differs(before, self.verdict)

    def _hear(self, losses: NDArray[Any], start: int, last_norm: float) -> None:
        """Take up losses, and the gradient's norm at the last of their steps."""
        if start > self._heard or np.isnan(losses[:-1]).any():
            self._course = None  # steps of which nobody has told the loss
        self._heard = max(self._heard, start) + len(losses)
        for loss in losses[-RECENT_STEPS:]:
            self.recent.add(float(loss))
        if self._course is not None and len(losses):
            norms = np.full(len(losses), math.nan)
            norms[-1] = last_norm
            unclipped = np.ones(len(losses))
            self._course.add({"loss": losses, "gradient_norm": norms, "clip_factor": unclipped})


class Captures:
    """What may be asked of captured runs."""

    def __init__(self, store: Store) -> None:
        """Keep the store; runs are opened when their first frame comes."""
        self._store = store
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._locks = tuple(threading.Lock() for _ in range(MOST_OPEN))
        self._guard = threading.Lock()

    def create(
        self, config: Mapping[str, Any], idempotency_key: str | None = None
    ) -> tuple[Run, bool]:
        """Make a run of a training loop elsewhere; it is running from now on.

        Returns:
            The run, and whether this call made it.

        Raises:
            ConfigError: No such network can be captured.
            IdempotencyConflict: The key came before with another configuration.
        """
        parsed = CaptureConfig.from_dict(config)
        layouts = [stored(layout).to_dict() for layout in engine.layouts(parsed).values()]
        run, created = self._store.runs.create(
            parsed.to_dict(),
            engine.describe_task(parsed),
            layouts,
            idempotency_key=idempotency_key,
            then=self._store.captures.hold,
        )
        if created:
            claim = self._store.captures.claim(run.id)
            if claim is not None:
                self._store.attempts.describe(claim, versions(), claim.layouts)
        return self._store.runs.get(run.id), created

    def add(self, run_id: str, taken: Taken) -> tuple[Run, bool]:
        """Sweep a training step back and make its frame readable.

        Returns:
            The run, and whether the frame is new; one of a step that is there changes nothing.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: The run is over, or trains here.
            ShapeError: A tensor does not fit the run's configuration.
            ConfigError: A later step's frame is there already.
        """
        with self._lock_of(run_id):
            there = self._store.arrays.frame_steps(run_id)
            if taken.step in there:
                return self._store.runs.get(run_id), False
            opened = self._opened(run_id, "add a frame to")
            if there and taken.step < there[-1]:
                detail = f"frames come in order: expected a step after {there[-1]}"
                raise ConfigError([Problem("/step", f"{detail}, got {taken.step}")])
            frame = engine.frame_of(opened.config, taken)
            opened.see(frame)
            try:
                opened.writer.write(frame, packed(dict(taken.weights)))
                opened.writer.commit()
                self._store.captures.advance(
                    opened.claim, step=frame.step, loss=opened.recent.mean()
                )
            except BaseException:
                self._forget(run_id)  # what is held open may be ahead of the store
                raise
            if opened.writer.is_full:
                opened.writer.flush()
            return self._store.runs.get(run_id), True

    def finish(self, run_id: str, status: Ending = "succeeded", error: str | None = None) -> Run:
        """End a captured run; one that has ended so already stays as it is.

        A loss that was no number at the end makes `diverged` of `succeeded`.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is over in another way, or trains here.
        """
        with self._lock_of(run_id):
            run = self._store.runs.get(run_id)
            if engine.is_captured(run.config) and run.status in _ended_as(status):
                return run
            opened = self._opened(run_id, "finish")
            opened.writer.flush()
            loss = opened.recent.mean()
            diverged = status == "succeeded" and loss is not None and not math.isfinite(loss)
            verdict = None if opened.verdict is None else opened.verdict.to_dict()
            self._store.attempts.finish(
                opened.claim,
                "diverged" if diverged else status,
                loss=loss,
                error=error,
                verdict=verdict,
            )
            self._forget(run_id)
            return self._store.runs.get(run_id)

    def _opened(self, run_id: str, verb: str) -> _Open:
        run = self._store.runs.get(run_id)
        claim = self._store.captures.claim(run_id)
        if claim is None:
            self._forget(run_id)
            status = run.status if engine.is_captured(run.config) else "trained here"
            raise IllegalTransition(run_id, status, verb)
        opened = self._open.get(run_id)
        if opened is None:
            opened = _Open(self._store, claim, run)
        with self._guard:
            self._open[run_id] = opened
            self._open.move_to_end(run_id)
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return opened

    def _forget(self, run_id: str) -> None:
        with self._guard:
            self._open.pop(run_id, None)

    def _lock_of(self, run_id: str) -> threading.Lock:
        return self._locks[hash(run_id) % len(self._locks)]


def _ended_as(status: Ending) -> tuple[str, ...]:
    """Return the states in which a run has ended as it was said to."""
    return ("succeeded", "diverged") if status == "succeeded" else (status,)


def _fields(claim: Claim) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in Claim.__dataclass_fields__}
