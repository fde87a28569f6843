"""A training that is gone on with elsewhere, and looked at here.

Who trains and who looks need not be the same process. A replica trains like any other until its
`state` is handed to `train(config, resume=…)` somewhere else; from then on it makes no update, is
told what was seen there, and shows the same snapshots, bit for bit: their numbers as they were
told, their weights where the report is whole, and of those weights whatever anybody asks.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.arrays import Array
from engine.config import RunConfig
from engine.learning.beginning import require_model
from engine.learning.one import training_of
from engine.learning.saved import copy_in
from engine.learning.snapshot import Snapshot, State
from engine.tasks import Data

COLUMNS = (
    "step", "is_shown", "loss", "accuracy", "penalty", "baseline", "learning_rate",
    "gradient_norm", "clip_factor", "is_last", "diverged",
)  # fmt: skip
"""What the numbers of a report are, before the norm of each parameter's gradient."""


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell of a snapshot.

    Attributes:
        numbers: As `COLUMNS` has them, then ‖∂L/∂P‖ of each parameter, in their order in the
            snapshot; NaN for what is None there. A batch whose loss is None is not shown.
        state: What `Snapshot.state()` returns; None where only the numbers are told.
        update_ratios: What `Snapshot.update_ratios()` returns, where the state is told.
    """

    numbers: Sequence[float]
    state: State | None = None
    update_ratios: Mapping[str, float] | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after this one."""
        return bool(self.numbers[COLUMNS.index("is_last")])


def report_of(snapshot: Snapshot, *, whole: bool) -> Report:
    """Return what there is to tell of a snapshot; `whole` takes copies of its state along."""
    numbers = [
        float(snapshot.step),
        float(snapshot.loss is not None),
        _or_nan(snapshot.loss),
        _or_nan(snapshot.accuracy),
        _or_nan(snapshot.penalty),
        snapshot.baseline,
        snapshot.learning_rate,
        _or_nan(snapshot.gradient_norm),
        _or_nan(snapshot.clip_factor),
        float(snapshot.is_last),
        float(snapshot.diverged),
        *snapshot.parameter_gradient_norms.values(),
    ]
    if not whole:
        return Report(numbers)
    return Report(numbers, snapshot.state(), snapshot.update_ratios())


class Replica:
    """A training from its beginning or a state on, which may be gone on with elsewhere."""

    def __init__(
        self,
        config: RunConfig,
        *,
        data: Data | None = None,
        initial: Mapping[str, Array] | None = None,
        resume: Mapping[str, object] | None = None,
    ) -> None:
        """Set the training up; the arguments, and what is refused, are those of `train`."""
        require_model(config, initial, resume)
        self._training = training_of(config, initial, data)
        if resume is not None:
            self._training.restore(resume)
        self._norms = tuple(self._training.network.gradient_norms())

    def snapshots(self) -> Iterator[Snapshot]:
        """Train here, as `train` does."""
        return self._training.snapshots()

    def hand_over(self) -> None:
        """Give back what only training needs: from now on it is done elsewhere."""
        self._training.forget_sweep()

    def told(self, report: Report) -> Snapshot:
        """Return the snapshot that was seen elsewhere.

        It has no batch and no sweep of one. Where the report is not whole it has no state either,
        and its weights are those of the last one that was.

        Raises:
            ShapeError: The state is of another configuration.
        """
        training = self._training
        told = dict(zip(COLUMNS, report.numbers, strict=False))
        norms = report.numbers[len(COLUMNS) :]
        shown, state = bool(told["is_shown"]), report.state
        if state is not None:
            copy_in(state, "weights", training.network.flat)
            training.network.outdate()

        def number(name: str) -> float | None:
            return told[name] if shown else None

        return Snapshot(
            step=int(told["step"]),
            steps=training.config.training.steps,
            config=training.config,
            task=training.task,
            network=training.network,
            batch=None,
            swept=lambda: training.sweep,
            loss=number("loss"),
            accuracy=_or_none(told["accuracy"]),
            penalty=_or_none(told["penalty"]),
            baseline=told["baseline"],
            learning_rate=told["learning_rate"],
            gradient_norm=number("gradient_norm"),
            clip_factor=number("clip_factor"),
            parameter_gradient_norms=dict(zip(self._norms, norms, strict=True)) if shown else {},
            probe=training.probe,
            is_last=bool(told["is_last"]),
            diverged=bool(told["diverged"]),
            held_out=training.held_out,
            save=None if state is None else lambda: state,
            preview=lambda: report.update_ratios,
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
