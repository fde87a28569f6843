"""What one value of a configuration may be: read it from JSON, and say it as a JSON schema.

A node reads a plain value (what JSON knows, or an already built dataclass) and appends every
fault it finds to `problems`, each with its JSON pointer; it returns `UNREADABLE` where the value
cannot be used. Reading goes on after a fault, so that one answer lists them all.
"""

import json
from collections.abc import Iterable
from typing import Final, Protocol

from engine.errors import Problem

UNREADABLE: Final = object()

# A double, which is all that JSON promises, holds whole numbers exactly up to here.
LARGEST_EXACT_INTEGER: Final = 2**53

# An offending value is repeated in the message, but not a whole upload.
LONGEST_SHOWN: Final = 60

Schema = dict[str, object]


def pointer_to(parent: str, key: object) -> str:
    """Extend a JSON pointer (RFC 6901) by one key or index."""
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


def shown(value: object) -> str:
    """Write a value as JSON for a message, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def listed(names: Iterable[object]) -> str:
    """Write choices for a message."""
    return ", ".join(str(name) for name in names)


class Node(Protocol):
    """What may stand at one place of a configuration."""

    def takes(self, value: object) -> bool:
        """Whether a value is of this node's JSON type, so that this node should judge it."""

    def expectation(self) -> str:
        """What is expected here, in words that follow "expected"."""

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Return what the value means, or append what is wrong and return `UNREADABLE`."""

    def schema(self) -> Schema:
        """Say the same as a JSON schema, draft 2020-12."""


def refuse(node: Node, value: object, pointer: str, problems: list[Problem]) -> object:
    """Append the usual "expected …, got …" and return `UNREADABLE`."""
    problems.append(Problem(pointer, f"expected {node.expectation()}, got {shown(value)}"))
    return UNREADABLE
