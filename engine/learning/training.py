"""The training loop, as a generator that knows no recorder, store or page.

Who consumes it stops a run by ceasing to iterate. Random numbers come from four streams of the
configuration's seed (first weights, data, probe, held-out set), so that looking at a training
changes no bit of it.
"""

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import cast

import numpy as np

from engine.arrays import Array
from engine.blas import OneThread, on_one_thread
from engine.bptt.network import Network
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.sweep import Sweep
from engine.cells import CELLS
from engine.config import RunConfig
from engine.learning.beginning import build_network
from engine.learning.clipping import Clipper
from engine.learning.held_out import HeldOut
from engine.learning.memory import recomputes
from engine.learning.optimizers import make_updater
from engine.learning.preview import update_ratios
from engine.learning.regularizer import Regularization
from engine.learning.saved import copy_in, read, written
from engine.learning.schedules import Scheduler
from engine.learning.snapshot import Snapshot, State
from engine.parameter_names import READOUT
from engine.tasks import Batch, Data, Streams, generator, make_task

MOMENT = "optimizer."


class Training:
    """One training with its buffers: everything a step needs is made here, once."""

    def __init__(
        self,
        config: RunConfig,
        initial: Mapping[str, Array] | None = None,
        data: Data | None = None,
        place: Callable[[Network], None] | None = None,
    ) -> None:
        """Set up a training at step 0.

        Args:
            config: As those of `train`, like the next two.
            initial: First weights.
            data: Uploaded data.
            place: Gives the network's vectors another place, before anything refers to them.
        """
        self.config = config
        self.step = 0
        options = config.training
        streams = Streams.of(config.seed)
        self.rng = generator(streams.data)
        self.task = make_task(config.task, config.seed, options.precision, data)
        self.network = build_network(config, self.task)
        self.network.load(self._first_weights(streams, initial or {}))
        if place is not None:
            place(self.network)
        self.updater = make_updater(options.optimizer, self.network.flat)
        self.clipper = Clipper(options.clipping, self.network.flat, self.network.views)
        self.scheduler = Scheduler(options)
        self.regularization = (
            Regularization(options.regularizer, self.network) if options.regularizer else None
        )
        self.probe = self.task.probe(config.recording.probe_size)
        self.held_out = HeldOut(self.task, self.network)
        self._clipped = self.network.gradient
        self._loss: float | None = None
        self._before_batch = self.rng.bit_generator.state

    @cached_property
    def sweep(self) -> Sweep:
        """The training's own sweep; bound when it is first asked for."""
        options = self.config.training
        return self.kind_of_sweep(
            self.network,
            length=self.task.length,
            batch=options.batch_size,
            window=options.truncation,
        )

    def forget_sweep(self) -> None:
        """Give back what sweeping batches needs, until one is swept again."""
        vars(self).pop("sweep", None)
        gc.collect()  # its parts refer to each other

    @property
    def kind_of_sweep(self) -> type[Sweep]:
        """The sweeps that hold every step, or those that recompute them."""
        return SegmentedSweep if recomputes(self.config, self.task) else Sweep

    def _first_weights(self, streams: Streams, initial: Mapping[str, Array]) -> Mapping[str, Array]:
        if any(name in READOUT for name in initial):
            return initial
        drawn = self.config.model.start().draw(
            self.network.parameter_shapes,
            CELLS[self.config.model.cell],
            generator(streams.initial),
            hidden=self.network.hidden,
            length=self.task.length,
        )
        if not initial:
            return dict(drawn)
        own = {name: value for name, value in drawn.items() if name in READOUT}
        return {**own, **initial}

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield the snapshots from the present step to the last."""
        one_thread = OneThread()
        while True:
            with one_thread:
                snapshot = self.look()
            yield snapshot
            if snapshot.is_last:
                return
            with one_thread:
                self.update(snapshot.learning_rate)

    def look(self) -> Snapshot:
        """Sweep the batch of the next update and return what there is to see."""
        batch = self.draw()
        recording = self.config.recording
        frame_is_due = recording.is_due(self.step, last=self.config.training.steps)
        self.prepare(recording.batch == "training" and frame_is_due)
        found = self.sweep.forward(batch, self.task.loss, self.config.training.reduction)
        if not self._is_shown(found.value):
            return self.seen(batch, found.value, found.accuracy, lambda: self.sweep)
        self.sweep.backward()
        penalty = self._add_penalty()
        return self.seen(batch, found.value, found.accuracy, lambda: self.sweep, penalty)

    def prepare(self, looked_at: bool) -> None:
        """Let the next sweep keep what costs less on its way than when somebody asks for it."""
        self.sweep.keep_carried(looked_at)
        self.sweep.count_saturated(looked_at)

    @property
    def _at_end(self) -> bool:
        return self.step >= self.config.training.steps

    def _is_shown(self, loss: float) -> bool:
        """Tell whether the batch is more than a sign of whether the training came through."""
        training = self.config.recording.batch == "training"
        return not self._at_end or training or not math.isfinite(loss)

    def draw(self) -> Batch:
        """Return the batch of the next update."""
        self._before_batch = self.rng.bit_generator.state
        return self.task.training_batch(self.rng, self.config.training.batch_size)

    @on_one_thread
    def sweep_again(self, batch: Batch) -> Sweep:
        """Return the training's own sweep of a batch that was swept elsewhere.

        The gradient stays as it is.
        """
        kept = self.network.gradient.copy()
        self.sweep.keep_carried()
        self.sweep.forward(batch, self.task.loss, self.config.training.reduction)
        self.sweep.backward()
        self.network.gradient[...] = kept
        return self.sweep

    def seen(
        self,
        drawn: Batch,
        loss_value: float,
        accuracy: float | None,
        swept: Callable[[], Sweep],
        penalty: float | None = None,
    ) -> Snapshot:
        """Return what there is to see of a batch that was swept.

        Args:
            drawn: The batch.
            loss_value: L.
            accuracy: Share of right answers; None where the task has no classes.
            swept: Gives a sweep of it by this network.
            penalty: Ω of it.
        """
        config, options = self.config, self.config.training
        at_end, shown = self._at_end, self._is_shown(loss_value)
        norms: dict[str, float] = {}
        norm: float | None = None
        factor: float | None = None
        if shown:
            # What is infinite stays so and is shown; it is no reason for a warning.
            with np.errstate(over="ignore", invalid="ignore"):
                norms = self.network.gradient_norms()
                norm = math.hypot(*norms.values())
                self._clipped, factor = self.clipper.clip(self.network.gradient, norm, norms)
        self._loss = loss = loss_value if shown else None
        diverged = loss is not None and not math.isfinite(loss)
        return Snapshot(
            step=self.step,
            steps=options.steps,
            config=config,
            task=self.task,
            network=self.network,
            batch=drawn if shown else None,
            swept=swept,
            loss=loss,
            accuracy=accuracy if shown else None,
            penalty=penalty,
            baseline=self._baseline(drawn if shown else None),
            learning_rate=self.scheduler.rate(self.step),
            gradient_norm=norm,
            clip_factor=factor,
            parameter_gradient_norms=norms,
            probe=self.probe,
            is_last=at_end or diverged,
            diverged=diverged,
            held_out=self.held_out,
            save=self.state,
            preview=lambda: None if at_end or diverged else self.update_ratios(),
        )

    def _baseline(self, batch: Batch | None) -> float:
        """Return the task's baseline on the scale of a batch's loss."""
        summed = self.config.training.reduction == "sum" and batch is not None
        return self.task.baseline * (int(np.count_nonzero(batch.mask)) if summed and batch else 1)

    def _add_penalty(self) -> float | None:
        if self.regularization is None:
            return None
        # A state that is no longer finite makes the term so too: that shows in the next loss.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.regularization.add(self.sweep)

    def update(self, rate: float) -> None:
        """Make the update from the gradient that the last look left."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            self.updater.update(self.network.flat, self._clipped, rate, self.step)
        self.network.outdate()
        if self._loss is not None:
            self.scheduler.observe(self._loss)
        self.step += 1

    def update_ratios(self) -> dict[str, float]:
        """Return ‖ΔP‖/‖P‖ of the update that comes next, by public name."""
        return update_ratios(
            self.network, self.updater, self._clipped, self.scheduler.rate(self.step), self.step
        )

    def state(self) -> State:
        """Return copies of all that `restore` needs."""
        state: State = {
            "step": self.step,
            "generator": written(self._before_batch),
            "weights": self.network.flat.copy(),
            "schedule": self.scheduler.state(),
        }
        state.update({MOMENT + name: m.copy() for name, m in self.updater.moments.items()})
        return state

    def restore(self, state: Mapping[str, object]) -> None:
        """Go to where `state()` was called.

        Raises:
            ShapeError: The state is of another configuration.
        """
        copy_in(state, "weights", self.network.flat)
        for name, moment in self.updater.moments.items():
            copy_in(state, MOMENT + name, moment)
        self.scheduler.restore(cast("Mapping[str, object]", state["schedule"]))
        self.network.prepare()
        self.step = int(cast("int", state["step"]))
        self.rng.bit_generator.state = read(cast("Mapping[str, object]", state["generator"]))
