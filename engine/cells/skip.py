"""Simple recurrent network with a skip through time: a second path that is s times shorter.

Equations (row vectors; rows before the start are initial states, zero where none are given):
    a_t = x_t W_xᵀ + h_{t-1} W_hᵀ + h_{t-s} W_sᵀ + b               (1)
    h_t = φ(a_t), s ≥ 2                                            (2)

Backward, with λ_t = ∂L/∂h_t along all paths:
    δ_t = λ_t ⊙ φ′(a_t)                                            (3)
    λ_{t-1} = arriving_{t-1} + δ_t W_h + δ_{t+s-1} W_s             (4)
    ∂L/∂x_t = δ_t W_x                                              (5)
    ∂L/∂W_h = Σ_t δ_tᵀ h_{t-1};  ∂L/∂W_s = Σ_t δ_tᵀ h_{t-s}        (6)
    ∂L/∂W_x = Σ_t δ_tᵀ x_t;  ∂L/∂b = Σ_t Σ_b δ_t                   (7)

What the gradient sees: the state is (h_t … h_{t-s+1}). Of its Jacobian the first block row is
    diag(φ′(a_t)) [W_h 0 … 0 W_s], the rest moves every block on by one: paths of lag T have
    between T/s and T factors.

Shapes: x_t (B, D); h (B, H); W_x (H, D), W_h and W_s (H, H), b (H,).
Source: the recurrent skip connections of Zhang et al. 2016, arXiv:1602.08210, beside those of
    lag 1; delays of the state in NARX networks, Lin, Horne, Tiňo & Giles 1996.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, ClassVar

from annotated_types import Interval

from engine.activations import Activation
from engine.cells.activated import activated
from engine.cells.base import PLAIN_PARAMETERS, Cell, CellDefinition, CellOptions
from engine.initializers import as_recurrent
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class SkipOptions(CellOptions):
    """Options of the cell with a skip."""

    purpose: ClassVar[str] = "How far the skip reaches."

    skip: Annotated[
        int,
        Interval(ge=2, le=1000),
        Doc("s: the state of so many steps ago is read beside that of the step before.", title="s"),
    ] = 10


def make(activation: Activation, options: SkipOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    return replace(
        activated("skip", activation, states=("h", "h_s")),
        lags=MappingProxyType({"h_s": options.skip}),
        matrices=MappingProxyType({"W_s": ("h", "h_s")}),
    )


DEFINITION = CellDefinition(
    name="skip",
    title="Simple RNN with a skip through time",
    summary="Each step also reads the state of s steps ago: a gradient has a path with s times "
    "fewer factors, so it fades s times more slowly.",
    equations=("h_t = φ(U x_t + W h_{t−1} + W_s h_{t−s} + b)",),
    source="Zhang et al. 2016; Lin et al. 1996",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
    options=SkipOptions,
    parameters=MappingProxyType({**PLAIN_PARAMETERS, "W_s": "H × H"}),
    own_starts=MappingProxyType({"W_s": as_recurrent}),
)
