"""Lists, alternatives, objects, and objects that are told apart by their `kind`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.errors import ConfigError, Problem
from engine.schema.nodes import UNREADABLE, Node, Schema, listed, pointer_to, refuse, shown
from engine.schema.plain import plain


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list without repetitions, read into a tuple."""

    item: Node
    shortest: int
    longest: int

    def takes(self, value: object) -> bool:
        """Whether this is a list."""
        return isinstance(value, list | tuple)

    def expectation(self) -> str:
        """Say what is listed."""
        fewest = f"{self.shortest} to " if self.shortest else "at most "
        return f"a list of {fewest}{self.longest}, each {self.item.expectation()}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read every item, and refuse what is listed twice."""
        if not isinstance(value, list | tuple):
            return refuse(self, value, pointer, problems)
        if not self.shortest <= len(value) <= self.longest:
            return refuse(self, value, pointer, problems)
        before = len(problems)
        items: list[object] = []
        for index, entry in enumerate(value):
            place = pointer_to(pointer, index)
            item = self.item.read(entry, place, problems)
            if item is not UNREADABLE and item in items:
                problems.append(Problem(place, f"{shown(entry)} is listed twice"))
            items.append(item)
        return tuple(items) if len(problems) == before else UNREADABLE

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.shortest,
            "maxItems": self.longest,
            "uniqueItems": True,
        }


@dataclass(frozen=True, slots=True)
class EitherNode:
    """One of several nodes, told apart by their JSON types."""

    nodes: tuple[Node, ...]

    def takes(self, value: object) -> bool:
        """Whether any of them takes the value."""
        return any(node.takes(value) for node in self.nodes)

    def expectation(self) -> str:
        """Say all of them."""
        return " or ".join(node.expectation() for node in self.nodes)

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Let the node judge whose JSON type it is."""
        for node in self.nodes:
            if node.takes(value):
                return node.read(value, pointer, problems)
        return refuse(self, value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema; the variants of a kind stand beside the others."""
        choices: list[object] = []
        for node in self.nodes:
            schema = node.schema()
            nested = schema.get("oneOf")
            choices.extend(nested if isinstance(nested, list) else [schema])
        return {"oneOf": choices}


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of an object: what it holds and what it is."""

    node: Node
    title: str
    description: str
    required: bool
    default: object = None

    def read(
        self, value: object, pointer: str, problems: list[Problem], beside: Mapping[str, object]
    ) -> object:
        """Read the value, given the fields of the same object that were read before it."""
        if isinstance(self.node, DependentNode):
            return self.node.read_beside(beside, value, pointer, problems)
        return self.node.read(value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        words: Schema = {"title": self.title, "description": self.description}
        if not self.required:
            words["default"] = self.default
        return {**self.node.schema(), **words}


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """A dataclass, read from a JSON object that has no other keys."""

    built: Callable[..., object]
    type: type
    title: str
    description: str
    entries: Mapping[str, Entry]

    def takes(self, value: object) -> bool:
        """Whether this is a JSON object, or the built dataclass."""
        return isinstance(value, Mapping | self.type)

    def expectation(self) -> str:
        """Say the keys."""
        keys = f"with the keys {listed(self.entries)}" if self.entries else "without keys"
        return f"an object {keys}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Read every key, refuse unknown ones, and build the dataclass where all is well."""
        if isinstance(value, self.type):
            return value
        if not isinstance(value, Mapping):
            return refuse(self, value, pointer, problems)
        before = len(problems)
        values = self._read_entries(value, pointer, problems)
        # Rules across fields are judged only where the fields themselves are right.
        if len(problems) > before:
            return UNREADABLE
        try:
            return self.built(**values)
        except ConfigError as err:
            problems.extend(Problem(pointer + at, detail) for at, detail in err.problems)
            return UNREADABLE

    def _read_entries(
        self, value: Mapping[object, object], pointer: str, problems: list[Problem]
    ) -> dict[str, object]:
        for key in value:
            if key not in self.entries:
                known = listed(self.entries) or "none"
                detail = f"unknown key {shown(key)}; known: {known}"
                problems.append(Problem(pointer_to(pointer, key), detail))
        values: dict[str, object] = {}
        for name, entry in self.entries.items():
            place = pointer_to(pointer, name)
            if name in value:
                values[name] = entry.read(value[name], place, problems, values)
            elif entry.required:
                problems.append(Problem(place, f"missing; expected {entry.node.expectation()}"))
        return values

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        written: Schema = {
            "type": "object",
            "title": self.title,
            "description": self.description,
            "properties": {name: entry.schema() for name, entry in self.entries.items()},
            # Variants are chosen by their kind, which therefore never has a default.
            "required": [
                name for name, entry in self.entries.items() if entry.required or name == "kind"
            ],
            "additionalProperties": False,
        }
        rules = [
            rule
            for name, entry in self.entries.items()
            if isinstance(entry.node, DependentNode)
            for rule in entry.node.rules(name)
        ]
        return {**written, "allOf": rules} if rules else written


@dataclass(frozen=True, slots=True)
class DependentNode:
    """An object whose keys hang on another field of the same object, read before it.

    Attributes:
        field: The other field's name.
        base: Type of the built objects; an instance of itself means that all is left to defaults.
        choices: The node for each value of the other field.
    """

    field: str
    base: type
    choices: Callable[[], Mapping[str, ObjectNode]]

    def takes(self, value: object) -> bool:
        """Whether this is a JSON object, or one of the built dataclasses."""
        return isinstance(value, Mapping | self.base)

    def expectation(self) -> str:
        """Say what the keys hang on."""
        return f"an object with the options of the {self.field}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Take any object: its keys cannot be judged where the other field is wrong."""
        return value if self.takes(value) else refuse(self, value, pointer, problems)

    def read_beside(
        self, beside: Mapping[str, object], value: object, pointer: str, problems: list[Problem]
    ) -> object:
        """Let the node read that the other field chooses."""
        chosen = beside.get(self.field)
        node = self.choices().get(chosen) if isinstance(chosen, str) else None
        if node is None:
            return self.read(value, pointer, problems)
        return node.read({} if type(value) is self.base else value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema; which keys there are is said by `rules`."""
        return {"type": "object"}

    def rules(self, name: str) -> list[Schema]:
        """Say which keys go with each value of the other field, as if and then."""
        return [
            {
                "if": {"properties": {self.field: {"const": value}}, "required": [self.field]},
                "then": {"properties": {name: {**node.schema(), "default": plain(node.built())}}},
            }
            for value, node in self.choices().items()
        ]


@dataclass(frozen=True, slots=True)
class VariantsNode:
    """One of several dataclasses, chosen by the key `kind`."""

    noun: str
    variants: Callable[[], Mapping[str, ObjectNode]]
    null: str = ""  # what null in the object's place means, where that is allowed

    def takes(self, value: object) -> bool:
        """Whether this is a JSON object, or one of the built dataclasses."""
        return isinstance(value, Mapping) or any(
            isinstance(value, variant.type) for variant in self.variants().values()
        )

    def expectation(self) -> str:
        """List the kinds."""
        return f"an object whose kind is one of {listed(self.variants())}"

    def read(self, value: object, pointer: str, problems: list[Problem]) -> object:
        """Let the variant read that `kind` names; pointers do not name the variant."""
        variants = self.variants()
        if any(isinstance(value, variant.type) for variant in variants.values()):
            return value
        if not isinstance(value, Mapping):
            return refuse(self, value, pointer, problems)
        place = pointer_to(pointer, "kind")
        if "kind" not in value:
            problems.append(Problem(place, f"missing; expected one of {listed(variants)}"))
            return UNREADABLE
        kind = value["kind"]
        if not isinstance(kind, str) or kind not in variants:
            detail = f"unknown {self.noun} {shown(kind)}; known: {listed(variants)}"
            if self.null:
                detail += f"; null for {self.null}"
            problems.append(Problem(place, detail))
            return UNREADABLE
        return variants[kind].read(value, pointer, problems)

    def schema(self) -> Schema:
        """Say it as a JSON schema."""
        return {"oneOf": [variant.schema() for variant in self.variants().values()]}
