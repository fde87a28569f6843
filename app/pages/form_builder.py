"""From the configuration's JSON schema to a form's fields: one walk, with values and problems."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.pages.form import LIST_SEPARATOR, Condition, Control, Field, Option, number_text

Schema = Mapping[str, Any]

# What the absence of an object is called where nothing else is said.
NONE_TITLE = "none"
NO_UPLOAD = "What you upload under Bring your own stands here to choose from."


@dataclass(frozen=True, slots=True)
class Builder:
    """Walks a schema.

    Attributes:
        problems: Messages by pointer.
        words: `words["/model/cell"]["lstm"]` is a (title, help) pair from the catalog, for
            choices whose schema has names alone.
        conditions: Fields, by pointer, that hang on another field.
        chosen: The values of the fields that others hang on, by pointer.
        left_out: Values, by pointer, that are no choice because they hold anyway.
        offered: Uploads to choose from, by pointer and the kind that the field belongs to.
    """

    problems: Mapping[str, str]
    words: Mapping[str, Mapping[str, tuple[str, str]]]
    conditions: Mapping[str, Condition]
    chosen: Mapping[str, str]
    left_out: Mapping[str, frozenset[str]]
    offered: Mapping[tuple[str, str], tuple[Option, ...]]

    def fields(
        self, schema: Schema, values: Mapping[str, Any], parent: str, scope: str = ""
    ) -> Iterator[Field]:
        """Yield the fields of an object's properties; what has one possible value has none."""
        for name, property_schema in schema.get("properties", {}).items():
            pointer = f"{parent}/{name}"
            if is_settled(property_schema):
                continue
            value = value_of(property_schema, values, name)
            if property_schema.get("type") == "object":
                nested = value if isinstance(value, Mapping) else {}
                yield from self.fields(property_schema, nested, pointer, scope)
            else:
                field = self.field(property_schema, value, pointer, scope)
                yield self._with_dependents(field, schema, values, parent)

    def _with_dependents(
        self, field: Field, schema: Schema, values: Mapping[str, Any], parent: str
    ) -> Field:
        """Put the fields that hang on a choice under it, as those of a kind are."""
        found = {
            part.value: part
            for part in dependent_parts(schema)
            if f"{parent}/{part.field}" == field.pointer
        }
        if not found:
            return field
        options = []
        for option in field.options:
            part = found[option.value]
            inside = values.get(part.name, {}) if option.selected else {}
            inside = inside if isinstance(inside, Mapping) else {}
            fields = self.fields(part.schema, inside, f"{parent}/{part.name}", option.value)
            options.append(replace(option, fields=tuple(fields)))
        return replace(field, options=tuple(options))

    def field(self, schema: Schema, value: object, pointer: str, scope: str = "") -> Field:
        """Return the field of one property."""
        offers = self.offered.get((pointer, scope))
        made = self._control(schema, value, pointer) if offers is None else offered(offers, value)
        default = schema.get("default")
        if "default" in schema and value is not default:
            default_text = self._control(schema, default, pointer)["text"]
        else:
            default_text = made["text"]
        del made["text"]
        condition = self.conditions.get(pointer)
        return Field(
            pointer=pointer,
            scope=scope,
            title=str(schema.get("title", pointer.rsplit("/", 1)[-1])),
            help=str(schema.get("description", "")),
            error=self._problem(pointer, made["control"]),
            default=default_text,
            condition=condition,
            is_available=condition is None
            or self.chosen.get(condition.pointer) in condition.values,
            **made,
        )

    def _problem(self, pointer: str, control: Control) -> str:
        """Return what is wrong here: with the value, its kind, or an item of its list."""
        here = {pointer, f"{pointer}/kind"}
        for place, detail in self.problems.items():
            is_item = control in ("list", "checks") and place.startswith(f"{pointer}/")
            if place in here or is_item:
                return detail
        return ""

    def _control(self, schema: Schema, value: object, pointer: str) -> dict[str, Any]:
        alternatives: Sequence[Schema] = schema.get("oneOf", (schema,))
        nullable = any(one.get("type") == "null" for one in alternatives)
        one_number = [one for one in alternatives if one.get("type") in ("number", "integer")]
        if one_number:
            text = number_text(value)
            # Beside a number a word may stand: then a browser's number field would not take it.
            has_words = any("const" in one for one in alternatives)
            return {
                "control": "text" if has_words else "number",
                "value": text,
                "text": text,
                "type": "mixed" if has_words else one_number[0]["type"],
                "nullable": nullable,
                "minimum": one_number[0].get("minimum"),
                "above": one_number[0].get("exclusiveMinimum"),
                "maximum": one_number[0].get("maximum"),
                "below": one_number[0].get("exclusiveMaximum"),
            }
        if any("enum" in one or "properties" in one for one in alternatives):
            options = tuple(self._options(alternatives, value, pointer))
            text = next((one.value for one in options if one.selected), "")
            return {"control": "select", "options": options, "nullable": nullable, "text": text}
        kind = schema.get("type")
        if kind == "boolean":
            checked = value is True
            return {"control": "check", "checked": checked, "text": str(checked).lower()}
        if kind == "array":
            return self._array(schema, value, pointer)
        text = "" if value is None else str(value)
        return {
            "control": "text",
            "value": text,
            "text": text,
            "longest": next((one["maxLength"] for one in alternatives if "maxLength" in one), None),
            "nullable": nullable,
        }

    def _options(
        self, alternatives: Sequence[Schema], value: object, pointer: str
    ) -> Iterator[Option]:
        words = self.words.get(pointer, {})
        chosen = value.get("kind") if isinstance(value, Mapping) else value
        kinds = {one["properties"]["kind"]["const"] for one in alternatives if "properties" in one}
        # "None" comes first, a kind with options of its own stands once.
        for one in sorted(alternatives, key=lambda one: one.get("type") != "null"):
            if one.get("type") == "null":
                title, help_text = words.get("", (NONE_TITLE, ""))
                yield Option(value="", title=title, help=help_text, selected=chosen is None)
            for name in one.get("enum", ()):
                if name in kinds:
                    continue
                title, help_text = words.get(name, (str(name), ""))
                yield Option(value=name, title=title, help=help_text, selected=name == chosen)
            if "properties" in one:
                kind = one["properties"]["kind"]["const"]
                is_chosen = kind == chosen
                inside = value if is_chosen and isinstance(value, Mapping) else {}
                title, help_text = words.get(kind, ("", ""))
                yield Option(
                    value=kind,
                    title=str(one.get("title") or title or kind),
                    help=str(one.get("description") or help_text),
                    selected=is_chosen,
                    is_kind=True,
                    fields=tuple(self.fields(one, inside, pointer, kind)),
                )

    def _array(self, schema: Schema, value: object, pointer: str) -> dict[str, Any]:
        chosen = [str(one) for one in value] if isinstance(value, Sequence) else []
        names = schema.get("items", {}).get("enum")
        if names is None:
            text = LIST_SEPARATOR.join(chosen)
            kind = schema.get("items", {}).get("type", "mixed")
            return {"control": "list", "value": text, "text": text, "type": kind}
        words = self.words.get(pointer, {})
        options = []
        for name in names:
            if name in self.left_out.get(pointer, ()):
                continue
            title, help_text = words.get(name, (str(name), ""))
            options.append(Option(value=name, title=title, help=help_text, selected=name in chosen))
        text = LIST_SEPARATOR.join(one.value for one in options if one.selected)
        return {"control": "checks", "options": tuple(options), "type": "array", "text": text}


def offered(offers: Sequence[Option], value: object) -> dict[str, Any]:
    """Return a select of uploads; one that is not there any more stands by its id."""
    chosen = "" if value is None else str(value)
    known = {option.value for option in offers}
    options = [Option(value="", title=NONE_TITLE, help=NO_UPLOAD), *offers]
    if chosen and chosen not in known:
        options.append(Option(value=chosen, title=chosen))
    marked = tuple(replace(option, selected=option.value == chosen) for option in options)
    return {"control": "select", "options": marked, "nullable": True, "text": chosen}


@dataclass(frozen=True, slots=True)
class Dependent:
    """A property whose schema hangs on another: `name` has it where `field` is `value`."""

    field: str
    value: str
    name: str
    schema: Schema


def dependent_parts(schema: Schema) -> Iterator[Dependent]:
    """Yield what an object's schema says by if and then."""
    for rule in schema.get("allOf", ()):
        for field, condition in rule["if"]["properties"].items():
            for name, part in rule["then"]["properties"].items():
                yield Dependent(field, condition["const"], name, part)


def value_of(schema: Schema, values: Mapping[str, Any], name: str) -> object:
    """Return what stands at a name, or its default."""
    return values[name] if name in values else schema.get("default")


def is_settled(schema: Schema) -> bool:
    """Return whether a property has but one possible value: a kind's name, or a later feature."""
    return "const" in schema or schema.get("type") == "null"
