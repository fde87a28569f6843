"""The axes of a sweep as a form has them: which fields vary, and a text for the values of each.

A text is a comma list in the words of the form: numbers, the names of choices or their titles,
`true` and `false`, `none` where a field may be left empty. What cannot be read goes on as it came,
and the grid's own parser says what is wrong with it, at its pointer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.pages.form import LIST_SEPARATOR, Field
from app.pages.form_values import number_of
from app.pages.new_form import Group

_NONE = "none"
_CONTROLS = ("number", "text", "check", "select")
# What is recorded of a run changes nothing that it comes to.
_NO_AXES = ("recording",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A field that may vary.

    Attributes:
        path: Its place in a grid, `training.optimizer.learning_rate`.
        title: What it is called.
        help: Which values it takes, in words.
        field: The form's own field, of a kind that has it.
    """

    path: str
    title: str
    help: str
    field: Field


def choices_of(
    groups: Sequence[Group], varied: Mapping[str, Sequence[str]] | None = None
) -> dict[str, tuple[Choice, ...]]:
    """Return the fields that may vary, by the title of their card.

    Args:
        groups: The form's cards.
        varied: Which kinds the axes name, by path: only the chosen kinds and these have their
            options in the list; None for the options of every kind.
    """
    found: dict[str, tuple[Choice, ...]] = {}
    for group in groups:
        if group.name in _NO_AXES:
            continue
        made: dict[str, Choice] = {}
        for field, title in _walk(group.fields + group.seldom, varied):
            if field.control in _CONTROLS:
                choice = Choice(
                    path=_path_of(field), title=title, help=_help_of(field), field=field
                )
                made.setdefault(choice.path, choice)
        found[group.title] = tuple(made.values())
    return found


def axis_values(choice: Choice, text: str) -> list[object]:
    """Return the values that a text lists, as the configuration has them."""
    words = [word.strip() for word in text.split(LIST_SEPARATOR.strip())]
    return [_value(choice.field, word) for word in words if word]


def values_text(choice: Choice, values: Sequence[object]) -> str:
    """Return values as the text that gives them back."""

    def word(value: object) -> str:
        if isinstance(value, Mapping):
            return str(value.get("kind", ""))
        if isinstance(value, bool):
            return str(value).lower()
        return _NONE if value is None else str(value)

    return LIST_SEPARATOR.join(word(value) for value in values)


def named_kinds(choice: Choice, text: str) -> tuple[str, ...]:
    """Return the names of a choice that a text of values lists."""
    values = axis_values(choice, text)
    return tuple(str(v.get("kind") if isinstance(v, Mapping) else v) for v in values)


def _walk(
    fields: Sequence[Field], varied: Mapping[str, Sequence[str]] | None, above: str = ""
) -> Iterator[tuple[Field, str]]:
    """Yield every field, those of kinds too, with its title under that of its choice."""
    for field in fields:
        title = f"{above}: {field.title}" if above else field.title
        yield field, title
        # The chosen kind first: of fields that kinds share, its bounds are told.
        for option in sorted(field.options, key=lambda one: not one.selected):
            named = varied is None or option.value in varied.get(_path_of(field), ())
            if option.selected or named:
                yield from _walk(option.fields, varied, field.title)


def _path_of(field: Field) -> str:
    path = field.pointer.removeprefix("/").replace("/", ".")
    # A kind that must be one keeps what other kinds share; one that may be absent is put whole.
    return f"{path}.kind" if _is_union(field) and not field.nullable else path


def _is_union(field: Field) -> bool:
    """Return whether a choice is between objects alone, and not between names."""
    named = [option for option in field.options if option.value]
    return field.control == "select" and all(option.is_kind for option in named)


def _help_of(field: Field) -> str:
    if field.control == "select":
        names = [option.value or _NONE for option in field.options]
        return f"Of {LIST_SEPARATOR.join(names)}."
    if field.control == "check":
        return "true, false."
    plain = "Numbers" if field.control == "number" else "Numbers or words"
    words = f"{field.range_text[:1].upper()}{field.range_text[1:]}" or plain
    return f"{words}{', or none' if field.nullable else ''}."


def _value(field: Field, word: str) -> object:
    if word.lower() == _NONE and field.nullable:
        return None
    if field.control == "check":
        return {"true": True, "false": False}.get(word.lower(), word)
    if field.control == "select":
        named = {
            spelling.lower(): option.value
            for option in field.options
            for spelling in (option.title, option.value)
        }
        name = named.get(word.lower(), word)
        return {"kind": name} if _is_union(field) and field.nullable else name
    return number_of(word) if field.control == "number" or field.type == "mixed" else word
