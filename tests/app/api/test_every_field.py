"""Every field of a configuration against values bad for most: never a 500, exact places."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import engine
from tests.app.api.conftest import SMALL, changed

# As JSON texts, since some of them are no JSON values to Python's writer.
VALUES = [
    "null", '"x"', '"1"', '""', "true", "NaN", "Infinity", "-Infinity", "0", "-0", "-1", "0.5",
    "2362.0", "2147483648", "9223372036854775808", "1e400", "1e-400", "9" * 5000, "[]", "[null]",
    "[NaN]", "{}", '{"": 1}', '{"kind": "x"}', '{"kind": null}', '{"kind": ["sgd"]}',
    '["first", 1e400]', '"' + "é" * 3000 + '"',
]  # fmt: skip
COMPLETE = engine.RunConfig.from_dict(
    changed(
        SMALL,
        model={
            "activation": {"kind": "leaky_relu", "slope": 0.1},
            "initializer": {"kind": "orthogonal", "gain": 1.0},
        },
        training={
            "clipping": {"kind": "norm", "threshold": 1.0},
            "schedule": {"kind": "cosine"},
        },
    )
).to_dict()


def places(config: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the place of every field, parts and their fields."""
    for key, value in config.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from places(value, (*above, key))


def written(place: tuple[str, ...], text: str) -> bytes:
    """Return the configuration as JSON with a text in the place of a field's value."""
    config = copy.deepcopy(COMPLETE)
    part: Any = config
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = "@here@"
    return json.dumps(config).replace('"@here@"', text).encode()


@pytest.mark.parametrize("place", list(places(COMPLETE)), ids="/".join)
async def test_any_value_in_a_field_is_taken_or_refused_at_its_place(
    client: httpx.AsyncClient, place: tuple[str, ...]
) -> None:
    pointer = "/" + "/".join(place)
    wrong = {}
    for text in VALUES:
        answer = await client.post(
            "/api/v1/runs",
            content=written(place, text),
            headers={"Content-Type": "application/json"},
        )
        errors = answer.json().get("errors", []) if answer.status_code == 422 else []
        at = {error["pointer"] for error in errors}
        refused_there = at and all(f"{found}/".startswith(f"{pointer}/") for found in at)
        if answer.status_code != 201 and not refused_there:
            wrong[text[:20]] = (answer.status_code, at)
    assert wrong == {}
