"""Who looks at the snapshots of a training and makes frames of some of them.

A recorder reads a snapshot and changes nothing in it: with or without one, a training ends with
the same bits.
"""

from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.blas import OneThread
from engine.bptt.observation import Observation
from engine.bptt.sweep import Sweep
from engine.config import RunConfig
from engine.learning.snapshot import Snapshot
from engine.recording.frame import Frame, Series
from engine.recording.layout import Layout, layouts, recorded_definitions, stored_row
from engine.recording.series import PARAMETER_NORMS, SeriesBuffer
from engine.statistics import Observed
from engine.tasks import Data


class Recorder:
    """Makes the frames of one run; show it every snapshot, in order.

    Attributes:
        layouts: What is recorded, by name.
    """

    def __init__(self, config: RunConfig, data: Data | None = None) -> None:
        """Prepare to record what `config` asks for; `data` is what the task reads.

        A resumed training gets a recorder of its own: its series start at the first snapshot.
        """
        self.layouts: dict[str, Layout] = layouts(config, data)
        self._config = config
        recorded = recorded_definitions(config)
        self._functions = {d.name: d.compute for d in recorded if d.compute}
        self._looks_at_held_out = any(d.held_out for d in recorded)
        self._looks_at_update = any(d.of_update for d in recorded)
        parameters = self.layouts[PARAMETER_NORMS].coords["parameter"]
        self._parameters = [str(name) for name in parameters]
        self._series = SeriesBuffer(self._parameters)
        self._one_thread = OneThread()
        self._probe_sweep: Sweep | None = None  # bound once: that costs as much as sweeping

    def look(self, snapshot: Snapshot) -> Frame | None:
        """Note the snapshot's series; return a frame where one is due.

        Frames are due at 0, every, 2·every, …, at the last step, and where the loss is no longer
        finite. The series have the training steps only: the batch that a last frame may be made
        of belongs to no update, unless the run diverges on it.
        """
        if snapshot.loss is not None and (snapshot.step < snapshot.steps or snapshot.diverged):
            self._series.add(snapshot)
        due = self._config.recording.is_due(snapshot.step, last=snapshot.steps)
        if not due and not snapshot.diverged:
            return None
        start, series = self._series.take(snapshot.step)
        return Frame(
            step=snapshot.step,
            arrays=self._arrays(snapshot),
            series=series,
            series_start=start,
            diverged=snapshot.diverged,
        )

    def take_series(self, step: int) -> Series:
        """Take the series noted since the last frame, where a training is left between two.

        Args:
            step: Step of the snapshot at which it is left: where an empty stretch starts.
        """
        start, rows = self._series.take(step)
        return Series(start=start, rows=rows)

    def _arrays(self, snapshot: Snapshot) -> dict[str, Array]:
        # Weights of a diverging run overflow on the way: what comes out is recorded as it is.
        with self._one_thread, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            observation = self._observe(snapshot)
            found = {name: compute(observation) for name, compute in self._functions.items()}
            if self._looks_at_held_out:
                found |= _held_out(snapshot)
            if self._looks_at_update:
                found["update_ratio"] = _update_ratios(snapshot, self._parameters)
            return {
                name: stored_row(found[name], layout)
                for name, layout in self.layouts.items()
                if not layout.per_step
            }

    def _observe(self, snapshot: Snapshot) -> Observed:
        asked = snapshot.task.asked_times
        if self._config.recording.batch == "training" and snapshot.sweep and snapshot.batch:
            return Observation.of_sweep(snapshot.sweep, snapshot.batch, asked_times=asked)
        network, probe = snapshot.network, snapshot.probe
        if self._probe_sweep is None or self._probe_sweep.network is not network:
            length, size = probe.mask.shape
            window = self._config.training.truncation
            self._probe_sweep = Sweep(network, length=length, batch=size, window=window)
        reduction = self._config.training.reduction
        return Observation(
            network,
            probe,
            snapshot.task.loss,
            reduction,
            sweep=self._probe_sweep,
            asked_times=asked,
        )


def _held_out(snapshot: Snapshot) -> dict[str, Array]:
    loss, accuracy = snapshot.validate()
    return {
        "validation_loss": np.array(loss),
        "validation_accuracy": np.array(np.nan if accuracy is None else accuracy),
    }


def _update_ratios(snapshot: Snapshot, parameters: Sequence[str]) -> Array:
    ratios = snapshot.update_ratios()
    found = [np.nan if ratios is None else ratios[name] for name in parameters]
    logs: Array = np.log10(np.array(found))
    return logs
