"""The recurrent cells: one file each, and the mapping that names them.

To add one, write `engine/cells/<name>.py`: the equations and their way back in its docstring,
`make(activation, options)`, which returns a `Cell`, and `DEFINITION`, a `CellDefinition`. It
imports no other cell. Then import it here and name it in CELLS, from where configurations, the
catalog, the form and every statistic have it. CELLS is read-only and nothing is registered at
run time; but a `Network` takes any `Cell`, named or not: engine/bptt has an example that checks a
gradient. Do so first: a block that is not declared is a KeyError at binding, while a wrong slope
shows in the gradient alone.

What a cell is and how its arrays lie is said in base.py. Parts that cells share: activated.py,
blend.py, slope_product.py and cell_state.py. The nearest cell is the best example: mgu.py for a
step in two stages, lstm.py for a second state, lru.py for options and further parameters.

Tests hold every cell of CELLS against differences and against a reference written apart from the
engine, which they want in tests/reference/cells; docs/extending.md has two cells from end to end.
"""

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
