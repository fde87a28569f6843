"""How a run trains: steps, batches, optimizer, schedule, clipping."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.schema import Described, Doc, Later, Null

LearningRate = Annotated[
    float, Interval(gt=0, le=1e6), Doc("Size of a step before the schedule's factor.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sgd(Described):
    """Options of stochastic gradient descent."""

    title: ClassVar[str] = "SGD"
    purpose: ClassVar[str] = (
        "Steps against the gradient, with momentum if wanted. Small gradients make small steps: "
        "what vanishes is seen in the learning."
    )

    kind: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Annotated[
        float, Interval(ge=0, lt=1), Doc("Share of the last step that is kept; 0 is plain SGD.")
    ] = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Adam(Described):
    """Options of Adam."""

    title: ClassVar[str] = "Adam"
    purpose: ClassVar[str] = (
        "Steps scaled by running means of gradient and squared gradient, so that small gradients "
        "still move their weights."
    )

    kind: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001
    beta1: Annotated[
        float, Interval(ge=0, lt=1), Doc("Decay of the mean gradient.", title="β₁")
    ] = 0.9
    beta2: Annotated[
        float, Interval(ge=0, lt=1), Doc("Decay of the mean squared gradient.", title="β₂")
    ] = 0.999
    epsilon: Annotated[
        float, Interval(gt=0, le=1), Doc("Added to the root, against division by zero.", title="ε")
    ] = 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantSchedule(Described):
    """The constant schedule."""

    title: ClassVar[str] = "Constant"
    purpose: ClassVar[str] = "The learning rate stays as it is."

    kind: Literal["constant"] = "constant"


@dataclass(frozen=True, kw_only=True, slots=True)
class CosineSchedule(Described):
    """Options of the cosine schedule."""

    title: ClassVar[str] = "Cosine"
    purpose: ClassVar[str] = (
        "The learning rate falls along half a cosine, slowly at first and at the end, and stays "
        "at its last value afterwards."
    )

    kind: Literal["cosine"] = "cosine"
    final_share: Annotated[
        float,
        Interval(ge=0, le=1),
        Doc("Where it ends, as a share of the optimizer's learning rate.", title="Final share"),
    ] = 0.0
    horizon: Annotated[
        Annotated[int, Interval(ge=1, le=10_000_000)] | None,
        Doc("Steps until the end is reached; left empty: the training's steps."),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NormClipping(Described):
    """Options of clipping by norm."""

    title: ClassVar[str] = "By norm"
    purpose: ClassVar[str] = (
        "A gradient longer than the threshold is shortened to it and keeps its direction: the "
        "remedy for exploding gradients."
    )

    kind: Literal["norm"] = "norm"
    threshold: Annotated[
        float, Interval(gt=0, le=1e12), Doc("Longest norm that passes unchanged.")
    ] = 1.0
    scope: Annotated[Literal["global"], Doc("The norm of all parameters together.")] = "global"


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueClipping(Described):
    """Options of clipping by value."""

    title: ClassVar[str] = "By value"
    purpose: ClassVar[str] = (
        "Every entry of the gradient is cut to ± the threshold, which changes its direction."
    )

    kind: Literal["value"] = "value"
    threshold: Annotated[
        float, Interval(gt=0, le=1e12), Doc("Largest absolute value of an entry.")
    ] = 1.0


Optimizer = Sgd | Adam
Schedule = ConstantSchedule | CosineSchedule
Clipping = NormClipping | ValueClipping


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig(Described):
    """How a run trains."""

    title: ClassVar[str] = "Training"
    purpose: ClassVar[str] = "How long and how the weights are changed."

    steps: Annotated[
        int, Interval(ge=0, le=10_000_000), Doc("Updates; 0 looks at the start only.")
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
        None,
        Doc("A term that keeps gradients from vanishing."),
        Later("the vanishing-gradient regularizer is not supported yet"),
    ] = None
    truncation: Annotated[
        None,
        Doc("Window of truncated back-propagation."),
        Later("truncated back-propagation is not supported yet"),
    ] = None
