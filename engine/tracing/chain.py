"""One term of the sum over paths, factor by factor.

The gradient of the loss at t with respect to a parameter P has a term for every step k ≤ t:

    A_{t,k}(P) = ∂L_t/∂ŷ_t · ∂ŷ_t/∂O_t · ∂O_t/∂s_t · J_t J_{t−1} … J_{k+1} · ∂⁺s_k/∂P      (1)

with O the logits, ŷ = softmax(O) for cross-entropy and ŷ = O for squared errors, s the whole state
of P's layer, J_j = ∂s_j/∂s_{j−1}, and ∂⁺ the derivative with s_{k−1} and the layer's input held.
In the top layer (1) is a product, sample by sample. In a lower layer ∂O_t/∂s_t goes through the
layers above at t alone, and what they hand down at the steps between joins on the way.
The read-out's parameters act at t alone: ∂L_t/∂ŷ_t · ∂ŷ_t/∂O_t · ∂O_t/∂P.

Norms are spectral (the most that a factor can stretch what comes), of ∂⁺s_k/∂P and ∂O_t/∂P
Frobenius', of ∂L_t/∂ŷ_t Euclid's. A factor's log10 is the mean over samples of its logs, exact
zeros left out and counted.
"""

from dataclasses import dataclass
from typing import Literal

from engine.arrays import Array

FactorName = Literal[
    "loss_by_prediction",
    "prediction_by_logits",
    "logits_by_state",
    "state_by_state",
    "state_by_parameter",
    "logits_by_parameter",
]
Norm = Literal["euclidean", "spectral", "frobenius"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Factor:
    """One factor of (1).

    Attributes:
        name: Which.
        time: Its time step; of a step Jacobian J_j it is j.
        norm: Of what kind `log10_norm` is.
        log10_norm: Mean over samples; −inf where all are exactly zero.
        left_out: Samples left out of that mean, for they are exactly zero.
        value: The factor itself where there is one sample and it is small: [out, in], and of
            ∂⁺s_k/∂P [out, *shape of P].
    """

    name: FactorName
    time: int
    norm: Norm
    log10_norm: float
    left_out: int
    value: Array | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """One term of the sum over paths.

    Attributes:
        layer: Of the parameter, as the layer axis names it; None for the read-out's.
        samples: How many the means are over.
        jacobian_samples: How many the norms of step Jacobians are over; fewer where more would
            take long.
        factors: From the loss to the parameter.
        arriving: State time j from t to k and log10 of the mean over samples of ‖dℓ_t/dh_j‖.
        walls: Times in k … t − 1 after which truncation cuts the way back: the term is zero.
        is_product: Whether the term is the product of its factors: not in a lower layer, nor where
            a parameter acts past the state (C and D of `lru`).
        log10_norm: Of the term, Frobenius: ‖A_{t,k}(P)‖.
        value: The term where it is small.
    """

    loss_time: int
    state_time: int
    parameter: str
    layer: int | str | None
    samples: int
    jacobian_samples: int
    factors: tuple[Factor, ...]
    arriving: tuple[tuple[int, float], ...]
    walls: tuple[int, ...]
    is_product: bool
    log10_norm: float
    value: Array | None
