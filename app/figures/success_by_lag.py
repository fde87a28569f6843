"""Which share of a sweep's runs solves the task, against the lag that it needs: a line a model."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.figures import layout, palette
from app.figures.lines import LEGEND
from app.figures.picture import Part, Picture

NAME: Final = "success_by_lag"
TITLE: Final = "Success against the needed lag"
NOT_YET: Final = "No run of this sweep is over yet"
HOW_TO_READ: Final = (
    "A model that learns whatever the distance stays at 1; where its line falls, the gradient of "
    "the needed input is lost. A run solves its task where it ends within a tenth of the way from "
    "the least possible loss to the baseline. Bars: Wilson's 95 % interval of the share."
)
DASHES: Final = ("solid", "dash", "dot")

# Needed lag, share, and the ends of its interval.
Point = tuple[int, float, float, float]


def draw(models: Mapping[str, Sequence[Point]]) -> Picture:
    """Return the lines of every model, from 0 to 1."""
    parts = [_line(name, points, index) for index, (name, points) in enumerate(models.items())]
    if not parts:
        return layout.empty(TITLE, NOT_YET, figure=NAME)
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("needed lag in time steps", rangemode="tozero"),
            "yaxis": layout.axis("share that solves it", range=[-0.03, 1.03], showgrid=True),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
    )


def _line(name: str, points: Sequence[Point], index: int) -> Part:
    lags, shares, lows, highs = zip(*sorted(points), strict=True)
    color = palette.RUNS[index % len(palette.RUNS)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(lags),
        "y": list(shares),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - share for high, share in zip(highs, shares, strict=True)],
            "arrayminus": [share - low for low, share in zip(lows, shares, strict=True)],
            "thickness": 1,
        },
        "name": name,
        "line": {"width": 1.8, "color": color, "dash": DASHES[index % len(DASHES)]},
        "hovertemplate": f"{name}<br>lag %{{x}}<br>share %{{y:.2f}}<extra></extra>",
        "meta": {"role": "line"},
    }
