"""From a posted form back to a configuration, guided by the same schema that made the form.

Nothing is judged here: a value that cannot be read goes on as the text it came as, and the
configuration's own parser says what is wrong with it, at its pointer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.form import LIST_SEPARATOR
from app.pages.form_builder import Schema, dependent_parts, is_settled

# What a form posts: every name may come several times.
Posted = Mapping[str, Sequence[str]]


def posted_config(schema: Schema, posted: Posted, parent: str = "") -> dict[str, Any]:
    """Return the configuration that was posted; absent fields are left to their defaults."""
    config: dict[str, Any] = {}
    for name, property_schema in schema.get("properties", {}).items():
        pointer = f"{parent}/{name}"
        if is_settled(property_schema):
            continue
        if property_schema.get("type") == "object":
            if nested := posted_config(property_schema, posted, pointer):
                config[name] = nested
        elif pointer in posted:
            config[name] = _value(property_schema, posted, pointer)
    for part in dependent_parts(schema):
        if config.get(part.field) == part.value and (
            nested := posted_config(part.schema, posted, f"{parent}/{part.name}")
        ):
            config[part.name] = nested
    return config


def _value(schema: Schema, posted: Posted, pointer: str) -> object:
    alternatives: Sequence[Schema] = schema.get("oneOf", (schema,))
    texts = [text for text in posted[pointer] if text != ""]
    if schema.get("type") == "array":
        return _items(schema, texts)
    if schema.get("type") == "boolean":
        return "true" in texts
    if not texts:
        nullable = any(one.get("type") == "null" for one in alternatives)
        return None if nullable else ""
    text = texts[-1]
    for one in alternatives:
        if one.get("properties", {}).get("kind", {}).get("const") == text:
            return {"kind": text, **posted_config(one, posted, pointer)}
    is_number = any(one.get("type") in ("number", "integer") for one in alternatives)
    return number_of(text) if is_number else text


def _items(schema: Schema, texts: Sequence[str]) -> list[object]:
    if "enum" in schema.get("items", {}):
        return list(texts)
    words = [word.strip() for text in texts for word in text.split(LIST_SEPARATOR.strip())]
    is_text = schema.get("items", {}).get("type") == "string"
    return [word if is_text else number_of(word) for word in words if word]


def number_of(text: str) -> object:
    """Return the number, or the text where it is none."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
