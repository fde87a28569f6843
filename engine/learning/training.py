"""The training loop, as a generator that knows no recorder, store or page.

Who consumes it stops a run by ceasing to iterate. Random numbers come from four streams of the
configuration's seed (first weights, data, probe, held-out set), so that looking at a training
changes no bit of it.
"""

import math
from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.config import RunConfig
from engine.errors import ConfigError, Problem, ShapeError
from engine.learning.clipping import Clipper
from engine.learning.held_out import HeldOut
from engine.learning.optimizers import make_updater
from engine.learning.regularizer import Regularization
from engine.learning.schedules import Scheduler
from engine.learning.snapshot import Snapshot, State
from engine.tasks import Batch, Data, Streams, Task, generator, make_task

MOMENT = "optimizer."
READOUT = "readout."


def train(
    config: RunConfig,
    *,
    data: Data | None = None,
    initial: Mapping[str, Array] | None = None,
    resume: Mapping[str, object] | None = None,
) -> Iterator[Snapshot]:
    """Train and yield a snapshot before each update, and one at the end.

    Args:
        config: The whole configuration; with its seed it determines every bit.
        data: Arrays by name for a task of uploaded data; the task's module says which.
        initial: First weights by public name, in place of the initializer's; without `readout.`
            names the read-out starts as it would.
        resume: What `Snapshot.state()` returned: go on from there, bit for bit.

    Returns:
        Snapshots s = 0 … steps (resumed: from the saved step on); fewer where the loss is no
        longer finite. A snapshot is valid until the next one is asked for: who keeps, copies.

    Raises:
        ConfigError: Data for a task that makes its own, none for one that reads some, data that do
            not fit, or a model to start from without its weights.
        ShapeError: Weights or a state that do not fit the configuration.
    """
    if config.model.from_model is not None and initial is None and resume is None:
        detail = "expected the model's weights beside the configuration, got none"
        raise ConfigError([Problem("/model/from_model", detail)])
    training = Training(config, initial, data)
    if resume is not None:
        training.restore(resume)
    return training.snapshots()


def build_network(config: RunConfig, task: Task) -> Network:
    """Return the configuration's network for a task, with all weights zero."""
    model = config.model
    return Network(
        make_cell(model.cell, model.activation_choice(), model.options),
        inputs=task.inputs,
        hidden=model.hidden_size,
        layers=model.layers,
        outputs=task.outputs,
        bias=model.bias,
        layer_skips=model.layer_skips,
        dtype=config.training.precision,
    )


class Training:
    """One training with its buffers: everything a step needs is made here, once."""

    def __init__(
        self,
        config: RunConfig,
        initial: Mapping[str, Array] | None = None,
        data: Data | None = None,
    ) -> None:
        """Set up a training at step 0; the arguments are those of `train`."""
        self.config = config
        self.step = 0
        options = config.training
        streams = Streams.of(config.seed)
        self.rng = generator(streams.data)
        self.task = make_task(config.task, config.seed, options.precision, data)
        self.network = build_network(config, self.task)
        self.network.load(self._first_weights(streams, initial or {}))
        self.sweep = Sweep(
            self.network,
            length=self.task.length,
            batch=options.batch_size,
            window=options.truncation,
        )
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

    def _first_weights(self, streams: Streams, initial: Mapping[str, Array]) -> Mapping[str, Array]:
        if any(name.startswith(READOUT) for name in initial):
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
        own = {name: value for name, value in drawn.items() if name.startswith(READOUT)}
        return {**own, **initial}

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield the snapshots from the present step to the last."""
        while True:
            snapshot = self.look()
            yield snapshot
            if snapshot.is_last:
                return
            self.update(snapshot.learning_rate)

    def look(self) -> Snapshot:
        """Sweep the batch of the next update and return what there is to see."""
        config, options = self.config, self.config.training
        self._before_batch = self.rng.bit_generator.state
        at_end = self.step >= options.steps
        batch: Batch | None = None
        loss: float | None = None
        accuracy: float | None = None
        norm: float | None = None
        factor: float | None = None
        penalty: float | None = None
        norms: dict[str, float] = {}
        frames_of_training = config.recording.batch == "training"
        drawn = self.task.training_batch(self.rng, options.batch_size)
        self.sweep.keep_carried(
            frames_of_training and (at_end or self.step % config.recording.every == 0)
        )
        found = self.sweep.forward(drawn, self.task.loss, options.reduction)
        # After the last update its batch only tells whether the training has come through.
        if not at_end or frames_of_training or not math.isfinite(found.value):
            batch, loss, accuracy = drawn, found.value, found.accuracy
            self.sweep.backward()
            penalty = self._add_penalty()
            # What is infinite stays so and is shown; it is no reason for a warning.
            with np.errstate(over="ignore", invalid="ignore"):
                norms = self.network.gradient_norms()
                norm = math.hypot(*norms.values())
                self._clipped, factor = self.clipper.clip(self.network.gradient, norm, norms)
        self._loss = loss
        diverged = loss is not None and not math.isfinite(loss)
        return Snapshot(
            step=self.step,
            steps=options.steps,
            config=config,
            task=self.task,
            network=self.network,
            batch=batch,
            sweep=None if batch is None else self.sweep,
            loss=loss,
            accuracy=accuracy,
            penalty=penalty,
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
        self.network.prepare()
        if self._loss is not None:
            self.scheduler.observe(self._loss)
        self.step += 1

    def update_ratios(self) -> dict[str, float]:
        """Return ‖ΔP‖/‖P‖ of the update that comes next, by public name; nothing is changed.

        The update is made on the weights and moments themselves and taken back, bit for bit.
        """
        touched = [self.network.flat, self._clipped, *self.updater.moments.values()]
        kept = [array.copy() for array in touched]
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            rate = self.scheduler.rate(self.step)
            self.updater.update(self.network.flat, self._clipped, rate, self.step)
            change = self.network.named(self.network.flat.astype(np.float64) - kept[0])
            for array, before in zip(touched, kept, strict=True):
                np.copyto(array, before)
            weights = self.network.parameters()
            return {
                name: float(np.divide(np.linalg.norm(change[name]), _norm(weights[name])))
                for name in weights
            }

    def state(self) -> State:
        """Return copies of all that `restore` needs."""
        state: State = {
            "step": self.step,
            "generator": _written(self._before_batch),
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
        _copy(state, "weights", self.network.flat)
        for name, moment in self.updater.moments.items():
            _copy(state, MOMENT + name, moment)
        self.scheduler.restore(cast("Mapping[str, object]", state["schedule"]))
        self.network.prepare()
        self.step = int(cast("int", state["step"]))
        self.rng.bit_generator.state = _read(cast("Mapping[str, object]", state["generator"]))


def _norm(array: Array) -> np.float64:
    return np.float64(np.linalg.norm(array.astype(np.float64)))


def _copy(state: Mapping[str, object], name: str, target: Array) -> None:
    source = np.asarray(state.get(name))
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ShapeError(
            f"{name}: expected {target.dtype} of shape {target.shape}, "
            f"got {source.dtype} of shape {source.shape}: a state of another configuration"
        )
    np.copyto(target, source)


def _written(state: Mapping[str, object]) -> dict[str, object]:
    """Write a bit generator's state so that any JSON keeps it: its numbers have 128 bits."""
    return {
        key: _written(value) if isinstance(value, Mapping) else str(value)
        for key, value in state.items()
    }


def _read(written: Mapping[str, object]) -> dict[str, object]:
    """Read what `_written` wrote."""

    def read(value: object) -> object:
        if isinstance(value, Mapping):
            return _read(value)
        text = str(value)
        return int(text) if text.isdigit() else text

    return {key: read(value) for key, value in written.items()}
