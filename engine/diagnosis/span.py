"""Span, decay and reach of a gradient along time.

Definition: g_d = mean ‖dℓ_τ/dh_{τ−d}‖ of the top layer, τ the last time at which anything is
    asked, D = τ − 1, or the distance to the wall of a truncation.  span = g_D / g_0;  decay =
    span^(1/D) per step;  reach = the largest d ≤ D with g_d′ ≥ 0.01 g_0 for all d′ ≤ d.  D = 0:
    span and decay are 1, reach is 0.  None of them is defined where g_0 is zero or not finite.
Exact cases: g_d = ρ^d: span ρ^D, decay ρ, test_span_of_a_geometric_decay.
Source: definition.
"""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array

HEARD_LOG10 = -2.0  # a state counts as reached while a hundredth of the gradient arrives there
ROUNDING = 4 * float(np.finfo(np.float32).eps)  # frames are float32: a tie is not lost to it


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """How a gradient changes from the last asked time step back to the first.

    Attributes:
        log10_span: log10 of span; −inf where nothing arrives.
        span: g_D / g_0; inf or 0 where that is beyond float64 (log10_span is not).
        decay: Factor per step.
        reach: Number of steps back at which at least a hundredth still arrives.
    """

    log10_span: float
    span: float
    decay: float
    reach: int


def measure_span(log10_row: Array) -> Span | None:
    """Return span, decay and reach, or None where they are not defined.

    Args:
        log10_row: log10 of g for state times τ − D … τ, [D + 1]; the last entry is g_0.
    """
    back = np.asarray(log10_row, dtype=np.float64)[::-1]
    if not np.isfinite(back[0]) or not np.all(back < np.inf):
        return None
    distance = back.size - 1
    log10_span = float(back[-1] - back[0])
    with np.errstate(over="ignore"):
        span = float(np.power(10.0, log10_span))
        decay = float(np.power(10.0, log10_span / distance)) if distance else 1.0
    tolerance = ROUNDING * np.maximum(np.abs(back), abs(back[0]))
    heard = back >= back[0] + HEARD_LOG10 - np.where(np.isfinite(back), tolerance, 0.0)
    reach = distance if heard.all() else int(np.argmin(heard)) - 1
    return Span(log10_span=log10_span, span=span, decay=decay, reach=reach)
