"""The verdict on a run, so far: how far back its last loss is heard, and the word for that."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np

from engine.arrays import Array
from engine.config import RunConfig
from engine.diagnosis.span import HEARD_LOG10, Span, measure_span
from engine.tasks import make_task

Word = Literal["vanishing", "fading", "healthy", "growing", "exploding", "not finite", "undefined"]

# log10 of the spans that part the words: vanishing under 1e-3, fading to 0.1, healthy to 10,
# growing to 1e3, exploding above.
VANISHING_UNDER = -3.0
FADING_TO = -1.0
HEALTHY_TO = 1.0
GROWING_TO = 3.0

PLAIN_DECADES = 4  # factors within 1e±4 are written out


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a frame says of the gradient along time; figures are None where not defined.

    Attributes:
        word: Word for the span. It describes and is no alarm.
        sentence: The same in a sentence, with the numbers.
        step: Training step of the frame judged (of the last finite one, where one was known).
        span: g_D / g_0 of the top layer's last_loss_gradient.
        log10_span: Its log10, which never underflows.
        decay: Factor per time step.
        reach: Time steps back at which at least a hundredth of the gradient still arrives.
        needed_lag: Time steps back that the task needs; None where that is not known.
    """

    word: Word
    sentence: str
    step: int
    span: float | None = None
    log10_span: float | None = None
    decay: float | None = None
    reach: int | None = None
    needed_lag: int | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the fields as plain values; infinities stay floats."""
        return asdict(self)


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


class Evidence(Protocol):
    """The part of a frame that a verdict reads."""

    @property
    def step(self) -> int:
        """Training step of the frame."""

    @property
    def arrays(self) -> Mapping[str, Array]:
        """Its statistics; `last_loss_gradient` is always among them."""


def diagnose(frame: Evidence, config: RunConfig, *, earlier: Verdict | None = None) -> Verdict:
    """Return what a frame says of the gradient along time.

    Args:
        frame: The frame to judge.
        config: The run's configuration.
        earlier: The verdict before. Where this frame is not finite, its figures stand beside
            the word, as those of the last finite frame.
    """
    needed, last = _task_facts(config)
    row = np.asarray(frame.arrays["last_loss_gradient"], dtype=np.float64)[-1, :last]
    span = measure_span(row)
    if span is not None:
        return Verdict(
            word=word_for(span),
            sentence=sentence_for(span, steps_back=last - 1, needed_lag=needed),
            step=frame.step,
            span=span.span,
            log10_span=span.log10_span,
            decay=span.decay,
            reach=span.reach,
            needed_lag=needed,
        )
    if np.all(row < np.inf):  # finite or zero everywhere: it is g_0 that is zero
        sentence = "Nothing arrives at the last asked state itself: there is no gradient to follow."
        return Verdict(word="undefined", sentence=sentence, step=frame.step, needed_lag=needed)
    sentence = f"At step {frame.step} the gradient is no longer finite."
    if earlier is None or earlier.span is None:
        return Verdict(word="not finite", sentence=sentence, step=frame.step, needed_lag=needed)
    before = earlier.sentence.split(" Before: ")[-1]
    return replace(earlier, word="not finite", sentence=f"{sentence} Before: {before}")


@lru_cache(maxsize=64)
def _task_facts(config: RunConfig) -> tuple[int, int]:
    """Return the needed lag and the last asked time of a run's task."""
    task = make_task(config.task, config.seed)
    return task.needed_lag, task.last_asked


def sentence_for(span: Span, *, steps_back: int, needed_lag: int | None) -> str:
    """Return what a span says, with its numbers."""
    if steps_back == 0:
        return "The answer is asked at the first time step: the gradient has no way to go."
    if span.log10_span > HEALTHY_TO:
        size = _power(span.log10_span)
        return f"{steps_back} steps back the last loss's gradient is {size} times as large."
    if span.reach >= steps_back:
        return f"At least 1 % of the last loss's gradient reaches all {steps_back} steps back."
    if span.log10_span >= HEARD_LOG10:
        share = f"{100 * span.span:.2g} % of it arrives {steps_back} steps back"
        return f"The last loss's gradient dips under 1 % {span.reach + 1} steps back, yet {share}."
    heard = f"Only the last {span.reach} of {steps_back} steps back receive"
    if span.reach == 0:
        heard = f"None of the {steps_back} steps back receives"
    needed = "." if needed_lag is None else f"; the task needs {needed_lag}."
    return f"{heard} at least 1 % of the last loss's gradient{needed}"


def _power(log10: float) -> str:
    """Return 10^log10 for reading, however large or small.

    Example:
        >>> _power(-20000.301), _power(0.5)
        ('5e-20001', '3.16')
    """
    if abs(log10) < PLAIN_DECADES:
        return f"{10**log10:.3g}"
    exponent = math.floor(log10)
    return f"{10 ** (log10 - exponent):.2g}e{exponent}"
