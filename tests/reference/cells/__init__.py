"""Every cell, written from its paper or its authors' code, and never from the engine's."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.reference.cells import (
    gated,
    one_path,
    two_speeds,
)
from tests.reference.cells.base import Reference, Step

CELLS: Mapping[str, Reference] = MappingProxyType(
    {
        "elman": one_path.ELMAN,
        "preactivation": one_path.PREACTIVATION,
        "skip": one_path.SKIP,
        "residual": one_path.RESIDUAL,
        "leaky": one_path.LEAKY,
        "indrnn": one_path.INDRNN,
        "orthogonal": one_path.ORTHOGONAL,
        "antisymmetric": gated.ANTISYMMETRIC,
        "lstm": gated.LSTM,
        "peephole_lstm": gated.PEEPHOLE_LSTM,
        "gru": gated.GRU,
        "ugrnn": gated.UGRNN,
        "mgu": gated.MGU,
        "janet": gated.JANET,
        "min_gru": gated.MIN_GRU,
        "cornn": two_speeds.CORNN,
        "lem": two_speeds.LEM,
        "lru": two_speeds.LRU,
    }
)

__all__ = ["CELLS", "Reference", "Step"]
