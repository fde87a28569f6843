"""The routes of runs, with nobody who works on what is queued."""

import base64
import json
import math
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.api.conftest import SMALL, changed, serving

RUNS = "/api/v1/runs"
NO_RUN = "00000000-0000-4000-8000-000000000000"


async def create(
    client: httpx.AsyncClient,
    **changes: Any,  # noqa: ANN401  # parts of a configuration
) -> dict[str, Any]:
    """Queue a small run."""
    answer = await client.post(RUNS, json={**SMALL, **changes})
    run: dict[str, Any] = answer.json()
    return run


async def test_a_created_run_is_at_its_location(client: httpx.AsyncClient) -> None:
    created = await client.post(RUNS, json=SMALL)
    found = (await client.get(created.headers["location"])).json()
    assert (created.status_code, found["id"]) == (201, created.json()["id"])


async def test_a_run_has_the_fields_of_the_contract(client: httpx.AsyncClient) -> None:
    run = await create(client)
    fields = {
        "id", "name", "status", "config", "progress", "created_at", "started_at", "finished_at",
        "error", "verdict", "versions", "final_loss",
    }  # fmt: skip
    assert fields <= set(run)


async def test_a_queued_run_says_where_it_is(client: httpx.AsyncClient) -> None:
    await create(client)
    second = (await client.get(f"{RUNS}/{(await create(client))['id']}")).json()
    found = (second["status"], second["progress"], second["queue_position"])
    assert found == ("queued", {"step": 0, "steps": 6, "eta_seconds": None}, 1)


async def test_the_stored_configuration_is_complete_and_starts_the_same_run(
    client: httpx.AsyncClient,
) -> None:
    first = await create(client)
    again = (await client.post(RUNS, json=first["config"])).json()
    assert again["config"] == first["config"]


async def test_times_are_rfc_3339_in_utc(client: httpx.AsyncClient) -> None:
    assert (await create(client))["created_at"].endswith("Z")


async def test_an_idempotency_key_makes_one_run(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await client.post(RUNS, json=SMALL, headers=headers)
    again = await client.post(RUNS, json=SMALL, headers=headers)
    found = (first.status_code, again.status_code, again.json()["id"])
    assert found == (201, 200, first.json()["id"])


async def test_an_idempotency_key_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    await client.post(RUNS, json=SMALL, headers=headers)
    other = await client.post(RUNS, json={**SMALL, "seed": 9}, headers=headers)
    found = (other.status_code, other.json()["type"])
    assert found == (422, "/problems/idempotency-conflict")


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_idempotency_key_that_is_none_is_refused(
    client: httpx.AsyncClient, key: str
) -> None:
    answer = await client.post(RUNS, json=SMALL, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert [error["header"] for error in answer.json()["errors"]] == ["idempotency-key"]
    assert (await client.get(RUNS)).json()["items"] == []


async def test_the_list_goes_on_by_cursor_and_ends(client: httpx.AsyncClient) -> None:
    made = [(await create(client))["id"] for _ in range(5)]
    first = (await client.get(RUNS, params={"limit": 3})).json()
    second = (await client.get(RUNS, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    listed = [run["id"] for run in first["items"] + second["items"]]
    assert (listed, second["next_cursor"]) == (made[::-1], None)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "queued"}, ["a", "b"]),
        ({"status": "running"}, []),
        ({"status": ["running", "queued"]}, ["a", "b"]),
        ({"tag": "blue"}, ["a"]),
        ({"cell": "lstm"}, ["b"]),
        ({"q": "A"}, ["a"]),
        ({"sort": "name", "limit": 1}, ["a"]),
        ({"sort": "-name", "limit": 1}, ["b"]),
    ],
    ids=str,
)
async def test_the_list_is_filtered_and_ordered(
    client: httpx.AsyncClient, query: dict[str, Any], names: list[str]
) -> None:
    await create(client, name="a", tags=["blue"])
    lstm = changed(SMALL, model={"cell": "lstm", "activation": None})
    await create(client, name="b", model=lstm["model"])
    items = (await client.get(RUNS, params=query)).json()["items"]
    assert sorted(run["name"] for run in items) == names


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ({"limit": 0}, 422, "limit"),
        ({"limit": 201}, 422, "limit"),
        ({"limit": "many"}, 422, "limit"),
        ({"limit": 2**70}, 422, "limit"),
        ({"sort": "mood"}, 422, "sort"),
        ({"status": "asleep"}, 422, "status"),
        ({"cursor": "nonsense"}, 422, "cursor"),
        ({"cursor": "W10="}, 422, "cursor"),
        ({"q": "a\0"}, 422, "q"),
    ],
    ids=str,
)
async def test_a_bad_list_parameter_is_refused_by_name(
    client: httpx.AsyncClient, query: dict[str, Any], status: int, parameter: str
) -> None:
    answer = await client.get(RUNS, params=query)
    found = (answer.status_code, answer.json()["errors"][0]["parameter"])
    assert found == (status, parameter)


@pytest.mark.parametrize("value", [10**30, -(10**30), None, [], {}, True, math.inf])
@pytest.mark.parametrize("place", [1, 2])
async def test_a_forged_cursor_is_no_fault_of_ours(
    client: httpx.AsyncClient, place: int, value: object
) -> None:
    await create(client)
    await create(client)
    query: dict[str, Any] = {"limit": 1, "sort": "name"}
    cursor = (await client.get(RUNS, params=query)).json()["next_cursor"]
    parts = json.loads(base64.urlsafe_b64decode(cursor))
    parts[place] = value
    forged = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
    answer = await client.get(RUNS, params={**query, "cursor": forged})
    assert answer.status_code in {200, 422}


async def test_a_cursor_of_another_list_is_410(client: httpx.AsyncClient) -> None:
    await create(client)
    await create(client)
    cursor = (await client.get(RUNS, params={"limit": 1})).json()["next_cursor"]
    answer = await client.get(RUNS, params={"cursor": cursor, "sort": "name"})
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/stale-cursor")


async def test_a_list_that_has_not_changed_is_304(client: httpx.AsyncClient) -> None:
    await create(client)
    tag = (await client.get(RUNS)).headers["etag"]
    same = await client.get(RUNS, headers={"If-None-Match": tag})
    await create(client)
    changed_since = await client.get(RUNS, headers={"If-None-Match": tag})
    found = (tag[:3], same.status_code, same.content, changed_since.status_code)
    assert found == ('W/"', 304, b"", 200)


async def test_cancelling_twice_is_202_twice(client: httpx.AsyncClient) -> None:
    run = await create(client)
    answers = [await client.post(f"{RUNS}/{run['id']}/cancel") for _ in range(2)]
    found = [(answer.status_code, answer.json()["status"]) for answer in answers]
    assert found == [(202, "cancelled")] * 2


async def test_a_run_that_is_not_over_is_not_deleted(client: httpx.AsyncClient) -> None:
    run = await create(client)
    refused = await client.delete(f"{RUNS}/{run['id']}")
    kept = await client.get(f"{RUNS}/{run['id']}")
    assert (refused.status_code, refused.json()["type"], kept.status_code) == (
        409,
        "/problems/conflict",
        200,
    )


async def test_a_deleted_run_is_gone(client: httpx.AsyncClient) -> None:
    run = await create(client)
    await client.post(f"{RUNS}/{run['id']}/cancel")
    deleted = await client.delete(f"{RUNS}/{run['id']}")
    gone = await client.get(f"{RUNS}/{run['id']}")
    assert (deleted.status_code, deleted.content, gone.status_code) == (204, b"", 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("PATCH", ""),
        ("POST", "/cancel"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/extend"),
        ("POST", "/retry"),
        ("GET", "/verdict"),
        ("GET", "/events"),
        ("GET", "/statistics"),
        ("GET", "/statistics/loss"),
        ("GET", "/checkpoints"),
        ("GET", "/checkpoints/0"),
        ("GET", "/figures/loss"),
    ],
)
@pytest.mark.parametrize("run_id", [NO_RUN, "%2e%2e%2f", "a%00b", "%ff", "C:", "x" * 300])
async def test_an_unknown_run_is_404_on_every_route(
    client: httpx.AsyncClient, method: str, path: str, run_id: str
) -> None:
    body = {"steps": 9} if path == "/extend" else {} if method == "PATCH" else None
    answer = await client.request(method, f"{RUNS}/{run_id}{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (
        404,
        "application/problem+json",
    )


async def test_a_full_queue_is_429_with_a_time_to_come_back(settings: Settings) -> None:
    full = settings.model_copy(update={"max_queue": 1})
    async with serving(create_app(full)) as client:
        await create(client)
        answer = await client.post(RUNS, json=SMALL)
    found = (answer.status_code, answer.json()["type"], int(answer.headers["retry-after"]) > 0)
    assert found == (429, "/problems/queue-full", True)


async def test_a_queued_run_has_no_verdict_yet(client: httpx.AsyncClient) -> None:
    run = await create(client)
    assert run["verdict"] is None
    answer = await client.get(f"{RUNS}/{run['id']}/verdict")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (await client.get(f"{RUNS}/none/verdict")).status_code == 404


async def test_text_in_a_name_comes_back_as_it_went(client: httpx.AsyncClient) -> None:
    name = "<script>alert(1)</script> ${7*7} {{7*7}} $(id) ∂ℓ/∂h 🌊"
    run = await create(client, name=name)
    assert json.loads((await client.get(f"{RUNS}/{run['id']}")).content)["name"] == name
