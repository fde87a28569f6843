"""What may be made of a gradient: the optimizers and their options."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.errors import Problem
from engine.schema import Described, Doc

LearningRate = Annotated[
    float, Interval(gt=0, le=1e6), Doc("Size of a step before the schedule's factor.")
]
Momentum = Annotated[
    float, Interval(ge=0, lt=1), Doc("Share of the last step that is kept; 0 keeps none.")
]
Epsilon = Annotated[
    float, Interval(gt=0, le=1), Doc("Added to the root, against division by zero.", title="ε")
]
FirstDecay = Annotated[float, Interval(ge=0, lt=1), Doc("Decay of the mean gradient.", title="β₁")]
SecondDecay = Annotated[
    float, Interval(ge=0, lt=1), Doc("Decay of the mean squared gradient.", title="β₂")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sgd(Described):
    """Options of stochastic gradient descent."""

    title: ClassVar[str] = "SGD"
    purpose: ClassVar[str] = (
        "Steps against the gradient, with momentum if wanted. Small gradients make small steps: "
        "what vanishes is seen in the learning."
    )
    formula: ClassVar[str] = "v ← μ v + g; θ ← θ − η v, or with Nesterov θ − η (g + μ v)"
    source: ClassVar[str] = (
        "Robbins & Monro 1951; Sutskever, Martens, Dahl & Hinton 2013; torch.optim.SGD"
    )

    kind: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Annotated[
        float, Interval(ge=0, lt=1), Doc("Share of the last step that is kept; 0 is plain SGD.")
    ] = 0.0
    nesterov: Annotated[
        bool, Doc("Take the gradient as if the momentum's step were already made.")
    ] = False

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the fields."""
        if self.nesterov and self.momentum == 0:
            yield Problem("/nesterov", "without momentum there is nothing ahead: expected false")


@dataclass(frozen=True, kw_only=True, slots=True)
class RmsProp(Described):
    """Options of RMSprop."""

    title: ClassVar[str] = "RMSprop"
    purpose: ClassVar[str] = (
        "Steps divided by a running root mean square of the gradient: steep and flat directions "
        "move alike."
    )
    formula: ClassVar[str] = "s ← α s + (1 − α) g²; v ← μ v + g / (√s + ε); θ ← θ − η v"
    source: ClassVar[str] = "Tieleman & Hinton 2012; centered: Graves 2013; torch.optim.RMSprop"

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001
    decay: Annotated[
        float, Interval(ge=0, lt=1), Doc("Decay of the mean squared gradient.", title="Decay α")
    ] = 0.99
    momentum: Momentum = 0.0
    centered: Annotated[
        bool, Doc("Divide by the standard deviation instead of the root mean square.")
    ] = False
    epsilon: Epsilon = 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class Adagrad(Described):
    """Options of AdaGrad."""

    title: ClassVar[str] = "AdaGrad"
    purpose: ClassVar[str] = (
        "Steps divided by the root of the sum of all squared gradients so far: weights that "
        "seldom get a gradient keep large steps, and all steps get smaller with time."
    )
    formula: ClassVar[str] = "s ← s + g²; θ ← θ − η g / (√s + ε)"
    source: ClassVar[str] = "Duchi, Hazan & Singer 2011"

    kind: Literal["adagrad"] = "adagrad"
    learning_rate: LearningRate = 0.01
    epsilon: Epsilon = 1e-10


@dataclass(frozen=True, kw_only=True, slots=True)
class Adam(Described):
    """Options of Adam."""

    title: ClassVar[str] = "Adam"
    purpose: ClassVar[str] = (
        "Steps scaled by running means of gradient and squared gradient, so that small gradients "
        "still move their weights."
    )
    formula: ClassVar[str] = "m ← β₁ m + (1 − β₁) g; s ← β₂ s + (1 − β₂) g²; θ ← θ − η m̂ / (√ŝ + ε)"
    source: ClassVar[str] = "Kingma & Ba 2015"

    kind: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001
    beta1: FirstDecay = 0.9
    beta2: SecondDecay = 0.999
    epsilon: Epsilon = 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamW(Described):
    """Options of Adam with decoupled weight decay."""

    title: ClassVar[str] = "AdamW"
    purpose: ClassVar[str] = (
        "Adam, and besides it every weight shrinks by a small share at each update, whatever its "
        "gradient."
    )
    formula: ClassVar[str] = "θ ← (1 − η λ) θ, then Adam"
    source: ClassVar[str] = "Loshchilov & Hutter 2019"

    kind: Literal["adamw"] = "adamw"
    learning_rate: LearningRate = 0.001
    beta1: FirstDecay = 0.9
    beta2: SecondDecay = 0.999
    epsilon: Epsilon = 1e-8
    weight_decay: Annotated[
        float,
        Interval(ge=0, le=100),
        Doc("Share of a weight that is taken off at each update, times the learning rate."),
    ] = 0.01


Optimizer = Sgd | RmsProp | Adagrad | Adam | AdamW
