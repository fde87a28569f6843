"""Stretches of the way back that need nobody between them, in one call of the compiled loops."""

from typing import TYPE_CHECKING

import numpy as np

from engine.bptt.compiled_layer import Storing
from engine.bptt.sources import DenseSource
from engine.bptt.tape import CHUNK
from engine.bptt.weight_gradients import WeightGradients

if TYPE_CHECKING:
    from engine.bptt.backward import LayerBackward


def swept_at_once(
    back: "LayerBackward", bottom: int, top: int, below: DenseSource | None
) -> int | None:
    """Sweep steps `top` − 1 … `bottom` back, whole stretches, as far as the loops can go.

    Args:
        back: Its row `top` set.
        bottom: First step.
        top: Step after the last.
        below: Takes ∂/∂x; None where nobody asks.

    Returns:
        The step after the last one that is left to do; None where the next stretch is not theirs.
    """
    loops, gradients = back.tape.compiled, back.gradients
    if loops is None or not loops.sweeps_at_once:
        return None
    if not isinstance(gradients, WeightGradients):
        return None
    if back.outweighed(bottom, top):
        return None
    window = back.window
    sound = window.suspect_low, window.suspect_high
    measures = back.adjoints, back.squares, (window.low, window.high), sound
    cuts = np.array([back.span, top], np.int32)
    rooms = back.row_exponents, back.norm_exponents
    storing = Storing(back.exponents.copy(), *rooms, cuts, longest=CHUNK)
    sums, kept = (gradients.negligible, gradients.wanted), back.carried_rows.rooms
    reached = loops.back_through(bottom, back.source, measures, storing, sums, kept, below)
    back.span = int(cuts[0])
    back.take_up(storing.exponents)
    return reached
