"""What `train` yields: a look at the training between two updates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Array
from engine.blas import on_one_thread
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.config import RunConfig
from engine.learning.held_out import HeldOut
from engine.tasks import Batch, Task

# Arrays, and what JSON knows.
State = dict[str, NDArray[np.floating] | int | Mapping[str, object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The training after `step` updates; valid until the next one is asked for.

    The batch of update step + 1 has been swept: loss, gradient and the sweep's norms are there,
    and the update is made when the next snapshot is asked for. At the last step there is no such
    batch, unless `recording.batch` is "training", or the loss is no longer finite: then one is
    swept and no update follows.

    Attributes:
        step: Updates done, s.
        steps: Updates that the configuration asks for.
        network: Its weights are those after s updates; `network.gradient` is not clipped.
        batch: The swept batch; None at the last step.
        loss: L of `batch`.
        accuracy: Share of right answers in `batch`; None where the task has no classes.
        penalty: Ω of `batch`, unweighted; None without a regularizer. Where there is one, gradients
            are those of loss + weight · Ω; the loss stays L alone.
        baseline: The task's memoryless baseline in the units of `loss`.
        learning_rate: The schedule's value for update s + 1.
        gradient_norm: ‖∂L/∂θ‖ before clipping, natural scale.
        clip_factor: ‖clipped‖/‖g‖.
        parameter_gradient_norms: ‖∂L/∂P‖ by public name, before clipping, natural scale.
        probe: The batch that statistics look at, the same at every step.
        is_last: No snapshot comes after this one.
        diverged: The loss is not finite, which ends the training.
    """

    step: int
    steps: int
    config: RunConfig
    task: Task
    network: Network
    batch: Batch | None
    swept: Callable[[], Sweep]
    loss: float | None
    accuracy: float | None
    penalty: float | None
    baseline: float
    learning_rate: float
    gradient_norm: float | None
    clip_factor: float | None
    parameter_gradient_norms: Mapping[str, float]
    probe: Batch
    is_last: bool
    diverged: bool
    held_out: HeldOut
    save: Callable[[], State] | None
    preview: Callable[[], Mapping[str, float] | None]

    @property
    def sweep(self) -> Sweep | None:
        """The training's own sweep of `batch`, with log10 norms; None where batch is.

        A member of an ensemble, and a training on several threads, sweep by themselves and on one
        thread when it is first asked for, with the training's gradients to rounding; this changes
        nothing about the training. Where the training recomputes its states (`training.memory`),
        all but the norms is refused.
        """
        return None if self.batch is None else self.swept()

    @property
    def validation(self) -> Batch:
        """The held-out set, the same at every step."""
        return self.held_out.batch

    @property
    def is_whole(self) -> bool:
        """Whether its weights and its state are there: always, but between a replica's frames."""
        return self.save is not None

    @on_one_thread
    def validate(self) -> tuple[float, float | None]:
        """Sweep the held-out set and return its loss, on the training loss's scale, and accuracy.

        It costs a forward sweep at every call and changes nothing about the training.
        """
        training = self.config.training
        return self.held_out.evaluate(training.reduction, training.batch_size)

    @on_one_thread
    def update_ratios(self) -> Mapping[str, float] | None:
        """Return ‖ΔP‖/‖P‖ by public name of the update that comes next; None where none does.

        It costs that update, made and taken back, and changes nothing about the training.
        """
        return self.preview()

    def parameters(self) -> dict[str, Array]:
        """Return copies of the weights by public name."""
        return self.network.parameters()

    def state(self) -> State:
        """Return copies of all that `train(config, resume=…)` needs to go on from here.

        The resumed training yields the snapshot of this step first, with the same batch.
        Values are arrays, or what JSON knows.

        Raises:
            ValueError: The snapshot is not whole.
        """
        if self.save is None:
            raise ValueError(f"the state after {self.step} updates was not told")
        return self.save()
