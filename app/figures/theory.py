"""What the recurrent weights alone say of a gradient: a radius, and a bound where there is one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.figures.base import RunData, plane, top_layer

# SCIENCE.md "Bounds": ‖J_t‖₂ ≤ γ‖W‖₂ for these cells; the radius says something for one path alone.
BOUNDED = frozenset({"elman", "preactivation"})


def theory(run: RunData, step: int | None) -> dict[str, Any]:
    """Spectral radius (of the widest gate) and the bound γ‖W‖₂ in the top layer, where known."""
    found: dict[str, Any] = {
        "spectral_radius": None,
        "largest_singular_value": None,
        "gate": None,
        "bound": None,
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
    slope = gamma(run.config)
    if slope is not None and run.config.get("model", {}).get("cell") in BOUNDED:
        found["bound"] = slope * float(singular[0])
    return found


def gamma(config: Mapping[str, Any]) -> float | None:
    """Return γ = sup φ′: 1 for all that SCIENCE.md names but the sigmoid and steep leaky ReLUs."""
    activation = config.get("model", {}).get("activation")
    if isinstance(activation, Mapping):
        return max(1.0, abs(float(activation.get("slope", 0.0))))
    if activation is None:
        return None
    return 0.25 if activation == "sigmoid" else 1.0
