"""The compiled twins of cells: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.compiled import (
    elman,
    gru,
    lstm,
)
from engine.compiled.twin import Twin

TWINS: Mapping[str, tuple[Twin, ...]] = MappingProxyType(
    {
        "elman": elman.TWINS,
        "lstm": (lstm.TWIN,),
        "gru": (gru.TWIN,),
    }
)
"""One for each activation that has one. A cell of another layout, by an option, has none."""

__all__ = ["TWINS", "Twin"]
