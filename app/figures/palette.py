"""Colours of the figures in the light theme; the page replaces them by those of its own.

A trace says what it is in `meta["role"]`, shapes and annotations in `name`; the page
looks colours up by that word (static/js/plots/theme.js), so a figure needs no theme.
"""

from app.figures.base import Mode

# Crameri's vik (MIT): perceptually ordered, safe for the colour-blind, pale in the middle.
VIK = (
    "#001261", "#023376", "#06548b", "#307da6", "#71a8c4", "#b3d1df", "#ece5e0",
    "#e4bfaa", "#d39774", "#c37243", "#ab4814", "#7e1d06", "#590008",
)  # fmt: skip
CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74",
    "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip

TEXT = "#17202b"
MUTED = "#566272"
LINE = "#dfe3e8"
CARD = "#ffffff"
VANISHING = "#2a6f9e"
EXPLODING = "#b45a22"
HEALTHY = "#1f7a4d"
NOT_FINITE = "#e3178a"
HATCH_BASE = "#eef1f4"
HATCH_LINE = "#8d98a6"
BARS = "#b9b3ad"
RUNS = ("#2a6f9e", "#b45a22", "#1f7a4d", "#7a4fa3", "#a8862b", "#4c5663", "#b3261e", "#2f8f8f")


def colorscale(mode: Mode) -> list[list[float | str]]:
    """Plotly's form of the map of a mode: diverging for ratios, sequential for magnitudes."""
    anchors = VIK if mode == "ratio" else CIVIDIS
    last = len(anchors) - 1
    return [[round(i / last, 6), color] for i, color in enumerate(anchors)]
