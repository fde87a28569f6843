"""The JSON schema says what the parser does, judged by a small validator written apart."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Interval
from hypothesis import given
from hypothesis import strategies as st

from engine.config import RunConfig, config_schema
from engine.errors import ConfigError, Problem
from engine.schema import Described, Doc, object_node, pointer_to
from engine.schema.declare import node_of

Json = dict[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
}


def fits(value: Any, schema: Json) -> bool:  # noqa: ANN401  # any JSON value
    """Whether a value fits a schema, draft 2020-12, as far as ours go."""
    if "oneOf" in schema:
        return sum(fits(value, choice) for choice in schema["oneOf"]) == 1
    if "const" in schema:
        return type(value) is type(schema["const"]) and value == schema["const"]
    if not _has_type(value, schema["type"]):
        return False
    if isinstance(value, str):
        return _text_fits(value, schema)
    if isinstance(value, dict):
        return _object_fits(value, schema)
    if isinstance(value, list):
        return _list_fits(value, schema)
    return isinstance(value, bool) or value is None or _number_fits(value, schema)


def _has_type(value: object, name: str) -> bool:
    if name == "integer":
        whole = isinstance(value, float) and value.is_integer()
        return whole or (isinstance(value, int) and not isinstance(value, bool))
    if name == "number" and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def _text_fits(value: str, schema: Json) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    return bool(schema["minLength"] <= len(value) <= schema["maxLength"])


def _object_fits(value: Json, schema: Json) -> bool:
    properties = schema.get("properties", {})
    if "properties" not in schema:
        return True
    known = set(value) <= set(properties) and set(schema["required"]) <= set(value)
    rules = [rule["then"]["properties"] for rule in schema.get("allOf", ()) if _holds(value, rule)]
    return known and all(
        fits(entry, part[key])
        for key, entry in value.items()
        for part in (properties, *rules)
        if key in part
    )


def _holds(value: Json, rule: Json) -> bool:
    return all(
        value.get(key) == wanted["const"] for key, wanted in rule["if"]["properties"].items()
    )


def _list_fits(value: list[Any], schema: Json) -> bool:
    counted = schema["minItems"] <= len(value) <= schema["maxItems"]
    unique = all(entry not in value[:index] for index, entry in enumerate(value))
    return counted and unique and all(fits(entry, schema["items"]) for entry in value)


def _number_fits(value: float, schema: Json) -> bool:
    return bool(
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


def sample(schema: Json) -> st.SearchStrategy[Any]:
    """Return values that fit a schema."""
    if "oneOf" in schema:
        return st.one_of([sample(choice) for choice in schema["oneOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    kinds: dict[str, Any] = {
        "object": lambda: st.fixed_dictionaries(
            {k: sample(schema["properties"][k]) for k in schema["required"]},
            optional={
                k: sample(v) for k, v in schema["properties"].items() if k not in schema["required"]
            },
        ),
        "array": lambda: st.lists(
            sample(schema["items"]),
            min_size=schema["minItems"],
            max_size=min(5, schema["maxItems"]),
            unique_by=json.dumps,
        ),
        "string": lambda: (
            st.sampled_from(schema["enum"])
            if "enum" in schema
            else st.text("abc é", min_size=schema["minLength"], max_size=9)
        ),
        "boolean": st.booleans,
        "null": st.none,
        "integer": lambda: st.integers(schema["minimum"], schema["maximum"]),
        "number": lambda: st.floats(
            schema.get("minimum", schema.get("exclusiveMinimum")),
            schema.get("maximum", schema.get("exclusiveMaximum")),
            exclude_min="exclusiveMinimum" in schema,
            exclude_max="exclusiveMaximum" in schema,
        ),
    }
    if "allOf" in schema:
        return st.one_of([sample(_narrowed(schema, rule)) for rule in schema["allOf"]])
    strategy: st.SearchStrategy[Any] = kinds[schema["type"]]()
    return strategy


def _narrowed(schema: Json, rule: Json) -> Json:
    """Return a schema of those objects for which a rule's condition holds."""
    properties = {**schema["properties"], **rule["if"]["properties"], **rule["then"]["properties"]}
    return {key: schema[key] for key in ("type", "required")} | {"properties": properties}


SCHEMA: Json = config_schema()

# What a schema cannot say: rules between fields.
BETWEEN_FIELDS = (
    "/model/activation",
    "/model/spectral_radius",
    "/model/forget_bias",
    "/recording/checkpoints",
    "/training/optimizer/nesterov",
    "/training/memory",
    "/training/regularizer",
    "/training/threads",
    "/training/truncation",
)


def refused(config: Json) -> list[str]:
    """Return the pointers at which a configuration is refused."""
    try:
        RunConfig.from_dict(config)
    except ConfigError as err:
        return [pointer for pointer, _ in err.problems]
    return []


@given(config=sample(SCHEMA))
def test_what_the_schema_allows_is_accepted_but_for_rules_between_fields(config: Json) -> None:
    assert fits(config, SCHEMA)
    pointers = refused(config)
    assert all(pointer.startswith(BETWEEN_FIELDS) for pointer in pointers)
    if not pointers:
        run = RunConfig.from_dict(config)
        assert fits(run.to_dict(), SCHEMA)
        assert RunConfig.from_dict(run.to_dict()) == run


SMALLEST: Json = {"task": {"kind": "copy"}, "model": {"cell": "elman"}}


def _places(value: Json, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, entry in value.items():
        yield (*place, key)
        if isinstance(entry, dict):
            yield from _places(entry, (*place, key))


WHOLE: Json = RunConfig.from_dict(SMALLEST).to_dict()
ODD = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        64.0,
        1e300,
        "",
        "tanh",
        "x" * 300,
        [],
        ["a", "a"],
        {},
        {"kind": 1},
    ]
)


@given(place=st.sampled_from(list(_places(WHOLE))), value=ODD)
def test_what_the_parser_refuses_in_one_field_the_schema_refuses_too(
    place: tuple[str, ...], value: object
) -> None:
    config = copy.deepcopy(WHOLE)
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    pointers = refused(config)
    between = [pointer.startswith(BETWEEN_FIELDS) for pointer in pointers]
    # A rule between fields is beyond a schema: what breaks only such a rule says nothing here.
    if not pointers or not all(between):
        assert fits(config, SCHEMA) == (not pointers)


@pytest.mark.parametrize(
    ("key", "pointer"), [("a", "/p/a"), ("a/b", "/p/a~1b"), ("~", "/p/~0"), (3, "/p/3")]
)
def test_pointers_are_escaped(key: object, pointer: str) -> None:
    assert pointer_to("/p", key) == pointer


@dataclass(frozen=True, kw_only=True, slots=True)
class Even(Described):
    """A number that has to be even, for the tests."""

    number: Annotated[int, Interval(ge=0, le=10), Doc("The number.")] = 0
    half: Annotated[float | None, Doc("Half of it.")] = None

    def completed(self) -> dict[str, object]:
        return {"half": self.number / 2} if self.half is None else {}

    def rules(self) -> Iterator[Problem]:
        if self.number % 2:
            yield Problem("/number", f"expected an even number, got {self.number}")


def test_a_field_that_follows_from_others_is_filled() -> None:
    assert Even(number=4).half == 2.0
    assert Even(number=4, half=7).half == 7.0


def test_rules_are_judged_where_the_fields_are_right() -> None:
    problems: list[Problem] = []
    object_node(Even).read({"number": 3}, "/deep/down", problems)
    assert problems == [Problem("/deep/down/number", "expected an even number, got 3")]


def test_rules_wait_for_right_fields() -> None:
    with pytest.raises(ConfigError) as caught:
        Even(number=11)
    assert caught.value.problems == (
        Problem("/number", "expected an integer from 0 to 10, got 11"),
    )


def test_a_declaration_that_no_node_reads_is_a_mistake_in_the_code() -> None:
    with pytest.raises(TypeError, match="no node reads"):
        node_of(complex, "number")


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_dict({**SMALLEST, "seed": "9" * 1000})
    assert len(str(caught.value)) < 200
