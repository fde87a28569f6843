"""Where on the page of a run a statistic is drawn, as an address that leads to its figure."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from app.figures import FIGURES
from app.pages.run_tabs import TAB_OF_FIGURE

# What is drawn in a figure of another name, or in several: the one that tells it best.
_DRAWN_IN: Mapping[str, str] = MappingProxyType(
    {"last_loss_gradient": "decay", "clip_factor": "clipping"}
)


def place_of(
    run_id: str, statistic: str, *, step: int | None = None, layer: int | str | None = None
) -> str:
    """Return the address of a statistic's figure, at a step and a layer where they are known.

    Example:
        >>> place_of("7", "clip_factor")
        '/runs/7?tab=training#panel-clipping'
        >>> place_of("7", "last_loss_gradient", step=50, layer=1)
        '/runs/7?step=50&layer=1#panel-decay'
    """
    figure = figure_of(statistic)
    view = {"step": step, "layer": layer, "tab": TAB_OF_FIGURE.get(figure)}
    query = urlencode({name: value for name, value in view.items() if value is not None})
    return f"/runs/{run_id}{f'?{query}' if query else ''}#panel-{figure}"


def figure_of(statistic: str) -> str:
    """Return the figure that shows a statistic; the overview's first where none does."""
    figure = _DRAWN_IN.get(statistic, statistic)
    return figure if figure in FIGURES else "hidden_gradient_norm"
