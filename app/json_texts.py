"""JSON texts that come in: read strictly, faults found before anything is stored."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

# A configuration nests six deep; what nests deeper than this is no configuration.
MAX_JSON_DEPTH: Final = 64
# A double has at most 309 digits before the point; a longer integer is out of every range.
_MAX_INT_DIGITS: Final = 400


class MalformedJSONError(ValueError):
    """A text that is not JSON, or JSON that no door here takes."""


def parse_json(body: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Return the value of a JSON text, strictly: UTF-8, no key twice, no deep nesting.

    The literals NaN and Infinity and numbers beyond a double come through as floats, so that
    whoever checks the value can point at the field.

    Raises:
        MalformedJSONError: If it is not such a text.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise MalformedJSONError("The body is not UTF-8.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedJSONError(f"The body is not JSON: {error.msg} at {place}.") from error
    _check_depth(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise MalformedJSONError(f"The key {key!a} is there twice.")
        result[key] = value
    return result


def _integer(digits: str) -> int | float:
    if len(digits) > _MAX_INT_DIGITS:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits)


def _too_deep() -> MalformedJSONError:
    return MalformedJSONError(f"The body nests deeper than {MAX_JSON_DEPTH} levels.")


def _check_depth(value: object) -> None:
    """Refuse deep nesting, level by level, so that the check itself cannot overflow."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [item for container in level for item in _items(container)]
        if not level:
            return
    raise _too_deep()


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def text_problems(value: object, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Yield where a value's texts hold what no database takes: NUL, or half a surrogate pair."""
    if isinstance(value, str) and not is_plain(value):
        yield pointer, "text may not hold NUL or a lone surrogate"
    elif isinstance(value, dict):
        for key, item in value.items():
            if is_plain(key):
                yield from text_problems(item, f"{pointer}/{escape(key)}")
            else:
                yield pointer, f"the key {key!a} holds NUL or a lone surrogate"
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from text_problems(item, f"{pointer}/{i}")


def is_plain(text: str) -> bool:
    """Return whether a text can be stored and sent."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def escape(key: str) -> str:
    """Return a key as a JSON pointer's part (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
