"""One attempt at a run, from claim to end: the same in a worker and in the foreground."""

import contextlib
from typing import Any, Final, Literal

import structlog
from sqlalchemy.exc import OperationalError

import engine
from app.runs.apart import SnapshotSource
from app.runs.control import Control
from app.runs.inputs import inputs_of
from app.runs.judging import Judge
from app.runs.limits import require_disk
from app.runs.progress import PROGRESS_SECONDS, Listener, Pace
from app.runs.recent_loss import RECENT_STEPS, RecentLosses
from app.runs.saving import Saver
from app.runs.versions import going_on_from, versions
from app.runs.writer import FrameWriter
from app.store import LeaseLost, Span, Store
from app.store.claims import Claim, Progress
from app.store.kept_weights import packed
from app.store.layouts import StoredLayout, stored
from app.trainer.failures import TrainerLost, is_disk_full, message_of, report_of
from engine import Recorder, RunConfig, Snapshot

SAVING_NOTHING: Final = ("cancel", "lost")
"""Reasons to leave a training wherever it is: nobody goes on from there."""

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

    A database that was away for a moment, or a trainer that was killed, has lost nothing: the run
    goes on from its checkpoint.

    Args:
        err: Why.
        store: Where the run is.
        claim: The hold on it.
        attempt: What came to grief; None where it had not begun.
    """
    if isinstance(err, LeaseLost):
        return "lost"
    away = isinstance(err, OperationalError) and store.database.is_passing(err)
    if away or isinstance(err, TrainerLost):
        log.warning("the attempt is given up", run=claim.run_id, error=message_of(err))
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
        self._saver = Saver(store, claim, self.config, checkpoint_seconds)
        self._pace = Pace(self.config.training.steps, progress_seconds)
        self._judge = Judge(store, claim, self.config, self._inputs.data)
        self._losses: RecentLosses | None = None
        self._source: SnapshotSource | None = None
        self.step: int | None = None

    def run(self) -> str:
        """Train by itself from where it is to the end; return the state the run is left in."""
        self._source = SnapshotSource(self.config, self._inputs, self.begin())
        with contextlib.closing(self._source.snapshots()) as snapshots:
            for snapshot in snapshots:
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
        if self._may_leave(snapshot):
            return self._leave(writer, snapshot, recorder)
        self.step = snapshot.step
        frame = recorder.look(snapshot)
        if frame is not None:
            self._judge.see(frame)
            writer.write(frame, packed(snapshot.parameters()))
        complete = snapshot.is_last and not snapshot.diverged
        to_save = (frame is not None and writer.is_full) or self._saver.is_due or complete
        if to_save and self._has_state(snapshot):
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

    def _may_leave(self, snapshot: Snapshot) -> bool:
        """Say whether there is a reason to leave the training here, and all that it takes."""
        reason = self._control.reason
        return reason is not None and (reason in SAVING_NOTHING or self._has_state(snapshot))

    def _has_state(self, snapshot: Snapshot) -> bool:
        """Say whether the training can be left here; where it cannot, ask for such a place."""
        if not snapshot.is_whole and self._source is not None:
            self._source.ask()
        return snapshot.is_whole

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
