"""How open the gate that keeps the memory starts: its bias, a number or drawn by chrono.

A gate that keeps, k = σ(a), multiplies the old state at every step; with a = v alone, what is
remembered lasts about 1/(1 − σ(v)) = 1 + eᵛ steps.

    number   b_keep = v                                            (1)
    chrono   v ~ log U[1, T − 1], one draw a unit; b_keep = v      (2)
             and, where another gate writes, b_write = −v          (3)

Where the gate of a cell overwrites instead of keeping (`mgu`, `min_gru`), it is k = 1 − σ(a) that
keeps, and the signs turn: v says how well is kept, whatever the cell's convention.

In (2) lasting times 1 + eᵛ are uniform on [2, T]. T is the sequence length, the longest range
that can be asked for.
Source: (2), (3) Tallec & Ollivier 2018, Can recurrent neural networks warp time?,
    arXiv:1804.11188, "chrono initialization".
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.initializers.base import Doubles

CHRONO = "chrono"
ForgetBias = float | Literal["chrono"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepGate:
    """Which gate of a cell keeps the memory.

    Attributes:
        gate: Its name.
        sign: +1 where an open gate keeps, −1 where it overwrites.
        writes: Another gate that lets the new in, if it is not the same one.
    """

    gate: str
    sign: Literal[1, -1] = 1
    writes: str | None = None

    def biases(
        self, asked: ForgetBias, rng: np.random.Generator, hidden: int, length: int
    ) -> dict[str, Doubles]:
        """Return the biases (H,) of the gates that the rule sets.

        Args:
            asked: v, or "chrono".
            rng: Where chrono's numbers come from.
            hidden: H.
            length: T.
        """
        if asked != CHRONO:
            return {self.gate: np.full(hidden, self.sign * float(asked))}  # (1)
        kept = np.log(rng.uniform(1, max(1, length - 1), hidden))  # (2)
        found: dict[str, Doubles] = {self.gate: self.sign * kept}
        if self.writes is not None:
            found[self.writes] = -kept  # (3)
        return found
