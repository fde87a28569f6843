"""The recurrent cells: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.activations import make_activation
from engine.cells import elman, gru, lstm, preactivation
from engine.cells.base import Cell, CellDefinition
from engine.errors import ConfigError, Problem, UnknownNameError

CELLS: Mapping[str, CellDefinition] = MappingProxyType(
    {
        "elman": elman.DEFINITION,
        "preactivation": preactivation.DEFINITION,
        "lstm": lstm.DEFINITION,
        "gru": gru.DEFINITION,
    }
)


def make_cell(
    name: str,
    activation: str | Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
) -> Cell:
    """Return the named cell, bound to its activation and options.

    Args:
        name: A key of CELLS.
        activation: A name or a mapping with `kind`; None for the cell's default. A cell that
            fixes its activation takes None only.
        options: The cell's own options; none of the present cells has one.

    Raises:
        UnknownNameError: No cell or activation has that name.
        ConfigError: An activation for a cell that fixes it, or an unknown option.
    """
    if name not in CELLS:
        raise UnknownNameError("cell", name, CELLS)
    definition = CELLS[name]
    if options:
        raise ConfigError(
            [Problem(f"/{key}", f"not an option of the cell {name!r}") for key in options]
        )
    if activation is not None and not definition.activation_choice:
        raise ConfigError(
            [Problem("/activation", f"the cell {name!r} fixes its activation: expected null")]
        )
    return definition.make(make_activation(activation or definition.default_activation))


__all__ = ["CELLS", "Cell", "CellDefinition", "make_cell"]
