"""Terms that may be added to the loss, to keep gradients from vanishing."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from engine.schema import Described, Doc

# The cells whose step Jacobian is one matrix between two diagonals.
REGULARIZED_CELLS = ("elman", "preactivation")


@dataclass(frozen=True, kw_only=True, slots=True)
class VanishingRegularizer(Described):
    """Options of Pascanu's regularizer."""

    title: ClassVar[str] = "Against vanishing (Pascanu)"
    purpose: ClassVar[str] = (
        "Pulls the recurrent weights to where a gradient keeps its norm from each step to the one "
        "before, in the directions that it has. Costs about two thirds of a training step more."
    )
    formula: ClassVar[str] = "Ω = 1/n Σ_t (‖J_tᵀ λ_t‖² / ‖λ_t‖² − 1)², λ and φ′ held"
    source: ClassVar[str] = "Pascanu, Mikolov & Bengio 2013"

    kind: Literal["vanishing"] = "vanishing"
    weight: Annotated[
        float, Interval(gt=0, le=1e6), Doc("How much the term counts beside the loss.")
    ] = 2.0


Regularizer = VanishingRegularizer
