"""What can go wrong in the engine by a caller's mistake.

    EngineError
    ├── ConfigError (also a ValueError)      a configuration that cannot be run
    │   └── UnknownNameError                 a name that no registry holds
    └── ShapeError (also a ValueError)       an array of the wrong shape

A loss that becomes infinite or NaN is no error: it is what the tool is for.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault of a configuration: where (a JSON pointer) and what."""

    pointer: str
    detail: str


class EngineError(Exception):
    """Base of all errors that the engine raises on purpose."""


class ConfigError(EngineError, ValueError):
    """A configuration that cannot be run; `problems` lists every fault found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems))


class UnknownNameError(ConfigError):
    """A name that is not in a registry; the message lists the known ones."""

    def __init__(self, kind: str, name: object, known: Iterable[str], pointer: str = "") -> None:
        self.kind = kind
        self.known = tuple(known)
        detail = f"unknown {kind} {name!r}; known: {', '.join(self.known)}"
        super().__init__([Problem(pointer, detail)])


class ShapeError(EngineError, ValueError):
    """An array whose shape is not what the call needs."""
