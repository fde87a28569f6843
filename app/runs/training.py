"""One attempt at a run, from claim to end: the same in a worker and in the foreground."""

import contextlib
import platform
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import structlog
from sqlalchemy.exc import OperationalError

import engine
from app.runs.control import Control
from app.runs.failures import is_disk_full, message_of, report_of
from app.runs.inputs import inputs_of
from app.runs.judging import Judge
from app.runs.limits import require_disk
from app.runs.progress import PROGRESS_SECONDS, Listener, Pace
from app.runs.recent_loss import RECENT_STEPS, RecentLosses
from app.runs.saving import Saver
from app.runs.writer import FrameWriter
from app.store import LeaseLost, Span, Store
from app.store.claims import Claim, Progress
from app.store.kept_weights import packed
from app.store.layouts import StoredLayout, stored
from engine import Recorder, RunConfig, Snapshot

log = structlog.get_logger()


def train_run(
    store: Store,
    claim: Claim,
    control: Control,
    *,
    checkpoint_seconds: float,
    listener: Listener | None = None,
) -> str:
    """Train a claimed run to its end, recording as it goes.

    Returns:
        The state it leaves the run in: a final one, or "interrupted" where the control stopped
        it, "queued" where the database was away, "lost" where the run is another worker's by now.
    """
    attempt = None
    try:
        attempt = Attempt(store, claim, control, checkpoint_seconds, listener)
        return attempt.run()
    except Exception as err:
        return state_after(err, store, claim, attempt)


def state_after(err: Exception, store: Store, claim: Claim, attempt: "Attempt | None") -> str:
    """End a run that cannot go on; return the state it is left in.

    A database that was away for a moment has lost nothing: the run goes on from its checkpoint.

    Args:
        err: Why.
        store: Where the run is.
        claim: The hold on it.
        attempt: What came to grief; None where it had not begun.
    """
    if isinstance(err, LeaseLost):
        return "lost"
    if isinstance(err, OperationalError) and store.database.is_passing(err):
        log.warning("the database was away", run=claim.run_id, error=message_of(err))
        lost = store.queue.lose(claim.run_id, claim.owner, message_of(err))
        return "lost" if lost is None else lost.status
    message = report_of(err)
    log.error("run failed", run=claim.run_id, error=message_of(err), exc_info=err)
    if is_disk_full(err):
        store.free_reserve()
    with contextlib.suppress(LeaseLost):
        # What is recorded stays readable in the database if the arrays take no more.
        step = None if attempt is None else attempt.rescued_step()
        store.attempts.finish(claim, "failed", step=step, error=message)
        return "failed"
    return "lost"


class Attempt:
    """What is made of the snapshots of a run, and what is carried from one to the next.

    Attributes:
        config: The run's.
        step: Updates done; None before the first snapshot.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        control: Control,
        checkpoint_seconds: float,
        listener: Listener | None = None,
        *,
        progress_seconds: float = PROGRESS_SECONDS,
    ) -> None:
        """Take up a claimed run; `begin` starts it.

        Args:
            store: Where the run is.
            claim: The hold on it.
            control: Tells when to stop.
            checkpoint_seconds: Between states to go on from.
            listener: Hears of the progress.
            progress_seconds: Between reports of the progress.
        """
        self._store = store
        self._claim = claim
        self._control = control
        self._listener = listener
        self.config = RunConfig.from_dict(claim.config)
        self._inputs = inputs_of(store, self.config)
        self._saver = Saver(store, claim, checkpoint_seconds)
        self._pace = Pace(self.config.training.steps, progress_seconds)
        self._judge = Judge(store, claim, self.config, self._inputs.data)
        self._losses: RecentLosses | None = None
        self.step: int | None = None

    def run(self) -> str:
        """Train by itself from where it is to the end; return the state the run is left in."""
        data, initial = self._inputs.data, self._inputs.initial
        resume = self.begin()
        for snapshot in engine.train(self.config, data=data, initial=initial, resume=resume):
            status = self.take(snapshot)
            if status is not None:
                return status
        return self.end()

    def begin(self) -> dict[str, Any] | None:
        """Tell what will be recorded; return the state to go on from, None to start anew."""
        self._recorder = Recorder(self.config, self._inputs.data)
        layouts = self._layouts(self._recorder)
        self._require_disk()
        resume = self._saver.restore()
        begun_with = {} if resume is None else self._claim.versions
        told = going_on_from(begun_with, versions())
        self._store.attempts.describe(self._claim, told, layouts)
        self._writer = FrameWriter(self._store, self._claim, self._control, layouts, self._judge)
        self._status = "succeeded"
        if resume is not None:
            self._judge.go_on_from(int(resume["step"]))
        return resume

    def take(self, snapshot: Snapshot) -> str | None:
        """Record what there is to record of the next snapshot.

        Returns:
            The state the run is left in, where it was to stop; else None.
        """
        writer, recorder = self._writer, self._recorder
        if self.step is None:
            self._control.begin()
        if self._control.reason is not None:
            return self._leave(writer, snapshot, recorder)
        self.step = snapshot.step
        frame = recorder.look(snapshot)
        if frame is not None:
            self._judge.see(frame)
            writer.write(frame, packed(snapshot.parameters()))
        complete = snapshot.is_last and not snapshot.diverged
        if (frame is not None and writer.is_full) or self._saver.is_due or complete:
            self._take_series(writer, snapshot, recorder)
            self._saver.save(snapshot)
        self._saver.keep(snapshot)
        self._note(snapshot)
        if snapshot.diverged:
            self._status = "diverged"
        self._tell(writer, snapshot)
        return None

    def end(self) -> str:
        """End the run after its last snapshot; return the state it is left in."""
        self._writer.flush()
        return self._finish(self._writer, self._status)

    def rescued_step(self) -> int | None:
        """Make readable what waits, if that can be done yet; return the updates done, if known."""
        if self.step is not None:
            try:
                self._writer.commit()
            except LeaseLost:
                raise
            except Exception as err:
                log.warning("the newest frames are lost", run=self._claim.run_id, exc_info=err)
        return self.step

    def _require_disk(self) -> None:
        """Refuse to begin what the disk has no room for; what has begun goes on while it can."""
        if not self._claim.recorded_rows:
            require_disk(self._store.folder, engine.estimate(self.config, self._inputs.data))

    def _layouts(self, recorder: Recorder) -> list[StoredLayout]:
        """Return the layouts of the arrays: those that are there, where something is recorded."""
        if self._claim.recorded_rows:
            return list(self._claim.layouts)
        return [stored(layout) for layout in recorder.layouts.values()]

    def _note(self, snapshot: Snapshot) -> None:
        """Note the loss of a training step: those that the recorder takes into the series."""
        if self._losses is None:
            self._losses = RecentLosses(self._earlier_losses(snapshot.step))
        belongs = snapshot.step < snapshot.steps or snapshot.diverged
        if snapshot.loss is not None and belongs:
            self._losses.add(snapshot.loss)

    def _earlier_losses(self, step: int) -> list[float]:
        """Return what an earlier attempt recorded before the step that this one goes on from."""
        if not step:
            return []
        before = Span(start=max(0, step - RECENT_STEPS), stop=step - 1)
        found = self._store.arrays.read(self._claim.run_id, "loss", {"step": before})
        return [float(loss) for loss in found.values]

    def _loss(self) -> float | None:
        return None if self._losses is None else self._losses.mean()

    def _take_series(self, writer: FrameWriter, snapshot: Snapshot, recorder: Recorder) -> None:
        """Bring what was noted since the last frame into the arrays."""
        series = recorder.take_series(snapshot.step)
        self._judge.hear(series.rows)
        writer.extend(series)
        writer.flush()

    def _tell(self, writer: FrameWriter, snapshot: Snapshot) -> None:
        progress = self._pace.at(snapshot.step, self._loss)
        if progress is None:
            return
        writer.commit(progress)
        if self._listener is not None:
            self._listener(progress)

    def _leave(self, writer: FrameWriter, snapshot: Snapshot, recorder: Recorder) -> str:
        """Save the state before the update that is not made any more, and give the run back."""
        self._control.require_lease()
        reason = self._control.reason
        self._take_series(writer, snapshot, recorder)
        if reason == "cancel":
            return self._finish(writer, "cancelled")
        self._saver.save(snapshot)
        if reason == "time":
            told = f"it has trained for {self._control.seconds:g} s, as long as a run may in one go"
            return self._finish(writer, "failed", f"{told}; a retry goes on from here")
        # Progress is told now and then; of a run that stands still the last one is told.
        steps, loss = snapshot.steps, self._loss()
        writer.commit(Progress(step=snapshot.step, steps=steps, loss=loss, eta_seconds=None))
        left: Literal["paused", "interrupted"] = "paused" if reason == "pause" else "interrupted"
        return writer.patiently(lambda: self._store.attempts.release(self._claim, left))

    def _finish(self, writer: FrameWriter, status: str, error: str | None = None) -> str:
        told, _ = self._judge.settle()
        verdict = None if told is None else told.to_dict()
        loss = self._loss()
        writer.patiently(
            lambda: self._store.attempts.finish(
                self._claim, status, step=self.step, loss=loss, verdict=verdict, error=error
            )
        )
        # What succeeded can be extended, what took too long retried: the last state stays.
        kept = 1 if status in ("succeeded", "failed") else 0
        self._store.checkpoints.drop_resume(self._claim.run_id, keep=kept)
        if self._listener is not None:
            steps = self.config.training.steps
            self._listener(Progress(step=self.step or 0, steps=steps, loss=loss, eta_seconds=0.0))
        return status


def versions() -> dict[str, str]:
    """Return what the bits of a run depend on, beside its configuration."""
    return {
        "gradtide": engine.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": engine.backend(),
    }


RESUMED_ELSEWHERE = "resumed_elsewhere"
"""Among a run's versions: those that it had before it went on with others."""


def going_on_from(begun_with: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    """Return the versions to tell of an attempt that goes on from where another stopped.

    Where they differ, the bits of the whole run are no longer those of one that was never
    stopped: what it had before is kept under "resumed_elsewhere".

    Args:
        begun_with: What was told before; empty where the run begins.
        now: What this attempt computes with.
    """
    earlier = begun_with.get(RESUMED_ELSEWHERE, [])
    told = {name: value for name, value in begun_with.items() if name != RESUMED_ELSEWHERE}
    if told and told != now:
        earlier = [*earlier, told]
    return {**now, RESUMED_ELSEWHERE: earlier} if earlier else dict(now)
