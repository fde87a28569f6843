"""The recurrent cells: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.activations import make_activation
from engine.cells import (
    antisymmetric,
    cornn,
    elman,
    gru,
    indrnn,
    janet,
    leaky,
    lem,
    lru,
    lstm,
    mgu,
    min_gru,
    orthogonal,
    peephole_lstm,
    preactivation,
    residual,
    skip,
    ugrnn,
)
from engine.cells.base import Cell, CellDefinition, CellOptions, CellVariant
from engine.errors import ConfigError, Problem, UnknownNameError
from engine.schema import object_node

CELLS: Mapping[str, CellDefinition] = MappingProxyType(
    {
        "elman": elman.DEFINITION,
        "preactivation": preactivation.DEFINITION,
        "skip": skip.DEFINITION,
        "residual": residual.DEFINITION,
        "leaky": leaky.DEFINITION,
        "indrnn": indrnn.DEFINITION,
        "orthogonal": orthogonal.DEFINITION,
        "antisymmetric": antisymmetric.DEFINITION,
        "lstm": lstm.DEFINITION,
        "peephole_lstm": peephole_lstm.DEFINITION,
        "gru": gru.DEFINITION,
        "ugrnn": ugrnn.DEFINITION,
        "janet": janet.DEFINITION,
        "mgu": mgu.DEFINITION,
        "min_gru": min_gru.DEFINITION,
        "lru": lru.DEFINITION,
        "cornn": cornn.DEFINITION,
        "lem": lem.DEFINITION,
    }
)


def make_cell(
    name: str,
    activation: str | Mapping[str, object] | None = None,
    options: Mapping[str, object] | CellOptions | None = None,
) -> Cell:
    """Return the named cell, bound to its activation and options.

    Args:
        name: A key of CELLS.
        activation: A name or a mapping with `kind`; None for the cell's default. A cell that
            fixes its activation takes None only.
        options: The cell's own options, those that differ from its defaults.

    Raises:
        UnknownNameError: No cell or activation has that name.
        ConfigError: An activation for a cell that fixes it, an unknown option or a wrong value.
    """
    if name not in CELLS:
        raise UnknownNameError("cell", name, CELLS)
    definition = CELLS[name]
    if activation is not None and not definition.activation_choice:
        raise ConfigError(
            [Problem("/activation", f"the cell {name!r} fixes its activation: expected null")]
        )
    problems: list[Problem] = []
    own = object_node(definition.options).read(options or {}, "", problems)
    if problems:
        raise ConfigError(problems)
    return definition.make(make_activation(activation or definition.default_activation), own)


__all__ = ["CELLS", "Cell", "CellDefinition", "CellOptions", "CellVariant", "make_cell"]
