"""Described, bounded dataclasses: read from JSON, checked, and told as a JSON schema.

A configuration is a frozen dataclass whose annotations say what each field holds:

    hidden_size: Annotated[int, Interval(ge=1, le=4096), Doc("Units of each layer.")] = 32

That one line serves the parser, the constructor, the schema and the form.
"""

from engine.schema.declare import (
    Depends,
    Doc,
    Kinds,
    Names,
    Null,
    OnlyNull,
    kind_of,
    object_node,
)
from engine.schema.described import Described
from engine.schema.nodes import UNREADABLE, Schema, pointer_to
from engine.schema.plain import plain

__all__ = [
    "UNREADABLE",
    "Depends",
    "Described",
    "Doc",
    "Kinds",
    "Names",
    "Null",
    "OnlyNull",
    "Schema",
    "kind_of",
    "object_node",
    "plain",
    "pointer_to",
]
