"""Words and sentences for a span."""

import math
from typing import Literal

from engine.diagnosis.span import HEARD_LOG10, Span
from engine.diagnosis.thresholds import EXPLODING_SPAN, VANISHING_SPAN

Word = Literal["vanishing", "fading", "healthy", "growing", "exploding", "not finite", "undefined"]

# log10 of the spans that part the words: vanishing under 1e-3, fading to 0.1, healthy to 10,
# growing to 1e3, exploding above. The words of the ends are those of the kinds.
VANISHING_UNDER = math.log10(VANISHING_SPAN)
FADING_TO = -1.0
HEALTHY_TO = 1.0
GROWING_TO = math.log10(EXPLODING_SPAN)

PLAIN_DECADES = 4  # factors within 1e±4 are written out


def word_for(span: Span) -> Word:
    """Return the word for a span."""
    steps: tuple[tuple[float, Word], ...] = (
        (FADING_TO, "fading"),
        (HEALTHY_TO, "healthy"),
        (GROWING_TO, "growing"),
    )
    if span.log10_span < VANISHING_UNDER:
        return "vanishing"
    return next((word for bound, word in steps if span.log10_span <= bound), "exploding")


def sentence_for(
    span: Span, *, steps_back: int, needed_lag: int | None, first_heard: int = 1
) -> str:
    """Return what a span says, with its numbers.

    Args:
        span: Of the last loss's gradient.
        steps_back: D.
        needed_lag: Steps back that the task needs; None where that is not known.
        first_heard: Time step at which that gradient ends; above 1 where truncation cuts it.
    """
    if steps_back == 0 and first_heard > 1:
        return (
            f"Truncation cuts the way back right before time step {first_heard}, at which the last "
            "answer is asked: the gradient has no way to go."
        )
    if steps_back == 0:
        return "The answer is asked at the first time step: the gradient has no way to go."
    if span.log10_span > HEALTHY_TO:
        size = power_of_ten(span.log10_span)
        return f"{steps_back} steps back the last loss's gradient is {size} times as large."
    if span.reach >= steps_back:
        return f"At least 1 % of the last loss's gradient reaches all {steps_back} steps back."
    if span.log10_span >= HEARD_LOG10:
        share = f"{100 * span.span:.2g} % of it arrives {steps_back} steps back"
        return f"The last loss's gradient dips under 1 % {span.reach + 1} steps back, yet {share}."
    heard = f"Only the last {span.reach} of {steps_back} steps back receive"
    if span.reach == 1:
        heard = f"Only the last of {steps_back} steps back receives"
    if span.reach == 0:
        heard = f"None of the {steps_back} steps back receives"
    needed = "." if needed_lag is None else f"; the task needs {needed_lag}."
    return f"{heard} at least 1 % of the last loss's gradient{needed}"


def power_of_ten(log10: float) -> str:
    """Return 10^log10 for reading, however large or small.

    Example:
        >>> power_of_ten(-20000.301), power_of_ten(0.5), power_of_ten(float("-inf"))
        ('5e-20001', '3.16', '0')
    """
    if not math.isfinite(log10):
        return "0" if log10 < 0 else str(log10)
    if abs(log10) < PLAIN_DECADES:
        return f"{10**log10:.3g}"
    exponent = math.floor(log10)
    return f"{10 ** (log10 - exponent):.2g}e{exponent}"
