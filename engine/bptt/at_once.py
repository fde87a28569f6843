"""Stretches of the way back that need nobody between them, in one call of the compiled loops."""

from typing import TYPE_CHECKING

from engine.bptt.tape import CHUNK
from engine.bptt.weight_gradients import WeightGradients

if TYPE_CHECKING:
    from engine.bptt.backward import LayerBackward


def swept_at_once(back: "LayerBackward", bottom: int, top: int) -> int:
    """Sweep steps `top` − 1 … `bottom` back, whole stretches, as far as all norms are ordinary.

    Args:
        back: Without exponents, its row `top` set, and nothing to hand down.
        bottom: First step.
        top: Step after the last.

    Returns:
        The step after the last one that is left to do.
    """
    loops, arriving = back.tape.compiled, back.source.arriving
    plain = isinstance(back.gradients, WeightGradients) and back.gradients.wanted
    if loops is None or arriving is None or not plain:
        return top
    if back.carried_rows.kept or back.span < CHUNK:
        return top
    window = back.window.low, back.window.high
    reached = loops.back_through(bottom, top, arriving, back.adjoints, back.squares, window)
    for exponents in (back.row_exponents, back.norm_exponents, back.arrivals.exponents):
        exponents[reached:top] = 0
    return reached
