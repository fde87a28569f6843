"""The compiled twins of cells: one file each, and the mapping that names them."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.compiled import lstm
from engine.compiled.twin import Twin

TWINS: Mapping[str, Twin] = MappingProxyType({"lstm": lstm.TWIN})

__all__ = ["TWINS", "Twin"]
