"""The tabs of the run page beside Overview and Training, and what can be chosen in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import engine
from app.figures import FIGURES
from app.figures.lines import label


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelView:
    """One figure on a tab; `formula` is what it shows, in a few signs."""

    name: str
    title: str
    span: str
    formula: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chooser:
    """One axis of which a figure shows one coordinate; an option is that, and what it is called."""

    axis: str
    title: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """Panels that are seen together; `is_colored` by the scale of the display bar.

    `unrecorded` are the statistics that its figures need and the run does not record.
    """

    name: str
    title: str
    panels: tuple[PanelView, ...]
    choosers: tuple[Chooser, ...]
    is_colored: bool
    unrecorded: tuple[str, ...]


FIRST = "overview"
# The figures of these are coloured by the scale of the display bar.
COLORED = (FIRST, "paths")
_LETTERS = "U = weight_ih, W = weight_hh, V = readout.weight"

# Name, width and formula of every panel, in reading order.
_LAYOUT: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "paths",
        "Paths",
        (
            ("path_gradient", "span-6", "‖λₜ,ₖ · ∂⁺sₖ/∂P‖; click a cell: factor by factor"),
            ("immediate_gradient_norm", "span-6", "‖∂ℓₜ/∂hₜ‖ of the same time alone"),
            ("cell_gradient_norm", "span-6", "‖dℓ/dcₜ‖"),
            ("output_gradient_norm", "span-6", "‖∂ℓₜ/∂yₜ‖"),
        ),
    ),
    (
        "jacobians",
        "Jacobians",
        (
            ("gain_factors", "span-12", "from λₜ to λₜ₋₁, factor by factor"),
            ("jacobian_singular_values", "span-5", "σ of Jₜ = ∂sₜ/∂sₜ₋₁"),
            ("jacobian_product_norm", "span-4", "measured and bound"),
            ("lyapunov_spectrum", "span-3", ""),
        ),
    ),
    ("gates", "Gates", (("gate", "span-12", "mean over the samples"),)),
    (
        "activations",
        "Activations",
        (
            ("activation", "span-6", "mean hₜ"),
            ("activation_slope", "span-6", "mean φ′(aₜ)"),
            ("preactivation_histogram", "span-12", "share of units by time step; all over φ′(a)"),
        ),
    ),
    (
        "parameters",
        "Parameters",
        (
            ("parameter_gradient_norm", "span-6", "before clipping"),
            ("update_ratio", "span-6", _LETTERS),
            ("parameter_gradient_histogram", "span-6", "by size, at one step"),
            ("weight_geometry", "span-6", "by gate"),
        ),
    ),
)


# The figures of the tab of the training, whose panels stand in the template: one has the scrubber.
TRAINING = (
    "loss",
    "gradient_norm",
    "clipping",
    "saturation",
    "accuracy",
    "learning_rate",
    "dead_units",
)
TAB_OF_FIGURE: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(TRAINING, "training")
    | {figure: tab for tab, _, panels in _LAYOUT for figure, _, _ in panels}
)
"""The tab of each figure that is not on the first one."""


def tabs_of(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> tuple[Tab, ...]:
    """Return the tabs that this network has: a cell with one gate has no tab of gates."""
    gates = _cell(config, catalog).get("gates", ())
    choosers = choosers_of(config, catalog)
    return tuple(
        _tab(name, title, panels, choosers, unrecorded(config, [figure for figure, _, _ in panels]))
        for name, title, panels in _LAYOUT
        if name != "gates" or len(gates) > 1
    )


def unrecorded(config: Mapping[str, Any], figures: Sequence[str]) -> tuple[str, ...]:
    """Return the statistics that figures need and a run of the configuration does not record."""
    recorded = config["recording"].get("statistics", ())
    needed = dict.fromkeys(name for figure in figures for name in FIGURES[figure].needs)
    return tuple(name for name in needed if name in engine.STATISTICS and name not in recorded)


def shown_tab(tabs: tuple[Tab, ...], asked: str) -> str:
    """Return the tab of an address; one that this network does not have is the first one."""
    return asked if asked in {"training", *(tab.name for tab in tabs)} else FIRST


def choosers_of(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> tuple[Chooser, ...]:
    """Return what can be chosen: a parameter, and a gate where there are several."""
    gates = tuple((str(gate), str(gate)) for gate in _cell(config, catalog).get("gates", ()))
    layers = int(config["model"].get("layers", 1))
    parameters = tuple((name, both_names(name, layers)) for name in parameters_of(config, catalog))
    found = [
        Chooser(axis="parameter", title="Parameter", options=parameters),
        Chooser(axis="gate", title="Gate", options=gates),
    ]
    return tuple(one for one in found if len(one.options) > 1)


def parameters_of(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a network's parameters, layer by layer, the read-out last."""
    model = config["model"]
    listed = [str(one["name"]) for one in _cell(config, catalog).get("parameters", ())]
    if not model.get("bias", True):
        listed = [name for name in listed if "bias" not in name]
    own = [name for name in listed if name.endswith("_l0")]
    sides = ("", "_reverse") if model.get("bidirectional") else ("",)
    layers = [f"_l{layer}{side}" for layer in range(int(model.get("layers", 1))) for side in sides]
    names = [f"{name.removesuffix('_l0')}{layer}" for layer in layers for name in own]
    return (*names, *(name for name in listed if name not in own))


def both_names(parameter: str, layers: int = 1) -> str:
    """Return the letter that formulas and legends have, and the name in a configuration.

    Example:
        >>> both_names("weight_ih_l0"), both_names("nu_log_l0")
        ('U · weight_ih_l0', 'nu_log_l0')
    """
    letter = label(parameter, layers).partition(",")[0]
    return parameter if parameter.startswith(letter) else f"{letter} · {parameter}"


def _cell(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the catalog's entry of the cell, as it is with the configuration's options."""
    model = config["model"]
    found: Mapping[str, Any] = next(
        (cell for cell in catalog["cells"] if cell["name"] == model["cell"]), {}
    )
    chosen = model.get("options", {}).items()
    variants = (each for each in found.get("variants", ()) if each["options"].items() <= chosen)
    return {**found, **next(variants, {})}


def _tab(
    name: str,
    title: str,
    panels: tuple[tuple[str, str, str], ...],
    choosers: tuple[Chooser, ...],
    missing: tuple[str, ...],
) -> Tab:
    chosen = {axis for figure, _, _ in panels for axis in FIGURES[figure].chooses}
    return Tab(
        name=name,
        title=title,
        panels=tuple(
            PanelView(
                name=figure,
                title=FIGURES[figure].title,
                span=span,
                formula=formula,
            )
            for figure, span, formula in panels
        ),
        choosers=tuple(one for one in choosers if one.axis in chosen),
        is_colored=name in COLORED,
        unrecorded=missing,
    )
