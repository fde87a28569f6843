"""How a run trains: steps, batches, optimizer, schedule, clipping."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.bounds import MOST_STEPS
from engine.config.clipping import Clipping, NormClipping
from engine.config.optimizers import Optimizer, Sgd
from engine.config.regularizers import Regularizer
from engine.config.schedules import ConstantSchedule, Schedule
from engine.errors import Problem
from engine.schema import Described, Doc, Null


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig(Described):
    """How a run trains."""

    title: ClassVar[str] = "Training"
    purpose: ClassVar[str] = "How long and how the weights are changed."

    steps: Annotated[
        int, Interval(ge=0, le=MOST_STEPS), Doc("Updates; 0 looks at the start only.")
    ] = 1000
    batch_size: Annotated[
        int, Interval(ge=1, le=4096), Doc("Sequences B of each update.", title="Batch size")
    ] = 32
    reduction: Annotated[
        Literal["mean", "sum"],
        Doc("Loss over the asked steps and samples: their mean, or their sum."),
    ] = "mean"
    precision: Annotated[Literal["float32", "float64"], Doc("Number type of the training.")] = (
        "float32"
    )
    optimizer: Annotated[Optimizer, Doc("What is made of a gradient.")] = field(default_factory=Sgd)
    schedule: Annotated[Schedule, Doc("How the learning rate changes while training.")] = field(
        default_factory=ConstantSchedule
    )
    clipping: Annotated[
        Clipping | None,
        Doc("How a long gradient is cut before the update; none: it never is."),
        Null("no clipping"),
    ] = field(default_factory=NormClipping)
    regularizer: Annotated[
        Regularizer | None,
        Doc("A term beside the loss that keeps gradients from vanishing; none: the loss alone."),
        Null("no regularizer"),
    ] = None
    truncation: Annotated[
        Annotated[int, Interval(ge=1, le=MOST_STEPS)] | None,
        Doc(
            "Window w of truncated back-propagation: the way back is cut at t = w, 2w, …, while "
            "the state runs on. Left empty: never.",
            title="Truncation window",
        ),
    ] = None
    memory: Annotated[
        Literal["automatic", "whole", "recomputed"],
        Doc(
            "What a training step keeps of its states: the whole of them, or, recomputed on the "
            "way back from one in √T, hardly any at the price of another forward sweep. Numbers "
            "are the same to the last bit. Automatic recomputes where the whole is over 1 GiB.",
            title="States in memory",
        ),
    ] = "automatic"
    threads: Annotated[
        int,
        Interval(ge=1, le=64),
        Doc(
            "Parts that each batch is cut into, each swept on a thread of its own. Pays where "
            "batch size times hidden size is some thousands and as many cores are idle; other "
            "runs need cores as well. The last bits of a run depend on it."
        ),
    ] = 1

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the fields."""
        if self.threads > self.batch_size:
            detail = f"expected at most one for each of the batch's {self.batch_size} sequences"
            yield Problem("/threads", f"{detail}, got {self.threads}")
