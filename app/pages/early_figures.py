"""The figures that a run's page opens with, so that a browser may ask before the script does."""

from dataclasses import dataclass
from urllib.parse import urlencode

from app.figures import FIGURES

# The figures of Overview; the first two bring the verdict's numbers, on phones as well.
_OVERVIEW = (
    "hidden_gradient_norm",
    "decay",
    "hidden_gradient",
    "loss_state_gradient",
    "activation_slope_histogram",
)
_ALWAYS_SEEN = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyFigure:
    """Where the script will ask for a figure, and whether it will on a phone, too."""

    address: str
    is_always_seen: bool


def early_figures(run_id: str, layer: str, losses: int) -> tuple[EarlyFigure, ...]:
    """Return the figures of the page as it opens by itself.

    Args:
        run_id: The run.
        layer: The layer it opens with.
        losses: How many losses a sequence has.
    """
    return tuple(
        EarlyFigure(
            address=f"/api/v1/runs/{run_id}/figures/{name}{_query(name, layer, losses)}",
            is_always_seen=at < _ALWAYS_SEEN,
        )
        for at, name in enumerate(_OVERVIEW)
    )


def _query(name: str, layer: str, losses: int) -> str:
    # As static/js/pages/run_figures.js has it: what is the service's own choice is not said.
    asked = {} if layer == "0" else {"layer": layer}
    if losses > 1 and "losses" in FIGURES[name].chooses:
        asked["losses"] = "last"
    return f"?{urlencode(asked)}" if asked else ""
