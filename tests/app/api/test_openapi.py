"""The OpenAPI document is complete, and /docs shows it from files that are here."""

import json
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from safetensors.numpy import save

import engine
from app.api.examples import EXAMPLES
from app.api.upload_schemas import TABLE
from app.frame_bytes import pack
from app.guards import CONTENT_SECURITY_POLICY
from app.settings import Settings
from app.store.tables import runs
from tests.app.api.conftest import SMALL, train_into
from tests.app.api.test_captures import CONFIG
from tests.engine.watching.takes import take

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """The document as it is served."""
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every operation by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


async def test_every_call_of_this_version_is_in_it(document: dict[str, Any]) -> None:
    assert set(operations(document)) == {
        "GET /api/v1/catalog",
        "GET /api/v1/compare",
        "POST /api/v1/traces",
        "POST /api/v1/sweeps",
        "GET /api/v1/sweeps",
        "GET /api/v1/sweeps/{sweep_id}",
        "DELETE /api/v1/sweeps/{sweep_id}",
        "POST /api/v1/sweeps/{sweep_id}/cancel",
        "GET /api/v1/sweeps/{sweep_id}/matrix",
        "GET /api/v1/sweeps/{sweep_id}/figures/{name}",
        "POST /api/v1/runs/estimate",
        "GET /api/v1/runs/{run_id}/export",
        "GET /metrics",
        "POST /api/v1/runs",
        "GET /api/v1/runs",
        "GET /api/v1/runs/{run_id}",
        "DELETE /api/v1/runs/{run_id}",
        "PATCH /api/v1/runs/{run_id}",
        "POST /api/v1/runs/{run_id}/cancel",
        "POST /api/v1/runs/{run_id}/pause",
        "POST /api/v1/runs/{run_id}/resume",
        "POST /api/v1/runs/{run_id}/extend",
        "POST /api/v1/runs/{run_id}/retry",
        "GET /api/v1/runs/{run_id}/verdict",
        "GET /api/v1/events",
        "GET /api/v1/runs/{run_id}/events",
        "GET /api/v1/runs/{run_id}/statistics",
        "GET /api/v1/runs/{run_id}/statistics/{name}",
        "GET /api/v1/figures",
        "GET /api/v1/figures/{name}",
        "GET /api/v1/runs/{run_id}/figures",
        "GET /api/v1/runs/{run_id}/figures/{name}",
        "GET /api/v1/runs/{run_id}/checkpoints",
        "GET /api/v1/runs/{run_id}/checkpoints/{step}",
        "GET /api/v1/runs/{run_id}/chain",
        "POST /api/v1/captures",
        "POST /api/v1/captures/{run_id}/frames",
        "POST /api/v1/captures/{run_id}/finish",
        "POST /api/v1/models",
        "GET /api/v1/models",
        "GET /api/v1/models/{model_id}",
        "DELETE /api/v1/models/{model_id}",
        "POST /api/v1/datasets",
        "GET /api/v1/datasets",
        "GET /api/v1/datasets/{dataset_id}",
        "DELETE /api/v1/datasets/{dataset_id}",
        "GET /healthz",
        "GET /readyz",
    }


async def test_the_body_of_a_run_is_the_engines_own_schema(document: dict[str, Any]) -> None:
    body = operations(document)["POST /api/v1/runs"]["requestBody"]
    schemas = document["components"]["schemas"]
    reference = body["content"]["application/json"]["schema"]["$ref"]
    engines: Any = engine.config_schema()["properties"]
    assert reference == "#/components/schemas/RunConfig"
    assert set(schemas["RunConfig"]["properties"]) == set(engines)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    names = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert names - set(schemas) == set()
    assert "#/$defs/" not in str(document)


async def test_every_refusal_is_described_as_a_problem(document: dict[str, Any]) -> None:
    described = {
        f"{name} {status}": list(answer["content"])
        for name, operation in operations(document).items()
        for status, answer in operation["responses"].items()
        if status == "default" or status >= "400"
    }
    assert {tuple(kinds) for kinds in described.values()} == {("application/problem+json",)}


async def test_every_operation_and_parameter_says_what_it_is(document: dict[str, Any]) -> None:
    silent = [name for name, found in operations(document).items() if not found.get("description")]
    assert silent == []


def model_file() -> bytes:
    """Return the weights of an nn.RNN with a read-out, as a program sends them."""
    rng = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {"weight_ih_l0": (5, 2), "weight_hh_l0": (5, 5)}
    shapes |= {"bias_ih_l0": (5,), "bias_hh_l0": (5,)}
    weights = {f"rnn.{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    return save(weights | {"fc.weight": rng.normal(size=(1, 5)), "fc.bias": rng.normal(size=1)})


# Bodies of bytes that no document can show.
FILES: dict[str, Callable[[], bytes]] = {
    "POST /api/v1/models": model_file,
    "POST /api/v1/captures/{run_id}/frames": lambda: pack(take(np.random.default_rng(3), step=0)),
}


def sent(name: str, kind: str, media: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a client is to be given to send a body; None where it is another kind's."""
    if "example" not in media:
        made = FILES.get(name) if kind != "multipart/form-data" else None
        return None if made is None else {"content": made(), "headers": {"Content-Type": kind}}
    example = media["example"]
    if kind == "multipart/form-data":
        return {"files": {"file": ("mine.csv", example["file"])}, "data": {"name": example["name"]}}
    body = example if isinstance(example, str) else json.dumps(example)
    return {"content": body, "headers": {"Content-Type": kind}}


async def test_every_body_has_an_example_and_it_is_taken(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    app = client._transport.app  # type: ignore[attr-defined]  # httpx's ASGITransport
    for name, operation in operations(document).items():
        if "requestBody" not in operation:
            continue
        method, path = name.split(" ")
        captured = "captures" in path
        made, config = ("captures", CONFIG) if captured else ("runs", EXAMPLES["RunConfig"])
        run = (await client.post(f"/api/v1/{made}", json=config)).json()["id"]
        if not captured:
            with app.state.store.database.write() as connection:
                connection.execute(sa.update(runs).values(status="succeeded"))
        content = operation["requestBody"]["content"]
        bodies = [sent(name, kind, media) for kind, media in content.items()]
        taken = [body for body in bodies if body is not None]
        assert taken, name
        for body in taken:
            answer = await client.request(method, path.replace("{run_id}", run), **body)
            assert answer.is_success, (name, answer.text)


NEWEST = ("/chain", "/datasets", "/models", "/matrix", "/figures/{name}")
SAID_ELSEWHERE = {"limit", "cursor"}  # by their bounds, and by the page before


async def test_every_example_of_a_parameter_is_taken(
    document: dict[str, Any], client: httpx.AsyncClient, settings: Settings
) -> None:
    run = train_into(settings.data, SMALL)
    sweep = (await client.post("/api/v1/sweeps", json=EXAMPLES["SweepRequest"])).json()["id"]
    places = {"{run_id}": run, "{sweep_id}": sweep, "{name}": "sweep_matrix"}
    content = {"/api/v1/models": model_file(), "/api/v1/datasets": TABLE.encode()}
    headers = {"Content-Type": "text/csv"}
    asked = 0
    for name, operation in operations(document).items():
        method, path = name.split(" ")
        if not path.endswith(NEWEST) or (path.endswith("{name}") and "sweep" not in path):
            continue
        address = reduce(lambda text, place: text.replace(*place), places.items(), path)
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            if parameter["in"] != "query" or parameter["name"] in SAID_ELSEWHERE:
                continue
            values = schema.get("examples") or schema.get("enum")
            assert values, (name, parameter)
            for value in values:
                query: dict[str, Any] = {parameter["name"]: value}
                answer = await client.request(
                    method,
                    address,
                    params=query,
                    content=content[path] if method == "POST" else None,
                    headers=headers if method == "POST" else None,
                )
                assert answer.is_success, (name, query, answer.text)
                asked += 1
    assert asked >= 20


async def test_every_axis_is_a_described_parameter(document: dict[str, Any]) -> None:
    operation = operations(document)["GET /api/v1/runs/{run_id}/statistics/{name}"]
    named = {parameter["name"] for parameter in operation["parameters"]}
    axes = {axis for found in engine.STATISTICS.values() for axis in found.axes}
    assert axes <= named


async def test_the_page_loads_nothing_from_elsewhere_and_no_inline_script(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/docs")
    files = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    statuses = {file: (await client.get(file)).status_code for file in files}
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert set(statuses.values()) == {200}, statuses
    assert all(file.startswith("/") for file in files)
    assert not re.search(r"<script(?![^>]*src=)", answer.text)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("start.js", "text/javascript"),
    ],
)
async def test_the_files_of_the_page_have_their_types(
    client: httpx.AsyncClient, file: str, kind: str
) -> None:
    answer = await client.get(f"/docs/{file}")
    assert answer.headers["content-type"].split(";")[0] == kind
