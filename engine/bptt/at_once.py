"""Stretches of the way back that need nobody between them, in one call of the compiled loops."""

from typing import TYPE_CHECKING

from engine.bptt.tape import CHUNK
from engine.bptt.weight_gradients import WeightGradients

if TYPE_CHECKING:
    from engine.bptt.backward import LayerBackward


def swept_at_once(back: "LayerBackward", bottom: int, top: int) -> int:
    """Sweep steps `top` − 1 … `bottom` back, whole stretches, as far as the loops can go.

    Args:
        back: Its row `top` set, and nothing to hand down.
        bottom: First step.
        top: Step after the last.

    Returns:
        The step after the last one that is left to do.
    """
    loops, arriving, gradients = back.tape.compiled, back.source.arriving, back.gradients
    if loops is None or not loops.sweeps_at_once:
        return top
    if not isinstance(gradients, WeightGradients) or back.span < CHUNK:
        return top
    if back.source.exponents is not None:
        return top
    window = back.window
    sound = window.suspect_low, window.suspect_high
    measures = back.adjoints, back.squares, (window.low, window.high), sound
    exponents = back.exponents.copy()
    rooms = exponents, back.row_exponents, back.norm_exponents
    sums = gradients.negligible, gradients.wanted
    kept = back.carried_rows.rooms
    reached = loops.back_through(bottom, top, arriving, measures, rooms, sums, kept)
    back.take_up(exponents)
    return reached
