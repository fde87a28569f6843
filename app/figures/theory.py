"""What the recurrent weights alone say of a gradient: a radius, and a bound where there is one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import engine
from app.figures.base import RunData, plane, top_layer

# A bound that is 1 but for rounding lets a gradient through whole.
ROUNDING = 1e-9


def theory(run: RunData, step: int | None) -> dict[str, Any]:
    """What the top layer's weights say, where it is known.

    Returns:
        `spectral_radius` and `largest_singular_value` of the widest gate, and its name as `gate`
        where there are several; `bound`, β with ‖J_t‖₂ ≤ β whatever the inputs; `is_one_path`,
        whether all that goes back is multiplied by W, so that the radius says something of it.
    """
    found: dict[str, Any] = {
        "spectral_radius": None,
        "largest_singular_value": None,
        "gate": None,
        "bound": None,
        "is_one_path": False,
    }
    values = plane(run, "weight_geometry", step=step, layer=top_layer(run))
    if values is None:
        return found
    slice_ = run.slices["weight_geometry"]
    names = list(slice_.coords["quantity"])
    radii, singular = (
        values[:, names.index(name)] for name in ("spectral_radius", "largest_singular_value")
    )
    if not (np.isfinite(radii).all() and np.isfinite(singular).all()):
        return found
    widest = int(np.argmax(radii))
    found["spectral_radius"] = float(radii[widest])
    found["largest_singular_value"] = float(singular[widest])
    if len(radii) > 1:
        found["gate"] = str(slice_.coords["gate"][widest])
    bound_of = _bound_of(run.config)
    if bound_of is not None:
        found["bound"] = bound_of(float(singular[0]))
        found["is_one_path"] = bound_of(0.0) == 0.0
    return found


def critical_norm(config: Mapping[str, Any]) -> float | None:
    """Return 1/γ where weights of a smaller norm make vanishing certain; None where none do."""
    slope, bound_of = gamma(config), _bound_of(config)
    if slope is None or bound_of is None or bound_of(1 / slope) > 1 + ROUNDING:
        return None
    return 1 / slope


def gamma(config: Mapping[str, Any]) -> float | None:
    """Return γ = sup φ′ of the (candidate's) activation; None for what is no configuration."""
    cell = _cell(config)
    return None if cell is None else float(cell.activation.gamma)


def _bound_of(config: Mapping[str, Any]) -> Any:  # noqa: ANN401  # a function of ‖W‖₂, or None
    cell = _cell(config)
    return None if cell is None else cell.bound


def _cell(config: Mapping[str, Any]) -> Any:  # noqa: ANN401  # the engine's own, behind its door
    try:
        return engine.config_of(config).model.make_cell()
    except engine.ConfigError:
        return None
