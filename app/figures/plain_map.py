"""Heatmaps of plain numbers on a fixed scale of their own: shares, slopes, activations, gates."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.figures import layout, palette, scale
from app.figures.base import FigureOptions, FloatArray, RunData, coordinates, drawn_step, plane
from app.figures.heatmap import MASKS, mask
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import pool


def plain_traces(
    z: FloatArray,
    x: FloatArray,
    y: FloatArray,
    *,
    limits: tuple[float, float],
    hover: str,
    names: Mapping[str, str],
    bar: str = "",
) -> list[Part]:
    """The cells, and over them the mask of what is not finite.

    A scale whose ends have opposite signs is diverging around its middle, else sequential.

    Args:
        z: the values [rows, columns], row 0 at the bottom.
        x: coordinates of the columns.
        y: coordinates of the rows.
        limits: ends of the colour scale, for the figure's whole life.
        hover: Plotly's template.
        names: what x, y and z are called in a sentence.
        bar: title of the colour bar.
    """
    low, high = limits
    cells: Part = {
        "type": "heatmap",
        "z": z.astype(np.float32),
        "x": x,
        "y": y,
        "zmin": low,
        "zmax": high,
        "colorscale": palette.colorscale("ratio" if low < 0 else "magnitude"),
        "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5, "title": {"text": bar}},
        "hoverongaps": False,
        "hovertemplate": hover,
        "meta": {"role": "plain", "names": dict(names)},
    }
    found = np.where(np.isfinite(z), scale.Kind.FINITE, scale.Kind.NOT_FINITE).astype(np.uint8)
    row = next(one for one in MASKS if one[0] is scale.Kind.NOT_FINITE)
    return [cells, mask(found, *row, (scale.edges(x), scale.edges(y)), ("x", "y"))]


def units_over_time(
    run: RunData,
    options: FigureOptions,
    *,
    name: str,
    title: str,
    limits: tuple[float, float],
    words: str,
    gates: Sequence[str] = (),
) -> Picture:
    """Unit × time step of one frame of a plain statistic, units in the network's order."""
    values = plane(run, name, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, name, title)
    if gates:
        values = values[0]
    times, units = coordinates(run, name, "time"), coordinates(run, name, "unit")
    z, units, rows = pool(values.T, units, 0, signed=True)
    z, shown, columns = pool(z, times, 1, signed=True)
    block = max(rows, columns)
    low, high = limits
    over = "" if np.all((z >= low) & (z <= high)) else ", ends clamped"
    return layout.figure(
        plain_traces(
            z,
            shown,
            units,
            limits=limits,
            hover=f"t = %{{x}}<br>unit %{{y}}<br>{words} %{{z:.3f}}<extra></extra>",
            names={"x": "t", "y": "unit", "z": words},
            bar=words + over,
        ),
        {
            "xaxis": layout.axis("time step t", **layout.time_ticks(int(times[-1]))),
            "yaxis": layout.axis("unit", **layout.no_parts(units.size)),
            "annotations": layout.pooled_note(block),
        },
        title=title,
        figure=name,
        step=drawn_step(run, name, options.step),
        pooled=block,
        has_bar=True,
        gate=gates[0] if gates else None,
    )
