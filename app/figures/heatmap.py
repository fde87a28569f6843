"""The traces of a heatmap of log10 magnitudes: its cells and the masks of special ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.figures import palette, scale
from app.figures.base import FigureOptions, FloatArray
from app.figures.picture import Part
from app.wire import finite

# Role, name on hover, pattern of every kind that is no ordinary number.
MASKS: tuple[tuple[scale.Kind, str, str, Part], ...] = (
    (scale.Kind.ZERO, "zero", "exact zero", {"shape": "/", "size": 7, "solidity": 0.18}),
    (scale.Kind.BELOW, "below", "below resolution", {"shape": ".", "size": 5, "solidity": 0.22}),
    (scale.Kind.NOT_FINITE, "nonfinite", "not finite", {"shape": "x", "size": 6, "solidity": 0.2}),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """A plane of log10 magnitudes [rows, columns], row 0 at the bottom.

    Attributes:
        z: the values.
        x: coordinates of the columns.
        y: coordinates of the rows.
        reference: log10 of what a ratio is taken to: one number, or one per column or row.
        along: which of the two the reference, and a floor, belongs to.
        floor: values at or under it are below resolution.
        undefined: cells at which no number exists.
    """

    z: FloatArray
    x: FloatArray
    y: FloatArray
    reference: FloatArray | float
    along: Literal["x", "y"] | None = None
    floor: FloatArray | None = None
    undefined: NDArray[np.bool_] | None = None

    def spread(self, numbers: FloatArray | float) -> FloatArray:
        """Shape numbers per column or row so that they broadcast against z."""
        array = np.asarray(numbers, dtype=np.float64)
        return array[:, np.newaxis] if self.along == "y" and array.ndim else array


def traces(
    cells: Cells,
    options: FigureOptions,
    *,
    hover: str,
    axes: tuple[str, str] = ("x", "y"),
    limits: tuple[float, float] | None = None,
    **more: object,
) -> list[Part]:
    """The heatmap itself and one trace for each kind of special cell.

    The masks are always there, empty where no cell is of their kind, so that the page
    can count on their places. With `limits` the scale is the figure's own and diverging,
    and z stays as it is.
    """
    low, high = limits or scale.limits(options.mode, options.range)
    floor = None if cells.floor is None else cells.spread(cells.floor)
    found = scale.kinds(cells.z, floor=floor, undefined=cells.undefined)
    shown = cells.z
    if options.mode == "ratio" and limits is None:
        shown = scale.ratio(cells.z, cells.spread(cells.reference))
    main: Part = {
        "type": "heatmap",
        "z": shown.astype(np.float32),
        "x": cells.x,
        "y": cells.y,
        "zmin": low,
        "zmax": high,
        "colorscale": palette.colorscale("ratio" if limits else options.mode),
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": hover,
        "xaxis": axes[0],
        "yaxis": axes[1],
        "meta": {
            "role": "gradient",
            "reference": _plain(cells.reference),
            "floor": None if cells.floor is None else _plain(cells.floor),
            "along": cells.along,
            "future": cells.undefined is not None,
        },
        **more,
    }
    x_edges, y_edges = scale.edges(cells.x), scale.edges(cells.y)
    return [main, *(mask(found, *row, (x_edges, y_edges), axes) for row in MASKS)]


def mask(
    found: NDArray[np.uint8],
    kind: scale.Kind,
    role: str,
    name: str,
    pattern: Part,
    borders: tuple[FloatArray, FloatArray],
    axes: tuple[str, str],
) -> Part:
    """Rectangles over all cells of one kind, filled with that kind's pattern."""
    xs, ys = scale.outline(scale.rectangles(found == kind), *borders)
    pink = role == "nonfinite"
    ink = palette.CARD if pink else palette.HATCH_LINE
    ground = palette.NOT_FINITE if pink else palette.HATCH_BASE
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": ground,
        "fillpattern": {"fgcolor": ink, "bgcolor": ground, "fillmode": "replace", **pattern},
        "line": {"width": 0, "color": ground},
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": name,
        "name": name,
        "xaxis": axes[0],
        "yaxis": axes[1],
        "meta": {"role": role},
    }


def _plain(numbers: FloatArray | float) -> Any:  # noqa: ANN401  # a JSON value: a list or one
    """JSON for numbers that JSON may lack: their names on the wire."""
    return finite(numbers.ravel().tolist() if isinstance(numbers, np.ndarray) else float(numbers))


def colorbar(options: FigureOptions, title: str) -> Part:
    """The legend of the shared scale for figures that stand alone."""
    low, high = scale.limits(options.mode, options.range)
    values: Sequence[float] = [low, (low + high) / 2, high]
    first, middle, last = (f"10<sup>{'−' if v < 0 else ''}{abs(v):g}</sup>" for v in values)
    text = [f"≤ {first}", "1" if values[1] == 0 else middle, f"≥ {last}"]
    return {
        "title": {"text": title, "side": "right"},
        "thickness": 10,
        "outlinewidth": 0,
        "tickmode": "array",
        "tickvals": list(values),
        "ticktext": text,
    }
