"""The recurrent cells: one file each, and the mapping that names them.

To add one, write `engine/cells/<name>.py`: the equations and their way back in its docstring,
`make(activation, options)`, which returns a `Cell`, and `DEFINITION`, a `CellDefinition`. It
imports no other cell. Then import it here and name it in CELLS, from where configurations, the
catalog, the form and every statistic have it. CELLS is read-only and nothing is registered at
run time; but a `Network` takes what `make` returns, named or not: engine/bptt has examples that
check a gradient and a step Jacobian. Do so first.

What a cell is and how its arrays lie is said in base.py. Parts that cells share: activated.py,
blend.py, slope_product.py and cell_state.py. The nearest cell is the best example:

    ugrnn    gates, a state handed on beside them       mgu         a step in two stages
    lstm     a second state that no product reads       cornn       one that products read; options
    lem      one that its own step reads renewed        skip        the output of s steps ago
    indrnn   an elementwise parameter                   gru         options that change parameters
    lru      derived ones; an output that is no state   orthogonal  W_h a function of what is stored

What shows a wrong declaration:

    a block that is not declared                      KeyError at binding
    `reads` in another order than `inputs`            ValueError in the first sweep forward
    a slope, `back`, `lags`, `halved`, stages' order  the gradient
    a pair of blocks in no parameter, not `closed`    ‖gradient‖ is over that of `gradients()`: what
                                                      has no name is trained, and clipped, too
    `states`                                          J_t; the gradient is right
    a state of the tape that `carries` lacks          KeyError in gain factors; the gradient where
                                                      adjoints get exponents: T in the hundreds
    `candidate`, `candidate_sum`, `cell_delta`,       the statistics that read them; the gradient
    `state_totals`, `gain`                            and J_t are right

What a cell cannot be yet: one with a W_h for some of its gates alone; one whose output is no state
while products read its states (those of lru.py lie in the tape, neighbours, and a product at the
end reads copies of lag 0). A memory in a state that earlier h do not lead to is not in dℓ/dh_k, nor
in the verdicts, which read that; J_t and gain factors have it. And all states of a layer share one
exponent for each sample and time: an adjoint beside one that is larger by more than the type's
range, 10⁴⁵ in float32, is stored as zero.

Tests hold every cell of CELLS against differences, against a reference written apart from the
engine, which they want in tests/reference/cells, and at rest against a closed form; the README
lists it. docs/extending.md has two cells from end to end.
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
