"""How the learning rate may change while training: the schedules and their options."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.bounds import MOST_STEPS
from engine.schema import Described, Doc

Steps = Annotated[int, Interval(ge=1, le=MOST_STEPS)]
FinalShare = Annotated[
    float,
    Interval(ge=0, le=1),
    Doc("Where it ends, as a share of the optimizer's learning rate.", title="Final share"),
]
Horizon = Annotated[
    Steps | None,
    Doc("Steps until the end is reached; left empty: the training's steps."),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantSchedule(Described):
    """The constant schedule."""

    title: ClassVar[str] = "Constant"
    purpose: ClassVar[str] = "The learning rate stays as it is."
    formula: ClassVar[str] = "η(s) = η"
    source: ClassVar[str] = "definition"

    kind: Literal["constant"] = "constant"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSchedule(Described):
    """Options of the step schedule."""

    title: ClassVar[str] = "Step"
    purpose: ClassVar[str] = "The learning rate is cut by a factor every so many updates."
    formula: ClassVar[str] = "η(s) = η · factor^⌊s / period⌋"
    source: ClassVar[str] = "torch.optim.lr_scheduler.StepLR"

    kind: Literal["step"] = "step"
    period: Annotated[Steps, Doc("Updates between two cuts.")] = 500
    factor: Annotated[
        float, Interval(gt=0, le=1), Doc("What the learning rate is multiplied by at a cut.")
    ] = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class ExponentialSchedule(Described):
    """Options of the exponential schedule."""

    title: ClassVar[str] = "Exponential"
    purpose: ClassVar[str] = "The learning rate falls by the same share at every update."
    formula: ClassVar[str] = "η(s) = η · factorˢ"
    source: ClassVar[str] = "torch.optim.lr_scheduler.ExponentialLR"

    kind: Literal["exponential"] = "exponential"
    factor: Annotated[
        float,
        Interval(gt=0, le=1),
        Doc("What the learning rate is multiplied by at each update; 0.999 halves it in 693."),
    ] = 0.999


@dataclass(frozen=True, kw_only=True, slots=True)
class CosineSchedule(Described):
    """Options of the cosine schedule."""

    title: ClassVar[str] = "Cosine"
    purpose: ClassVar[str] = (
        "The learning rate falls along half a cosine, slowly at first and at the end, and stays "
        "at its last value afterwards."
    )
    formula: ClassVar[str] = "η(s) = η (r + (1 − r) (1 + cos(π s / N)) / 2)"
    source: ClassVar[str] = "Loshchilov & Hutter 2017, without restarts"

    kind: Literal["cosine"] = "cosine"
    final_share: FinalShare = 0.0
    horizon: Horizon = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmupCosineSchedule(Described):
    """Options of the cosine schedule with a warm-up."""

    title: ClassVar[str] = "Warm-up, then cosine"
    purpose: ClassVar[str] = (
        "The learning rate grows evenly to its full value during the warm-up, then falls along "
        "half a cosine."
    )
    formula: ClassVar[str] = "η(s) = η (s + 1) / w for s < w, then the cosine over N − w"
    source: ClassVar[str] = "Goyal et al. 2017; Loshchilov & Hutter 2017"

    kind: Literal["warmup_cosine"] = "warmup_cosine"
    warmup: Annotated[Steps, Doc("Updates until the full learning rate.", title="Warm-up")] = 100
    final_share: FinalShare = 0.0
    horizon: Horizon = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlateauSchedule(Described):
    """Options of the plateau schedule."""

    title: ClassVar[str] = "Plateau"
    purpose: ClassVar[str] = (
        "The learning rate is cut whenever the training loss, averaged over some updates, has not "
        "improved for a while."
    )
    formula: ClassVar[str] = (
        "η ← max(factor · η, floor) after more than `patience` looks without improvement"
    )
    source: ClassVar[str] = "torch.optim.lr_scheduler.ReduceLROnPlateau, fed with means"

    kind: Literal["plateau"] = "plateau"
    every: Annotated[
        Steps, Doc("Updates over which the training loss is averaged for one look.")
    ] = 50
    patience: Annotated[
        int,
        Interval(ge=0, le=1_000_000),
        Doc("Looks without improvement that are let pass before a cut."),
    ] = 5
    threshold: Annotated[
        float,
        Interval(ge=0, lt=1),
        Doc("Share by which a loss has to be under the best one to count as an improvement."),
    ] = 0.01
    cooldown: Annotated[
        int,
        Interval(ge=0, le=1_000_000),
        Doc("Looks after a cut during which none is counted as without improvement."),
    ] = 0
    factor: Annotated[
        float, Interval(gt=0, lt=1), Doc("What the learning rate is multiplied by at a cut.")
    ] = 0.5
    floor: Annotated[
        float, Interval(ge=0, le=1e6), Doc("The learning rate is never cut below this.")
    ] = 0.0


Schedule = (
    ConstantSchedule
    | StepSchedule
    | ExponentialSchedule
    | CosineSchedule
    | WarmupCosineSchedule
    | PlateauSchedule
)
