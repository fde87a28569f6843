"""The verdict on a run, so far: how far back its last loss is heard, and the word for that."""

from dataclasses import asdict, dataclass
from typing import Literal

from engine.diagnosis.span import Span

Word = Literal["vanishing", "fading", "healthy", "growing", "exploding", "not finite", "undefined"]

# log10 of the spans that part the words: vanishing under 1e-3, fading to 0.1, healthy to 10,
# growing to 1e3, exploding above.
VANISHING_UNDER = -3.0
FADING_TO = -1.0
HEALTHY_TO = 1.0
GROWING_TO = 3.0


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
