"""Axes, ticks and notes that the figures share."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.figures import palette
from app.figures.picture import Part, Picture

FONT = '"Inter var", Inter, system-ui, sans-serif'
AXIS_SIZE = 11
# Nearer to 1 than so many decades a plain number reads better than a power of ten.
PLAIN_DECADES = 3.0
# What Plotly makes of the name "none".
NO_TEMPLATE = {"data": {"scatter": [{"type": "scatter"}]}}


def figure(
    traces: Sequence[Any],
    layout: Mapping[str, Any],
    *,
    title: str,
    **meta: object,
) -> Picture:
    """Put traces and layout together in Gradtide's plain style.

    The template is Plotly's empty one, and `meta` travels to the page as `layout.meta`.
    """
    base: Part = {
        "template": NO_TEMPLATE,
        "title": {"text": title, "x": 0.01, "font": {"size": 14, "color": palette.TEXT}},
        "font": {"family": FONT, "size": AXIS_SIZE, "color": palette.MUTED},
        "paper_bgcolor": palette.CARD,
        "plot_bgcolor": palette.CARD,
        "margin": {"l": 52, "r": 14, "t": 44, "b": 42},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "uirevision": title,
        "meta": meta,
    }
    whole = {name: part for name, part in {**base, **layout}.items() if part != []}
    return Picture(list(traces), whole)


def axis(title: str, **more: object) -> Part:
    """One axis: thin line, outside ticks, title in the axis size."""
    return {
        "title": {"text": title, "font": {"size": AXIS_SIZE}, "standoff": 4},
        "tickfont": {"size": AXIS_SIZE},
        "linecolor": palette.LINE,
        "gridcolor": palette.LINE,
        "gridwidth": 1,
        "zeroline": False,
        "showline": True,
        "showgrid": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": palette.LINE,
        "automargin": False,
        **more,
    }


def literal(text: str) -> str:
    """Text from outside as Plotly draws it unchanged: it reads a small HTML everywhere.

    Example:
        >>> literal("<b>a</b> & b")
        '&lt;b&gt;a&lt;/b&gt; &amp; b'
    """
    return html.escape(text, quote=False)


def shortened(text: str, most: int) -> str:
    """What `literal` made, cut to so many letters as they are seen."""
    seen = html.unescape(text)
    return text if len(seen) <= most else literal(f"{seen[: most - 1]}…")


def power(exponent: float) -> str:
    """10 to a power in Plotly's small HTML, 1 for the zeroth."""
    rounded = round(exponent, 1)
    if rounded == 0:
        return "1"
    digits = f"{abs(rounded):g}"
    return f"10<sup>{'−' if rounded < 0 else ''}{digits}</sup>"


def plain_power(log10: float) -> str | None:
    """10 to a power as a plain number of two digits, where that reads well; else None.

    Example:
        >>> plain_power(-1.5), plain_power(1.999), plain_power(2.5), plain_power(-4)
        ('0.032', '100', '316', None)
    """
    if abs(log10) >= PLAIN_DECADES:
        return None
    digits = f"{10**log10:.2g}"
    return f"{10**log10:.0f}" if "e" in digits else digits  # from 99.5 on


def power_ticks(low: float, high: float, most: int = 6) -> Part:
    """Ticks at whole powers of ten for an axis that carries log10 itself."""
    width = max(high - low, 1.0)
    stride = next((s for s in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500) if width / s <= most), 1000)
    values = [e * stride for e in range(math.ceil(low / stride), math.floor(high / stride) + 1)]
    return {"tickmode": "array", "tickvals": values, "ticktext": [power(v) for v in values]}


def round_ticks(low: float, high: float, most: int = 3) -> Part:
    """Ticks at 1 and 3 times powers of ten for a true log axis, thinned to a few."""
    if not (0 < low <= high):
        return {}
    whole = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    fine = [m * 10.0**e for e in whole for m in (1, 3)]
    values = [v for v in fine if low * 0.9 <= v <= high * 1.1]
    if len(values) > most:
        tens = [v for v in values if math.isclose(math.log10(v) % 1.0, 0.0, abs_tol=1e-9)]
        values = tens[:: -(-len(tens) // most)] if tens else values[:most]
    if len(values) < 2:
        values = _even(low, high, most) or values
    return {"tickmode": "array", "tickvals": values, "ticktext": [amount(v) for v in values]}


def amount(value: float) -> str:
    """A positive number as an axis says it: plain where it is short, else with a power of ten.

    Example:
        >>> amount(0.3), amount(9.99e8), amount(5e7)
        ('0.3', '10<sup>9</sup>', '5·10<sup>7</sup>')
    """
    if 1e-3 <= value < 1e4:
        return f"{value:.6g}"
    digits, _, exponent = f"{value:.1e}".partition("e")
    lead = digits.removesuffix(".0")
    return power(int(exponent)) if lead == "1" else f"{lead}·{power(int(exponent))}"


def apart(ticks: Part, least: float) -> Part:
    """Leave out ticks of a log axis that lie closer to the one above than so many decades."""
    pairs = zip(ticks.get("tickvals", ()), ticks.get("ticktext", ()), strict=True)
    kept: list[tuple[float, str]] = []
    for value, text in sorted(pairs, reverse=True):
        if not kept or math.log10(kept[-1][0] / value) >= least:
            kept.append((value, text))
    kept.reverse()
    return (
        {**ticks, "tickvals": [v for v, _ in kept], "ticktext": [t for _, t in kept]}
        if kept
        else ticks
    )


def _even(low: float, high: float, most: int) -> list[float]:
    """At least two round numbers from low to high at even distances; none where they are equal."""
    if high - low < low * 1e-5:
        return []
    largest = math.floor(math.log10(high - low))
    for stride in (m * 10.0**e for e in (largest, largest - 1) for m in (5, 2, 1)):
        count = range(math.ceil(low / stride), math.floor(high / stride) + 1)
        if len(count) >= 2:
            return [round(n * stride, 12) for n in count][: max(most, 2)]
    return []


def no_parts(end: int, most: int = 6) -> Part:
    """Ticks at whole steps on an axis so short that Plotly would divide them."""
    return {"dtick": 1} if end <= most else {}


# A round step nearer to the last one than this share of a stride would touch its number.
CLOSE = 0.7


def step_ticks(end: float, most: int = 6) -> Part:
    """Whole training steps at round numbers from 0, and the last one."""
    last = max(int(end), 0)
    rough = max(last / most, 1.0)
    scale = 10 ** math.floor(math.log10(rough))
    stride = int(next(m * scale for m in (1, 2, 2.5, 5, 10) if int(m * scale) >= rough))
    inner = [v for v in range(0, last, stride) if last - v > CLOSE * stride]
    return {"tickmode": "array", "tickvals": [*inner, last]}


def time_ticks(length: int, most: int = 4) -> Part:
    """Ticks at 1, at round times and at the end of the sequence."""
    if length <= 1:
        return {"tickmode": "array", "tickvals": [1]}
    rough = length / most
    scale = 10 ** math.floor(math.log10(rough))
    stride = max(1, int(next(m * scale for m in (1, 2, 2.5, 5, 10) if m * scale >= rough)))
    inner = [v for v in range(stride, length + 1, stride) if v > stride // 2]
    if length - inner[-1] > stride // 2:
        inner.append(length)
    return {"tickmode": "array", "tickvals": sorted({1, *inner})}


def note(text: str, x: float, y: float, *, name: str = "caption", **more: object) -> Part:
    """A quiet line of text inside the plot."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "name": name,
        "showarrow": False,
        "font": {"size": AXIS_SIZE, "color": palette.MUTED},
        **more,
    }


def pooled_note(block: int) -> list[Part]:
    """Say over the plot that a cell holds the largest of several; nothing where it holds one."""
    if block <= 1:
        return []
    where = {"xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
    return [note(f"largest of {block} in each cell", 1, 1, name="pooled", **where)]


def empty(title: str, sentence: str, **meta: object) -> Picture:
    """A figure that says in words why there is nothing to draw."""
    blank = {"visible": False}
    where = {"xref": "paper", "yref": "paper"}
    return figure(
        [],
        {"xaxis": blank, "yaxis": blank, "annotations": [note(sentence, 0.5, 0.5, **where)]},
        title=title,
        empty=True,
        **meta,
    )
