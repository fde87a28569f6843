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
    "the least possible loss to the baseline. Where all runs need one lag, a row is a model. Bars: "
    "Wilson's 95 % interval of the share."
)
DASHES: Final = ("solid", "dash", "dot")
SHARES: Final = (-0.03, 1.03)
MOST_NAMES: Final = 12  # so many rows have room for their names

# Needed lag, share, and the ends of its interval.
Point = tuple[int, float, float, float]


def draw(models: Mapping[str, Sequence[Point]]) -> Picture:
    """Return the lines of every model, from 0 to 1; where all need one lag, a row for each."""
    models = {layout.literal(name): points for name, points in models.items()}
    lags = {lag for points in models.values() for lag, *_ in points}
    if len(models) > 1 and len(lags) == 1:
        return _rows(models, lags.pop())
    parts = [_line(name, points, index) for index, (name, points) in enumerate(models.items())]
    if not parts:
        return layout.empty(TITLE, NOT_YET, figure=NAME)
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("needed lag in time steps", rangemode="tozero"),
            "yaxis": layout.axis("share that solves it", range=SHARES, showgrid=True),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
    )


def _rows(models: Mapping[str, Sequence[Point]], lag: int) -> Picture:
    """Return the share of every model, the first at the top: there is no distance to compare."""
    shares = [points[0] for points in models.values()]
    every = -(-len(models) // MOST_NAMES)
    heading, names = short_names(list(models))
    part: Part = {
        "type": "scatter",
        "mode": "markers",
        "x": [share for _, share, _, _ in shares],
        "y": list(range(len(models))),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - share for _, share, _, high in shares],
            "arrayminus": [share - low for _, share, low, _ in shares],
            "thickness": 1,
        },
        "marker": {"color": palette.RUNS[0], "size": 7},
        "text": list(models),
        "hovertemplate": "%{text}<br>share %{x:.2f}<extra></extra>",
        "meta": {"role": "rows"},
    }
    return layout.figure(
        [part],
        {
            "xaxis": layout.axis(
                f"share that solves it, needed lag {lag}", range=SHARES, showgrid=True
            ),
            "yaxis": layout.axis(
                heading,
                range=[len(models) - 0.5, -0.5],
                tickmode="array",
                tickvals=list(range(0, len(models), every)),
                ticktext=names[::every],
            ),
        },
        title=TITLE,
        figure=NAME,
    )


def short_names(names: Sequence[str]) -> tuple[str, list[str]]:
    """Return what all names say, and of each what it alone says.

    Example:
        >>> short_names(["activation relu, learning rate 0.1", "activation tanh, learning rate 1"])
        ('activation, learning rate', ['relu, 0.1', 'tanh, 1'])
    """
    parts = [[part.split() for part in name.split(", ")] for name in names]
    if len({len(each) for each in parts}) > 1:
        return "", list(names)
    columns = [column for column in zip(*parts, strict=True) if len(set(map(tuple, column))) > 1]
    shared = [_alike(column) for column in columns]
    left = [
        [column[i][same:] for column, same in zip(columns, shared, strict=True)]
        for i in range(len(names))
    ]
    if not all(all(each) for each in left):
        return "", list(names)
    said = [column[0][:same] for column, same in zip(columns, shared, strict=True)]
    return _joined(said), [_joined(each) for each in left]


def _alike(column: Sequence[Sequence[str]]) -> int:
    """How many words all of them begin with."""
    pairs = enumerate(zip(*column, strict=False))
    return next((at for at, words in pairs if len(set(words)) > 1), min(map(len, column)))


def _joined(parts: Sequence[Sequence[str]]) -> str:
    return ", ".join(" ".join(part) for part in parts if part)


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
        "hovertemplate": "%{fullData.name}<br>lag %{x}<br>share %{y:.2f}<extra></extra>",
        "meta": {"role": "line"},
    }
