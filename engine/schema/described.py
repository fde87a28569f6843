"""The base of every configuration object: checked when built, written back whole."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from engine.errors import ConfigError, Problem
from engine.schema.declare import object_node
from engine.schema.nodes import UNREADABLE, pointer_to
from engine.schema.plain import plain


class Described:
    """A frozen dataclass whose annotations say what each field may hold.

    Whoever builds one, the parser or a caller in Python, gets the same checks: every field by
    its annotation, then `completed` fills what follows from other fields, then `rules`.

    Attributes:
        title, purpose: What it is called and what it does, for schema and form.
        formula, source: What it computes and where that is from, for the catalog; "" where the
            object is no choice of a method.
    """

    __slots__ = ()

    title: ClassVar[str]
    purpose: ClassVar[str]
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Check every field and rule.

        Raises:
            ConfigError: Something does not hold; it lists all faults of this object.
        """
        problems: list[Problem] = []
        read: dict[str, object] = {}
        for name, entry in object_node(type(self)).entries.items():
            place = pointer_to("", name)
            value = read[name] = entry.read(getattr(self, name), place, problems, read)
            if value is not UNREADABLE:
                object.__setattr__(self, name, value)
        if not problems:
            for name, value in self.completed().items():
                object.__setattr__(self, name, value)
            problems.extend(self.rules())
        if problems:
            raise ConfigError(problems)

    def completed(self) -> Mapping[str, object]:
        """Return fields whose value follows from other fields."""
        return {}

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the fields."""
        yield from ()

    def to_dict(self) -> dict[str, object]:
        """Write everything, defaults included, as JSON knows it."""
        return {name: plain(getattr(self, name)) for name in object_node(type(self)).entries}
