"""Bad configurations: each refused with 422 at the exact place, and nothing stored."""

import json
import math
from typing import Any

import httpx
import pytest

from tests.app.api.conftest import SMALL

HUGE = 10**200
# Where the fault is, and what stands there.
FAULTS: list[tuple[str, Any]] = [
    ("/nmae", "a typing slip"),
    ("/name", 7),
    ("/seed", -1),
    ("/seed", HUGE),
    ("/tags", "demo"),
    ("/tags/0", 5),
    ("/task/kind", "fortune_telling"),
    ("/task/length", 0),
    ("/task/length", 20_001),
    ("/task/length", "100"),
    ("/task/length", True),
    ("/task/length", 100.5),
    ("/task/length", math.nan),
    ("/task/length", None),
    ("/task/dataset", "abc"),
    ("/model/cell", "grru"),
    ("/model/cell", ["lstm"]),
    ("/model/hidden_size", 0),
    ("/model/hidden_size", 4097),
    ("/model/hidden_size", math.inf),
    ("/model/layers", 9),
    ("/model/bidirectional", "yes"),
    ("/model/activation", "tahn"),
    ("/model/activation/slope", {"kind": "leaky_relu", "slope": -1}),
    ("/model/initializer/kind", "zeros"),
    ("/model/spectral_radius", -0.5),
    ("/model/from_model", "m1"),
    ("/training/steps", -1),
    ("/training/steps", 10_000_001),
    ("/training/batch_size", 0),
    ("/training/precision", "float16"),
    ("/training/reduction", "max"),
    ("/training/optimizer/kind", "lion"),
    ("/training/optimizer/learning_rate", 0),
    ("/training/optimizer/learning_rate", "fast"),
    ("/training/optimizer/momentum", 1.5),
    ("/training/optimizer/beta9", 0.9),
    ("/training/schedule/kind", "sawtooth"),
    ("/training/clipping/threshold", -1),
    ("/training/regularizer", "vanishing"),
    ("/training/truncation", 0),
    ("/recording/every", 0),
    ("/recording/probe_size", 1025),
    ("/recording/statistics/0", "gradient_mood"),
    ("/recording/checkpoints/0", "middle"),
]


def put(config: dict[str, Any], pointer: str, value: object) -> dict[str, Any]:
    """Return a copy of a configuration with a value at a pointer (a dict replaces its parent)."""
    changed: dict[str, Any] = json.loads(json.dumps(config))
    keys = pointer.split("/")[1:]
    if isinstance(value, dict) and keys[-1] in value:
        keys = keys[:-1]
    part: Any = changed
    for key in keys[:-1]:
        if key == "clipping" and part.get(key) is None:
            part[key] = {"kind": "norm", "threshold": 1.0}
        part = part.setdefault(key, {})
    if isinstance(part, list):
        part[int(keys[-1])] = value
    else:
        part[keys[-1]] = value
    return changed


async def stored_runs(client: httpx.AsyncClient) -> int:
    """Return how many runs there are."""
    return len((await client.get("/api/v1/runs")).json()["items"])


@pytest.mark.parametrize(("pointer", "value"), FAULTS, ids=[f"{p}={v!s:.20}" for p, v in FAULTS])
async def test_a_bad_value_is_refused_at_its_pointer_and_nothing_is_stored(
    client: httpx.AsyncClient, pointer: str, value: object
) -> None:
    body = json.dumps(put(SMALL, pointer, value))
    answer = await client.post(
        "/api/v1/runs", content=body, headers={"Content-Type": "application/json"}
    )
    problem = answer.json()
    found = (
        answer.status_code,
        answer.headers["content-type"],
        problem["type"],
        [error["pointer"] for error in problem.get("errors", [])],
        await stored_runs(client),
    )
    expected = (422, "application/problem+json", "/problems/invalid-config", [pointer], 0)
    assert found == expected, problem


@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null", "true"])
async def test_a_body_that_is_no_object_is_refused_as_a_whole(
    client: httpx.AsyncClient, body: str
) -> None:
    answer = await client.post(
        "/api/v1/runs", content=body, headers={"Content-Type": "application/json"}
    )
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert (answer.status_code, pointers) == (422, [""])


async def test_every_fault_is_told_at_once(client: httpx.AsyncClient) -> None:
    config = put(put(SMALL, "/training/steps", -1), "/model/hidden_size", 0)
    answer = await client.post("/api/v1/runs", json=config)
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/training/steps", "/model/hidden_size"}


async def test_a_whole_float_counts_as_an_integer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/runs", json=put(SMALL, "/training/steps", 6.0))
    assert (answer.status_code, answer.json()["config"]["training"]["steps"]) == (201, 6)
