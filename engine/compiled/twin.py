"""What a compiled twin of a cell is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled import arrivals, counts, near_one, norms, stretches, weight_gradients
from engine.compiled.arguments import Arrived, Matrices, Pair, Stretches
from engine.compiled.products import ADDRESSES


@dataclass(frozen=True, kw_only=True, slots=True)
class Twin:
    """Loops over time for one cell, in the memory of its layer.

    Attributes:
        tape, deltas: The cell's blocks, which the loops count on.
        activation: The cell's φ, which the loops count on.
        forward: (address of ?gemm, weights of every product, inputs, tape, bounds, saturated): all
            T steps; how many of the candidate's φ lie beyond the bounds goes to `saturated` (T,),
            and nothing is counted where it is (0,).
        back: (address, Wᵀ of every product's states, inputs, tape, deltas, adjoints,
            `Arrived`, start, stop, `Stretches` or None, see arguments.py): steps stop − 1 … start,
            with the norms and the gradients of stretches where there are `Stretches`; returns the
            row where it ended.
        stack: (address, Wᵀ as for `back`, slopes (T, n·H, B), adjoints (M, n·H, B), deltas
            (M, n·H, B), squares (M, T+1, B) of 0, starts (M,), stop): row m of a stack from state
            row `starts[m]` to λ at `stop` − 1, with the squared norms of λ down to `stop`; None
            where only NumPy does it.
        add_gradients, add_members: See weight_gradients.py.
        hand_down: See stretches.py.
        settle: See arrivals.py.
        squared_norms, count, shares_outside: See norms.py and counts.py.
        bring_near_one, bring_both_near_one, norms_stay: See near_one.py.
        gemm: Address of each type's matrix product.
    """

    tape: tuple[str, ...]
    deltas: tuple[str, ...]
    activation: str
    forward: Callable[[int, Matrices, Array, Array, Pair, Array], None]
    back: Callable[
        [
            int, Matrices, Array, Array, Array, Array, Arrived, int, int, Stretches | None,
        ],
        int,
    ]  # fmt: skip
    stack: Callable[[int, Matrices, Array, Array, Array, Array, IntArray, int], None] | None = None
    add_gradients: Callable[
        [int, Array, int, int, Array, int, Array, float, Array, Array], None
    ] = weight_gradients.add
    add_members: Callable[[Array, int, int, Array, int, Array, Array], None] = (
        weight_gradients.add_members
    )
    bring_near_one: Callable[[Array, float, float, int, IntArray, IntArray], bool] = (
        near_one.bring_near_one
    )
    bring_both_near_one: Callable[[Array, Array, Array, Pair, IntArray, IntArray], bool] = (
        near_one.bring_both_near_one
    )
    norms_stay: Callable[[Array, int, int, Pair, Pair], tuple[bool, bool]] = near_one.norms_stay
    hand_down: Callable[[int, Array, int, Matrices, tuple[int, ...], Array], None] = (
        stretches.hand_down
    )
    settle: Callable[
        [
            int, bool, Array, Array, Arrived, IntArray, Array, IntArray
        ],
        None,
    ] = arrivals.settle  # fmt: skip
    squared_norms: Callable[[Array, Array], tuple[float, float]] = norms.squared_norms
    count: Callable[[Array, float, Array], None] = counts.count
    shares_outside: Callable[[Array, int, int, float, float, Array], None] = counts.shares_outside
    gemm: Mapping[np.dtype[Any], int] = field(default_factory=lambda: ADDRESSES)
