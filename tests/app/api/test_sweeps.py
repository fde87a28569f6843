"""Sweeps over REST: made whole or not at all, cancelled, and summed up over two axes."""

import asyncio
import math
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.main import create_app
from app.runs.controls import controlled
from app.runs.training import train_run
from app.settings import Settings
from app.store import open_store
from app.store.tables import runs
from tests.app.api.conftest import SMALL, changed, serving, settings_of

SWEEPS = "/api/v1/sweeps"
GRID: dict[str, Any] = {
    "base": SMALL,
    "axes": {"model.cell": ["elman", "lstm"], "model.activation": ["tanh", "relu", "nope"]},
    "repeats": 2,
}


async def count_of_runs(client: httpx.AsyncClient) -> int:
    return len((await client.get("/api/v1/runs", params={"limit": 200})).json()["items"])


async def test_a_sweep_queues_every_combination_and_names_what_it_skips(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(SWEEPS, json=GRID)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"{SWEEPS}/{made['id']}"
    assert (made["name"], made["status"], made["statuses"]) == ("small", "queued", {"queued": 4})
    assert made["progress"] == {"runs": 4, "over": 0, "step": 0, "steps": 24}
    assert [(each["values"]["model.activation"], each["seed"]) for each in made["runs"]] == [
        ("tanh", 3),
        ("tanh", 4),
        ("relu", 3),
        ("relu", 4),
    ]
    assert [tuple(each["values"].values()) for each in made["skipped"]] == [
        ("elman", "nope"),
        ("lstm", "tanh"),
        ("lstm", "relu"),
        ("lstm", "nope"),
    ]
    assert "the cell lstm fixes its activation" in made["skipped"][1]["reason"]
    assert (await client.get(f"{SWEEPS}/{made['id']}")).json() == made
    run = (await client.get(f"/api/v1/runs/{made['runs'][2]['id']}")).json()
    assert run["config"]["model"]["activation"] == "relu"
    assert run["name"] == "small: cell elman, activation relu, seed 3"


async def test_a_key_makes_one_sweep_even_where_two_are_sent_at_once(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Idempotency-Key": "a"}
    answers = await asyncio.gather(
        *(client.post(SWEEPS, json=GRID, headers=headers) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].json() == answers[1].json()
    other = await client.post(SWEEPS, json={**GRID, "repeats": 1}, headers=headers)
    assert other.status_code == 422
    assert await count_of_runs(client) == 4


async def test_a_deleted_sweep_leaves_its_runs_unless_they_go_with_it(
    client: httpx.AsyncClient,
) -> None:
    kept, gone = [(await client.post(SWEEPS, json=GRID)).json() for _ in range(2)]
    assert (await client.delete(f"{SWEEPS}/{kept['id']}")).status_code == 204
    assert (await client.get(f"{SWEEPS}/{kept['id']}")).status_code == 404
    assert await count_of_runs(client) == 8
    address = f"{SWEEPS}/{gone['id']}"
    assert (await client.delete(f"{address}?runs=true")).status_code == 409
    await client.post(f"{address}/cancel")
    assert (await client.delete(f"{address}?runs=true")).status_code == 204
    assert await count_of_runs(client) == 4
    assert (await client.delete(address)).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"axes": {"model.activaton": ["tanh", "relu"]}}, 2 * ["/axes/model.activaton"]),
        ({"axes": {"model.cell": ["lstm"], "model.activation": ["tanh"]}}, None),
        ({"axes": {"task.length": ["long"]}}, ["/axes/task.length/0"]),
        ({"base": {**SMALL, "sed": 3}}, ["/base/sed"]),
        ({"repeats": 0}, ["/repeats"]),
        ({"sweeps": 3}, ["/sweeps"]),
    ],
)
async def test_a_refused_sweep_says_where_and_makes_nothing(
    client: httpx.AsyncClient, change: dict[str, Any], pointers: list[str] | None
) -> None:
    answer = await client.post(SWEEPS, json={**GRID, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    found = [each["pointer"] for each in answer.json()["errors"]]
    if pointers is None:
        pointers = ["/axes/model.activation/0"]
    elif len(pointers) > 1:
        pointers = [f"{pointer}/{index}" for index, pointer in enumerate(pointers)]
    assert found == pointers
    assert await count_of_runs(client) == 0
    assert (await client.get(SWEEPS)).json()["items"] == []


@pytest.mark.parametrize(
    ("limits", "status"), [({"max_sweep_runs": 11}, 422), ({"max_queue": 3}, 429)]
)
async def test_a_sweep_that_is_too_large_makes_no_run_at_all(
    tmp_path: Path, limits: dict[str, int], status: int
) -> None:
    async with serving(create_app(settings_of(tmp_path, **limits))) as client:
        answer = await client.post(SWEEPS, json=GRID)
        assert answer.status_code == status
        assert await count_of_runs(client) == 0
        assert (await client.get(SWEEPS)).json()["items"] == []


async def test_a_cancelled_sweep_has_no_run_left_and_is_cancelled_again(
    client: httpx.AsyncClient,
) -> None:
    made = (await client.post(SWEEPS, json=GRID)).json()
    for _ in range(2):
        answer = await client.post(f"{SWEEPS}/{made['id']}/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] == "cancelled"
        assert answer.json()["statuses"] == {"cancelled": 4}


async def test_a_finished_sweep_cannot_be_cancelled(client: httpx.AsyncClient) -> None:
    made = (await client.post(SWEEPS, json=GRID)).json()
    app = client._transport.app  # type: ignore[attr-defined]  # httpx's ASGITransport
    with app.state.store.database.write() as connection:
        connection.execute(sa.update(runs).values(status="succeeded"))
    answer = await client.post(f"{SWEEPS}/{made['id']}/cancel")
    assert (answer.status_code, (await client.get(f"{SWEEPS}/{made['id']}")).json()["status"]) == (
        409,
        "finished",
    )


async def test_sweeps_are_listed_page_by_page_the_newest_first(client: httpx.AsyncClient) -> None:
    made = [(await client.post(SWEEPS, json=GRID)).json()["id"] for _ in range(3)]
    first = (await client.get(SWEEPS, params={"limit": 2})).json()
    rest = (await client.get(SWEEPS, params={"cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    stale = (await client.get("/api/v1/runs", params={"cursor": first["next_cursor"]})).status_code
    assert stale == 410


@pytest.mark.parametrize("path", ["", "/matrix", "/cancel"])
async def test_a_sweep_that_is_not_there_is_404(client: httpx.AsyncClient, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    assert (await client.request(method, f"{SWEEPS}/none{path}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"x": "model"}, "x"),
        ({"y": "seed"}, "y"),
        ({"x": "model.cell", "y": "model.cell"}, "y"),
        ({"value": "loss"}, "value"),
    ],
)
async def test_a_matrix_of_what_there_is_not_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], parameter: str
) -> None:
    made = (await client.post(SWEEPS, json=GRID)).json()["id"]
    answer = await client.get(f"{SWEEPS}/{made}/matrix", params=query)
    assert answer.status_code == 422
    assert [each["parameter"] for each in answer.json()["errors"]] == [parameter]


TRAINED = {
    "base": changed(SMALL, training={"clipping": None}),
    "axes": {"training.optimizer.learning_rate": [0.05, 1e3], "model.activation": ["tanh", "relu"]},
    "repeats": 2,
}


async def test_a_matrix_holds_the_numbers_of_its_runs(settings: Settings) -> None:
    async with serving(create_app(settings)) as client:
        made = (await client.post(SWEEPS, json=TRAINED)).json()
        address = f"{SWEEPS}/{made['id']}/matrix"
        empty = (await client.get(address)).json()
        assert empty["data"] == [[None, None], [None, None]]
    store = open_store(settings)
    for each in made["runs"][:-1]:
        claim = store.attempts.claim(each["id"], "a test")
        assert claim is not None
        with controlled(store, claim) as control:
            train_run(store, claim, control, checkpoint_seconds=30)
    store.close()
    async with serving(create_app(settings)) as client:
        found = (await client.get(address, params={"x": "model.activation"})).json()
        assert found["y"] == {"axis": "training.optimizer.learning_rate", "values": [0.05, 1e3]}
        assert found["count"] == [[2, 2], [2, 1]]
        for row, rate in enumerate(found["y"]["values"]):
            for column, activation in enumerate(found["x"]["values"]):
                ids = [
                    run["id"]
                    for run in made["runs"]
                    if list(run["values"].values()) == [rate, activation]
                ]
                assert found["runs"][row][column] == ids
                records = [(await client.get(f"/api/v1/runs/{one}")).json() for one in ids]
                losses = sorted(
                    float(one["final_loss"]) for one in records if one["final_loss"] is not None
                )
                middle = float(found["data"][row][column])
                expected = losses[0] / 2 + losses[-1] / 2
                assert middle == expected or (math.isnan(middle) and math.isnan(expected))
        reach = (await client.get(address, params={"value": "reach"})).json()
        record = (await client.get(f"/api/v1/runs/{made['runs'][0]['id']}/verdict")).json()
        assert reach["low"][0][0] <= record["reach"] <= reach["high"][0][0]
        success = (await client.get(address, params={"value": "success"})).json()
        assert success["data"] == [[0.0, 0.0], [0.0, 0.0]]
        swept = (await client.get(f"{SWEEPS}/{made['id']}")).json()
        assert (swept["status"], swept["progress"]["over"]) == ("running", 7)
