"""A verdict as pages show it: one word with its glyph, and the span as a power of ten.

The list, the page of a run and the comparison word a verdict here and nowhere else; its twin for
what arrives while one looks is `static/js/plots/verdicts.js`, held to it by the vectors of both.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.figures.layout import plain_power
from app.runs import RunStatus

_POWER = re.compile(r"\b(\d(?:\.\d+)?)e([+-]?\d+)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanWord:
    """A word of SCIENCE's scale with what stands for it beside the word."""

    title: str
    glyph: str
    style: str
    meaning: str


SPAN_WORDS: Mapping[str, SpanWord] = MappingProxyType(
    {
        "vanishing": SpanWord(
            title="Vanishing",
            glyph="▼",
            style="vanishing",
            meaning="under 0.001 of the last step's gradient reaches the first step",
        ),
        "fading": SpanWord(
            title="Fading",
            glyph="▽",
            style="fading",
            meaning="0.001 to 0.1 of the last step's gradient reaches the first step",
        ),
        "healthy": SpanWord(
            title="Healthy",
            glyph="●",
            style="healthy",
            meaning="0.1 to 10 times the last step's gradient reaches the first step",
        ),
        "growing": SpanWord(
            title="Growing",
            glyph="△",
            style="growing",
            meaning="10 to 1000 times the last step's gradient reaches the first step",
        ),
        "exploding": SpanWord(
            title="Exploding",
            glyph="▲",
            style="exploding",
            meaning="over 1000 times the last step's gradient reaches the first step",
        ),
        "not finite": SpanWord(
            title="Not finite",
            glyph="✕",
            style="not-finite",
            meaning="the gradient is infinite or not a number",
        ),
    }
)

TROUBLE_GLYPH = "◆"
UNDEFINED = SpanWord(
    title="Undefined",
    glyph="\N{EN DASH}",
    style="undefined",
    meaning="nothing arrives at the last asked state itself",
)
# The loss itself is lost: what the last finite frame showed is no news beside it.
DIVERGED = SpanWord(
    title="Diverged",
    glyph="✕",
    style="not-finite",
    meaning="the loss is no longer finite",
)
MOST_SAID = 2  # findings beside the span in the line under a verdict's word


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A number as text, with an exponent of ten where it is better told so."""

    text: str
    exponent: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownVerdict:
    """A verdict for a row or a tile; `troubles` names the kinds that the word does not say."""

    word: SpanWord
    span: Quantity | None
    sentence: str
    troubles: str = ""
    step: int = 0


def shown_verdict(verdict: Mapping[str, Any] | None) -> ShownVerdict | None:
    """Return how a stored verdict is shown, or None where there is none."""
    if verdict is None:
        return None
    word = headline(verdict)
    log10_span = verdict.get("log10_span")
    kinds = [kind_words(str(kind)) for kind in verdict.get("kinds", ())]
    if word is DIVERGED:
        log10_span, kinds = None, []
    return ShownVerdict(
        word=word,
        span=quantity_of_log10(log10_span) if isinstance(log10_span, int | float) else None,
        sentence=line_of(verdict),
        troubles=", ".join(kind for kind in kinds if kind not in ("Healthy", word.title)),
        step=int(verdict.get("step") or 0),
    )


def no_verdict(status: str) -> str:
    """Say of a run without a verdict when it gets one, or that it gets none."""
    if RunStatus(status).is_terminal:
        return "The run ended before its first frame."
    if status == RunStatus.PAUSED:
        return "The first frame brings the verdict, once the run goes on."
    return "The first frame brings the verdict."


def headline(verdict: Mapping[str, Any]) -> SpanWord:
    """Return the word over a verdict: what is wrong with the gradient, or that nothing is.

    The word for the span describes and is no alarm. Where no kind holds the card says Healthy,
    whatever the span; where one holds it never says so.

    >>> headline({"word": "fading", "kinds": ["healthy"]}).title
    'Healthy'
    >>> headline({"word": "healthy", "kinds": ["not_learning"]}).title
    'Not learning'
    """
    word, kinds = str(verdict.get("word")), [str(kind) for kind in verdict.get("kinds", ())]
    if "diverged" in kinds:
        return DIVERGED
    if word not in SPAN_WORDS:
        return UNDEFINED
    if word == "not finite" or not kinds:
        return SPAN_WORDS[word]
    if kinds == ["healthy"]:
        return SPAN_WORDS["healthy"]
    of_the_gradient = next((kind for kind in kinds if kind in SPAN_WORDS), None)
    if of_the_gradient is not None:
        return SPAN_WORDS[of_the_gradient]
    if word != "healthy":
        return SPAN_WORDS[word]
    return SpanWord(
        title=kind_words(kinds[0]),
        glyph=TROUBLE_GLYPH,
        style="trouble",
        meaning="the gradient arrives; what is wrong is something else",
    )


def line_of(verdict: Mapping[str, Any]) -> str:
    """Return what stands under a verdict's word: the reason for it, whatever number it goes by.

    The verdict's own sentence is of the span. A finding that rests on something else (spikes,
    the loss, units) is said with it, before it where the word comes from there.

    >>> line_of({"word": "fading", "kinds": ["healthy"], "sentence": "1 % arrives."})
    '1 % arrives. Fading is how it changes with distance; no fault was found.'
    """
    of_the_span = str(verdict.get("sentence") or "")
    findings: Sequence[Mapping[str, Any]] = verdict.get("findings") or ()
    if "diverged" in verdict.get("kinds", ()):
        findings = [found for found in findings if found["kind"] == "diverged"]
    others = [found for found in findings if not _rests_on_the_span(found)]
    said = [
        f"{kind_words(found['kind'])}: {found['sentence'][:1].lower()}{found['sentence'][1:]}"
        for found in others[:MOST_SAID]
    ]
    span_leads = not others or findings[0] is not others[0]
    remark = _no_alarm(str(verdict.get("word")), list(verdict.get("kinds", ())))
    parts = [of_the_span, *said, remark] if span_leads else [*said, of_the_span, remark]
    return " ".join(part for part in parts if part)


def _rests_on_the_span(finding: Mapping[str, Any]) -> bool:
    evidence = finding["evidence"]
    from_row = bool(evidence) and evidence[0]["statistic"] == "last_loss_gradient"
    return from_row and finding["kind"] in SPAN_WORDS


def _no_alarm(word: str, kinds: Sequence[str]) -> str:
    """Say why a run is called healthy although the word for its span is another."""
    if list(kinds) != ["healthy"] or word not in ("vanishing", "fading", "growing"):
        return ""
    if word == "vanishing":
        return "Little reaches the first step, but enough reaches as far as the task needs."
    return f"{SPAN_WORDS[word].title} is how it changes with distance; no fault was found."


def capital(words: str) -> str:
    """Begin with a capital, and leave the rest as it is.

    >>> capital("skips through time"), capital("ReLU and the identity matrix")
    ('Skips through time', 'ReLU and the identity matrix')
    """
    return words[:1].upper() + words[1:]


def kind_words(kind: str) -> str:
    """Return a kind of trouble as pages write it.

    >>> kind_words("not_learning")
    'Not learning'
    """
    return capital(kind.replace("_", " "))


def told(sentence: str) -> list[Quantity]:
    """Return a sentence in parts, its powers of ten written as the numbers beside it are.

    >>> [part.text + part.exponent for part in told("Only 1.3e-28 is left.")]
    ['Only ', '10−27.9', ' is left.']
    """
    parts, end = [], 0
    for found in _POWER.finditer(sentence):
        mantissa, exponent = found.groups()
        parts.append(Quantity(text=sentence[end : found.start()]))
        parts.append(quantity_of_log10(math.log10(float(mantissa)) + int(exponent)))
        end = found.end()
    return [*parts, Quantity(text=sentence[end:])]


def quantity_of_log10(log10: float) -> Quantity:
    """Write ten to the power of `log10` with two significant digits.

    >>> quantity_of_log10(-11.42)
    Quantity(text='10', exponent='−11.4')
    >>> quantity_of_log10(-1.5).text
    '0.032'
    """
    if math.isnan(log10):
        return Quantity(text="NaN")
    if math.isinf(log10):
        return Quantity(text="∞" if log10 > 0 else "0")
    if plain := plain_power(log10):
        return Quantity(text=plain)
    return Quantity(text="10", exponent=signed(log10, digits=1))


def signed(value: float, *, digits: int) -> str:
    """Write a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def plain_number(value: float | None) -> str:
    """Write a loss or the like with three significant digits; a power of ten only where needed.

    >>> plain_number(0.16734), plain_number(1.2e-7), plain_number(float("inf"))
    ('0.167', '1.2e−7', '∞')
    """
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.3g}"
    if "e" in text:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")
