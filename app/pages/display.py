"""What an address says of the view, as far as it stands in the page before any script runs.

The script of a page reads the same words (`static/js/state/url_state.js`). The server reads them,
too, so that nothing has to move once it runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from app.figures.base import Decades, Mode
from app.figures.scale import limits
from app.pages.verdicts import signed

DECADES: tuple[Decades, ...] = get_args(Decades)
START: Decades = 8
TICKS = 5  # of the legend, its ends among them


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A number under the legend: a power of ten, and at the ends that all beyond is drawn alike."""

    sign: str
    exponent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DisplayBar:
    """Colour mode, range and the legend that all heatmaps of a page share."""

    mode: Mode
    range: Decades
    ticks: tuple[Tick, ...]


def display_bar(query: Mapping[str, str]) -> DisplayBar:
    """Return the display bar of an address; what it does not know there is as if unsaid.

    Example:
        >>> bar = display_bar({"mode": "magnitude", "range": "4"})
        >>> [tick.sign + tick.exponent for tick in bar.ticks]
        ['≤ −6', '−4', '−2', '', '≥ 2']
    """
    mode: Mode = "magnitude" if query.get("mode") == "magnitude" else "ratio"
    wanted = query.get("range")
    decades = next((one for one in DECADES if str(one) == wanted), START)
    low, high = limits(mode, decades)
    exponents = [low + i * (high - low) / (TICKS - 1) for i in range(TICKS)]
    signs = ("≤ ", *("" for _ in exponents[2:]), "≥ ")
    return DisplayBar(
        mode=mode,
        range=decades,
        ticks=tuple(
            Tick(sign=sign, exponent=signed(exponent, digits=0) if exponent else "")
            for sign, exponent in zip(signs, exponents, strict=True)
        ),
    )
