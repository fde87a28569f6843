"""How a long gradient may be cut before the update."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.schema import Described, Doc

Longest = Interval(gt=0, le=1e12)


@dataclass(frozen=True, kw_only=True, slots=True)
class NormClipping(Described):
    """Options of clipping by norm."""

    title: ClassVar[str] = "By norm"
    purpose: ClassVar[str] = (
        "A gradient longer than the threshold is shortened to it and keeps its direction: the "
        "remedy for exploding gradients."
    )
    formula: ClassVar[str] = "g ← min(1, c / ‖g‖) g"
    source: ClassVar[str] = "Pascanu, Mikolov & Bengio 2013"

    kind: Literal["norm"] = "norm"
    threshold: Annotated[float, Longest, Doc("Longest norm that passes unchanged.")] = 1.0
    scope: Annotated[
        Literal["global", "tensor"],
        Doc("The norm of all parameters together, or of each by itself, which turns the whole."),
    ] = "global"


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueClipping(Described):
    """Options of clipping by value."""

    title: ClassVar[str] = "By value"
    purpose: ClassVar[str] = (
        "Every entry of the gradient is cut to ± the threshold, which changes its direction."
    )
    formula: ClassVar[str] = "gᵢ ← max(−c, min(c, gᵢ))"
    source: ClassVar[str] = "Mikolov 2012"

    kind: Literal["value"] = "value"
    threshold: Annotated[float, Longest, Doc("Largest absolute value of an entry.")] = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AdaptiveClipping(Described):
    """Options of adaptive clipping."""

    title: ClassVar[str] = "Adaptive (AGC)"
    purpose: ClassVar[str] = (
        "The gradient of each unit's weights is cut to a share of those weights' own norm; the "
        "read-out is left alone."
    )
    formula: ClassVar[str] = "G_u ← min(1, c max(‖W_u‖, ε) / ‖G_u‖) G_u for each unit u"
    source: ClassVar[str] = "Brock, De, Smith & Simonyan 2021"

    kind: Literal["adaptive"] = "adaptive"
    threshold: Annotated[
        float, Longest, Doc("Largest ratio of a unit's gradient norm to its weights' norm.")
    ] = 0.01
    epsilon: Annotated[
        float,
        Interval(gt=0, le=1),
        Doc("Weights with a smaller norm count as this large, so that they can grow.", title="ε"),
    ] = 1e-3


Clipping = NormClipping | ValueClipping | AdaptiveClipping
