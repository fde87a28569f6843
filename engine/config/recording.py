"""What a run records, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Len

from engine.bounds import MOST_STEPS
from engine.schema import Described, Doc, Names
from engine.statistics import STATISTICS


def statistic_names() -> Sequence[str]:
    """Return the names of all statistics."""
    return tuple(STATISTICS)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingConfig(Described):
    """What a run records, and when."""

    title: ClassVar[str] = "Recording"
    purpose: ClassVar[str] = "What is looked at, how often, and what is kept of it."

    every: Annotated[
        int, Interval(ge=1, le=MOST_STEPS), Doc("Updates between two frames.", title="Every")
    ] = 50
    probe_size: Annotated[
        int,
        Interval(ge=1, le=1024),
        Doc("Sequences of the probe batch, which is fixed for the run.", title="Probe size"),
    ] = 16
    batch: Annotated[
        Literal["probe", "training"],
        Doc("Which batch statistics look at: the fixed probe, or each step's training batch."),
    ] = "probe"
    checkpoints: Annotated[
        tuple[Literal["first", "last"] | Annotated[int, Interval(ge=0, le=MOST_STEPS)], ...],
        Len(0, 100),
        Doc("Steps whose weights are kept: numbers, `first`, `last`."),
    ] = ("first", "last")
    statistics: Annotated[
        tuple[Annotated[str, Names("statistic", statistic_names)], ...],
        Doc("What each frame holds, besides what is always recorded."),
    ] = (
        "hidden_gradient_norm",
        "immediate_gradient_norm",
        "hidden_gradient",
        "loss_state_gradient",
        "activation",
        "activation_slope",
        "activation_slope_histogram",
        "weight_geometry",
        "validation_loss",
        "validation_accuracy",
    )

    def is_due(self, step: int, *, last: int) -> bool:
        """Say whether a frame belongs to `step`: to 0, every, 2·every, … and the last.

        Args:
            step: Updates done.
            last: The run's last step.
        """
        return step % self.every == 0 or step == last

    def kept_steps(self, last: int) -> frozenset[int]:
        """Return the steps whose weights are kept, of a run with this last one."""
        places = {"first": 0, "last": last}
        return frozenset(
            places[each] if isinstance(each, str) else each for each in self.checkpoints
        )
