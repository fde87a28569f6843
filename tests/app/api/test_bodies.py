"""Bodies that are no configuration at all: refused as problems, never a 500, nothing stored."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.app.api.conftest import SMALL
from tests.app.api.test_bad_configurations import stored_runs

JSON = "application/json"
BODIES = {
    "empty": (b"", 400),
    "not JSON": (b"{name: 1}", 400),
    "cut off": (b'{"name": "a"', 400),
    "two values": (b"{} {}", 400),
    "100,000 deep": (b"[" * 100_000 + b"]" * 100_000, 400),
    "65 deep": (b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}", 400),
    "a key twice": (b'{"name": "a", "name": "b"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "invalid UTF-8": (b'{"name": "\xff"}', 400),
    "5,000 digits": (b'{"seed": ' + b"9" * 5000 + b"}", 422),
    "beyond a double": (b'{"seed": 1e400}', 422),
    "NaN": (b'{"training": {"optimizer": {"kind": "sgd", "learning_rate": NaN}}}', 422),
    "-Infinity": (b'{"seed": -Infinity}', 422),
    "half a surrogate pair": (rb'{"name": "\ud800"}', 422),
    "half a surrogate pair in a key": (rb'{"\ud800": 1}', 422),
    "NUL": (rb'{"name": "a\u0000b"}', 422),
    "a long name": (b'{"name": "' + b"x" * 5000 + b'"}', 422),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
async def test_a_body_that_is_no_configuration_is_a_problem(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await client.post("/api/v1/runs", content=body, headers={"Content-Type": JSON})
    found = (answer.status_code, answer.headers["content-type"], await stored_runs(client))
    assert found == (status, "application/problem+json", 0), answer.text[:500]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": JSON, "Content-Encoding": "gzip"},
        {},
    ],
    ids=str,
)
async def test_another_content_type_is_415(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/api/v1/runs", content=b"{}", headers=headers)
    found = (answer.status_code, answer.json()["type"])
    assert found == (415, "/problems/unsupported-media-type")


@pytest.mark.parametrize(
    "media_type", [JSON, "application/json; charset=utf-8", "application/a+json"]
)
async def test_json_by_any_of_its_names_is_read(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(
        "/api/v1/runs", content=json.dumps(SMALL), headers={"Content-Type": media_type}
    )
    assert answer.status_code == 201


async def chunks(size: int) -> AsyncIterator[bytes]:
    """Yield a body of unsaid length."""
    for start in range(0, size, 1000):
        yield b" " * min(1000, size - start)


async def test_a_body_over_the_limit_is_413_where_its_length_is_announced(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(
        "/api/v1/runs", content=b" " * 1_000_001, headers={"Content-Type": JSON}
    )
    found = (answer.status_code, answer.headers["content-type"], answer.json()["type"])
    assert found == (413, "application/problem+json", "/problems/too-large")


async def test_a_body_over_the_limit_is_413_where_its_length_is_not_announced(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(
        "/api/v1/runs", content=chunks(1_000_001), headers={"Content-Type": JSON}
    )
    found = (answer.status_code, answer.headers["content-type"], answer.json()["type"])
    assert found == (413, "application/problem+json", "/problems/too-large")


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/v1/runs",
        content=json.dumps(SMALL).encode().ljust(1_000_000),
        headers={"Content-Type": JSON},
    )
    assert answer.status_code == 201
