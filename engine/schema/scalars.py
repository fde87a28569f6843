"""Numbers, booleans, texts, and fixed choices."""

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import Problem
from engine.schema.nodes import (
    LARGEST_EXACT_INTEGER,
    UNREADABLE,
    Schema,
    listed,
    refuse,
    shown,
)


def _written(bound: float) -> str:
    # Whole numbers in full, so that a limit can be copied; others short.
    return str(int(bound)) if float(bound).is_integer() else f"{bound:g}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of a number; None where it is open."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def hold(self, value: float) -> bool:
        """Whether `value` lies within."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )

    def words(self) -> str:
        """Say the range, with a leading space, or nothing where there is none."""
        if self.ge is not None and self.le is not None:
            if self.ge == self.le:
                return f" of {_written(self.ge)}"
            return f" from {_written(self.ge)} to {_written(self.le)}"
        parts = [
            f"{words} {_written(bound)}"
            for words, bound in (
                ("of at least", self.ge),
                ("above", self.gt),
                ("of at most", self.le),
                ("below", self.lt),
            )
            if bound is not None
        ]
        return f" {' and '.join(parts)}" if parts else ""

    def schema(self) -> Schema:
        """Say the range in JSON schema's words."""
        keys = {
            "minimum": self.ge,
            "exclusiveMinimum": self.gt,
            "maximum": self.le,
            "exclusiveMaximum": self.lt,
        }
        return {key: bound for key, bound in keys.items() if bound is not None}


@dataclass(frozen=True, slots=True)
class IntegerNode:
    """A whole number; 2362.0 is one, since JSON does not tell the two apart."""

    bounds: Bounds

    def takes(self, value: object) -> bool:
        """Whether this is a number at all."""
        return isinstance(value, numbers.Real) and not isinstance(value, bool)

    def expectation(self) -> str:
        """Say the range."""
        return f"an integer{self.bounds.words()}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read a whole number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return refuse(self, value, pointer, problems)
        if isinstance(value, numbers.Integral):
            number = int(value)
        else:
            whole = float(value)
            if not whole.is_integer() or abs(whole) > LARGEST_EXACT_INTEGER:
                return refuse(self, value, pointer, problems)
            number = int(whole)
        return number if self.bounds.hold(number) else refuse(self, value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "integer", **self.bounds.schema()}


@dataclass(frozen=True, slots=True)
class NumberNode:
    """A finite number; a boolean or a string is none."""

    bounds: Bounds

    def takes(self, value: object) -> bool:
        """Whether this is a number at all."""
        return isinstance(value, numbers.Real) and not isinstance(value, bool)

    def expectation(self) -> str:
        """Say the range."""
        return f"a finite number{self.bounds.words()}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read a finite number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return refuse(self, value, pointer, problems)
        try:
            number = float(value)
        except OverflowError:
            return refuse(self, value, pointer, problems)
        if not math.isfinite(number) or not self.bounds.hold(number):
            return refuse(self, value, pointer, problems)
        return number

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "number", **self.bounds.schema()}


@dataclass(frozen=True, slots=True)
class BooleanNode:
    """True or false, and no number in their place."""

    def takes(self, value: object) -> bool:
        """Whether this is a boolean."""
        return isinstance(value, bool)

    def expectation(self) -> str:
        """Say the two values."""
        return "true or false"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read a boolean."""
        return value if isinstance(value, bool) else refuse(self, value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class TextNode:
    """A printable text of bounded length."""

    shortest: int
    longest: int

    def takes(self, value: object) -> bool:
        """Whether this is a string."""
        return isinstance(value, str)

    def expectation(self) -> str:
        """Say the lengths."""
        return f"a printable text of {self.shortest} to {self.longest} characters"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read a text; control characters and lone surrogates are refused."""
        if not isinstance(value, str) or not self.shortest <= len(value) <= self.longest:
            return refuse(self, value, pointer, problems)
        return value if value.isprintable() else refuse(self, value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "string", "minLength": self.shortest, "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class ChoiceNode:
    """One of some fixed values; `names` is asked late, so that a registry may follow."""

    noun: str
    names: Callable[[], Sequence[str]]

    def takes(self, value: object) -> bool:
        """Whether this is a string."""
        return isinstance(value, str)

    def expectation(self) -> str:
        """List the choices."""
        return f"one of {listed(self.names())}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read one of the names."""
        known = self.names()
        if isinstance(value, str) and value in known:
            return value
        problems.append(
            Problem(pointer, f"unknown {self.noun} {shown(value)}; known: {listed(known)}")
        )
        return UNREADABLE

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "string", "enum": list(self.names())}


@dataclass(frozen=True, slots=True)
class OnlyNode:
    """One fixed value: a kind's own name, or null where nothing else makes sense."""

    value: object
    reason: str = ""

    def takes(self, value: object) -> bool:
        """Whether this is the value itself."""
        return type(value) is type(self.value) and value == self.value

    def expectation(self) -> str:
        """Say the value."""
        return shown(self.value)

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read the one value; False is not 0 here."""
        if self.takes(value):
            return self.value
        if not self.reason:
            return refuse(self, value, pointer, problems)
        detail = f"{self.reason}: only {shown(self.value)}, got {shown(value)}"
        problems.append(Problem(pointer, detail))
        return UNREADABLE

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"type": "null"} if self.value is None else {"const": self.value}
