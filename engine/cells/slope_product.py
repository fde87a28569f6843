"""The way back where all deltas of a stage are λ times a slope of their own.

Of cells of one state, and of the last stage of others.

Backward, with λ = ∂L/∂h_t coming in and slopes s_h = ∂h_t/∂h_{t-1} beside the weights and
s_k = ∂h_t/∂a_k at the pre-activation of each gate k, all elementwise:
    δ_k = λ ⊙ s_k;  λ ⊙ s_h is handed on                           (1)
"""

from dataclasses import dataclass

import numpy as np

from engine.cells.base import ArrayTuple, Views


@dataclass(frozen=True, slots=True)
class SlopeProduct:
    """One multiplication of λ with neighbouring blocks of slopes, into the deltas of their names.

    The cell declares `slopes` and `deltas` in the same order from h to `last`, and carries h.

    Attributes:
        last: Name of the last block; the first is h.
    """

    last: str

    def local_views(self, slopes: Views) -> ArrayTuple:
        """Name the local derivatives that `step_back` takes."""
        return (slopes["h" : self.last],)

    def adjoint_views(self, incoming: Views, deltas: Views) -> ArrayTuple:
        """Name the adjoints that `step_back` takes and fills."""
        return incoming["h"][..., None, :, :], deltas["h" : self.last]

    @staticmethod
    def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
        """Fill the deltas, and what is handed on, from λ."""
        np.multiply(adjoint[0], local[0], adjoint[1])  # (1)
