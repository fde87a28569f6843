"""From a dataclass's annotations to the nodes that read it, check it and describe it."""

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Interval, Len

from engine.schema.compound import (
    DependentNode,
    EitherNode,
    Entry,
    ListNode,
    ObjectNode,
    VariantsNode,
)
from engine.schema.nodes import Node
from engine.schema.plain import plain
from engine.schema.scalars import (
    BooleanNode,
    Bounds,
    ChoiceNode,
    IntegerNode,
    NumberNode,
    OnlyNode,
    TextNode,
)

KIND = "Which of the choices this is."

# Lists and texts that say no length of their own.
LONGEST_LIST = 1000
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field is, for the schema and the form."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """A text that must be a key of a registry."""

    noun: str
    names: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Kinds:
    """An object whose `kind` must be a key of a registry of dataclasses."""

    noun: str
    variants: Callable[[], Mapping[str, type]]


@dataclass(frozen=True, slots=True)
class Depends:
    """An object of the dataclass that another field, declared before it, chooses."""

    field: str
    variants: Callable[[], Mapping[str, type]]


@dataclass(frozen=True, slots=True)
class Null:
    """What null in the place of an object means, said to who asks for an unknown kind."""

    text: str


@dataclass(frozen=True, slots=True)
class OnlyNull:
    """Only null is accepted, though a subclass may take more; `reason` says why."""

    reason: str


Metadata = Sequence[object]
Wanted = TypeVar("Wanted")


def _first(metadata: Metadata, wanted: type[Wanted]) -> Wanted | None:
    return next((entry for entry in metadata if isinstance(entry, wanted)), None)


def _bounds(metadata: Metadata) -> Bounds:
    interval = _first(metadata, Interval)
    if interval is None:
        return Bounds()
    sides = {side: getattr(interval, side) for side in ("ge", "gt", "le", "lt")}
    return Bounds(**sides)


def _lengths(metadata: Metadata, longest: int) -> tuple[int, int]:
    length = _first(metadata, Len)
    if length is None:
        return 0, longest
    return length.min_length, longest if length.max_length is None else length.max_length


def _literal(values: tuple[object, ...], noun: str) -> Node:
    if len(values) == 1:
        return OnlyNode(values[0])
    names = tuple(str(value) for value in values)
    return ChoiceNode(noun, lambda: names)


def _variants(noun: str, classes: Callable[[], Mapping[str, type]], null: str = "") -> VariantsNode:
    return VariantsNode(
        noun, lambda: {kind: object_node(variant) for kind, variant in classes().items()}, null
    )


def _dependent(base: type, depends: Depends) -> DependentNode:
    return DependentNode(
        depends.field,
        base,
        lambda: {value: object_node(chosen) for value, chosen in depends.variants().items()},
    )


def kind_of(variant: type) -> str | None:
    """The literal that a dataclass's field `kind` is, or None where it has none."""
    literal = get_type_hints(variant).get("kind") if dataclasses.is_dataclass(variant) else None
    return str(get_args(literal)[0]) if literal is not None else None


def _union(members: tuple[object, ...], noun: str, metadata: Metadata) -> Node:
    kinds: dict[str, type] = {}
    others: list[object] = []
    for member in members:
        kind = kind_of(member) if isinstance(member, type) else None
        if kind is not None and isinstance(member, type):
            kinds[kind] = member
        else:
            others.append(member)
    null = _first(metadata, Null)
    said = null.text if null else ""
    nodes: list[Node] = [_variants(noun, lambda: kinds, said)] if kinds else []
    nodes += [node_of(member, noun, metadata) for member in others]
    return nodes[0] if len(nodes) == 1 else EitherNode(tuple(nodes))


def _scalar(hint: object, metadata: Metadata) -> Node | None:
    if hint is bool:
        return BooleanNode()
    if hint is int:
        return IntegerNode(_bounds(metadata))
    if hint is float:
        return NumberNode(_bounds(metadata))
    if hint is str:
        names = _first(metadata, Names)
        if names is not None:
            return ChoiceNode(names.noun, names.names)
        return TextNode(*_lengths(metadata, LONGEST_TEXT))
    if hint is type(None):
        return OnlyNode(None)
    return None


def node_of(hint: object, noun: str, metadata: Metadata = ()) -> Node:
    """Make the node of a type, with the metadata found around it.

    Args:
        hint: A type as an annotation has it: a scalar, a literal, a union, a tuple of any
            length, a described dataclass, or one of these within `Annotated`.
        noun: What a value is called where it is unknown.
        metadata: What `Annotated` adds: bounds, registries, reasons.

    Raises:
        TypeError: No node knows this type: a mistake in a declaration.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner, *more = arguments
        return node_of(inner, noun, [*more, *metadata])
    kinds = _first(metadata, Kinds)
    if kinds is not None:
        return _variants(kinds.noun, kinds.variants)
    if origin is Literal:
        return _literal(arguments, noun)
    if origin in (Union, types.UnionType):
        return _union(arguments, noun, metadata)
    if origin is tuple:
        shortest, longest = _lengths(metadata, LONGEST_LIST)
        return ListNode(node_of(arguments[0], noun.removesuffix("s")), shortest, longest)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        depends = _first(metadata, Depends)
        return object_node(hint) if depends is None else _dependent(hint, depends)
    node = _scalar(hint, metadata)
    if node is None:
        raise TypeError(f"no node reads {hint!r}")
    return node


def _entry(field: "dataclasses.Field[object]", hint: object) -> Entry:
    noun = field.name.replace("_", " ")
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    doc = _first(metadata, Doc) or Doc(KIND if field.name == "kind" else "")
    default: object = None
    required = False
    if field.default is not dataclasses.MISSING:
        default = plain(field.default)
    elif field.default_factory is not dataclasses.MISSING:
        default = plain(field.default_factory())
    else:
        required = True
    title = doc.title or noun.capitalize()
    only_null = _first(metadata, OnlyNull)
    node = node_of(hint, noun) if only_null is None else OnlyNode(None, only_null.reason)
    return Entry(node, title, doc.text, required, default)


_NODES: dict[type, ObjectNode] = {}


def object_node(described: type) -> ObjectNode:
    """Return the node of a described dataclass; its `title` and `purpose` describe it."""
    if described not in _NODES:
        _NODES[described] = _object_node(described)
    return _NODES[described]


def _object_node(described: type) -> ObjectNode:
    hints = get_type_hints(described, include_extras=True)
    entries = {
        field.name: _entry(field, hints[field.name]) for field in dataclasses.fields(described)
    }
    if "kind" in entries:
        entries = {"kind": entries.pop("kind"), **entries}
    return ObjectNode(
        built=described,
        type=described,
        title=str(getattr(described, "title", described.__name__)),
        description=str(getattr(described, "purpose", "")),
        entries=entries,
    )
