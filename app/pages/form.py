"""What a form is made of: its fields, and the values that some of them choose from.

A field's `pointer` is its JSON pointer in the configuration and its name in the form, so that the
answer to a refused configuration finds its field by itself.
"""

from dataclasses import dataclass
from typing import Literal

# How a list stands in a text field.
LIST_SEPARATOR = ", "
_LARGE = 1e6
_LONG_HELP = 80

Control = Literal["number", "text", "check", "select", "checks", "list"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A field is there only while another one, at `pointer`, has one of these values."""

    pointer: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One value of a select or of a group of check boxes; `fields` are those of a kind."""

    value: str
    title: str
    help: str = ""
    selected: bool = False
    is_kind: bool = False
    fields: "tuple[Field, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the form, with what a person and a browser need to fill it in."""

    pointer: str
    scope: str
    title: str
    help: str
    control: Control
    value: str = ""
    checked: bool = False
    type: str = "string"
    nullable: bool = False
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    longest: int | None = None
    default: str = ""
    options: tuple[Option, ...] = ()
    error: str = ""
    condition: Condition | None = None
    is_available: bool = True

    @property
    def identifier(self) -> str:
        """The element's id; kinds may have fields of the same pointer."""
        scope = f"-{self.scope}" if self.scope else ""
        return "field" + self.pointer.replace("/", "-") + scope

    @property
    def is_beside(self) -> bool:
        """Whether the help has its place beside the control: a choice's words, a long sentence."""
        is_choice = self.control == "select" and any(option.help for option in self.options)
        return is_choice or len(self.help) > _LONG_HELP

    @property
    def is_changed(self) -> bool:
        """Whether the value is not the default, or anything of its kind is not."""
        nested = (field for option in self.options if option.selected for field in option.fields)
        return self.text != self.default or any(field.is_changed for field in nested)

    @property
    def text(self) -> str:
        """The value in one text, whatever the control."""
        if self.control == "check":
            return str(self.checked).lower()
        if self.control in ("select", "checks"):
            return LIST_SEPARATOR.join(one.value for one in self.options if one.selected)
        return self.value

    @property
    def range_text(self) -> str:
        """The bounds in words, for the help line."""
        low, high = _first_of(self.minimum, self.above), _first_of(self.maximum, self.below)
        if high is not None and high >= _LARGE:
            # A bound against slips, which nobody needs to read.
            return "" if not low else f"at least {_short(low)}"
        if low is not None and high is not None:
            return f"{_short(low)} to {_short(high)}"
        if low is not None:
            return f"{'over' if self.minimum is None else 'at least'} {_short(low)}"
        return "" if high is None else f"at most {_short(high)}"


def number_text(value: object) -> str:
    """Write a number as a number field takes it; what is not a number stands as it came."""
    if value is None:
        return ""
    return _short(value) if isinstance(value, int | float) else str(value)


def _short(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) and value == float(f"{value:g}") else str(value)


def _first_of(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
