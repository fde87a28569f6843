"""The verbs in every state: what each answers, and what it leaves behind."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.main import create_app
from app.runs import RunStatus
from app.settings import Settings
from app.store.tables import runs
from tests.app.api.conftest import SMALL, serving
from tests.app.api.test_runs import RUNS, create

STEPS = SMALL["training"]["steps"]
BODIES: dict[str, dict[str, int]] = {"extend": {"steps": STEPS + 4}}
ANSWERS: dict[str, dict[str, str]] = {
    "cancel": {
        "queued": "cancelled",
        "running": "running",  # until its worker has seen it
        "interrupted": "cancelled",
        "paused": "cancelled",
        "cancelled": "cancelled",
    },
    "pause": {"running": "running", "paused": "paused"},
    "resume": {"paused": "queued"},
    "extend": {"succeeded": "queued"},
    "retry": {"failed": "queued"},
}
CASES = [(verb, status) for verb in ANSWERS for status in RunStatus]


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as client:
        yield client


def put(app: FastAPI, run_id: str, **values: Any) -> None:  # noqa: ANN401  # any column
    """Bring a run's row into a state."""
    with app.state.store.database.write() as connection:
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


async def ask(client: httpx.AsyncClient, run_id: str, verb: str) -> httpx.Response:
    return await client.post(f"{RUNS}/{run_id}/{verb}", json=BODIES.get(verb))


@pytest.mark.parametrize(("verb", "status"), CASES)
async def test_a_verb_is_202_where_the_table_has_the_move_and_else_409(
    app: FastAPI, client: httpx.AsyncClient, verb: str, status: RunStatus
) -> None:
    run = await create(client)
    put(app, run["id"], status=status)
    answer = await ask(client, run["id"], verb)
    after = ANSWERS[verb].get(status)
    expected = (409, status) if after is None else (202, after)
    kept = (await client.get(f"{RUNS}/{run['id']}")).json()["status"]
    assert (answer.status_code, kept) == expected


@pytest.mark.parametrize(
    ("verb", "status"), [(verb, status) for verb, table in ANSWERS.items() for status in table]
)
async def test_a_verb_is_202_again(
    app: FastAPI, client: httpx.AsyncClient, verb: str, status: str
) -> None:
    run = await create(client)
    put(app, run["id"], status=status)
    answers = [await ask(client, run["id"], verb) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()


async def test_a_pause_that_is_still_to_come_can_be_taken_back(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    run = await create(client)
    put(app, run["id"], status="running")
    asked = (await ask(client, run["id"], "pause")).json()
    back = (await ask(client, run["id"], "resume")).json()
    found = (asked["requested"], back["requested"], back["status"])
    assert found == ("pause", None, "running")


async def test_extending_raises_the_steps_and_keeps_the_schedules_horizon(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    training = {**SMALL["training"], "schedule": {"kind": "cosine"}}
    run = await create(client, training=training)
    put(app, run["id"], status="succeeded")
    longer = (await ask(client, run["id"], "extend")).json()
    asked = longer["config"]["training"]
    found = (longer["progress"]["steps"], asked["steps"], asked["schedule"]["horizon"])
    assert found == (STEPS + 4, STEPS + 4, STEPS)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/steps"),
        ({"steps": STEPS - 1}, "/steps"),
        ({"steps": "9"}, "/steps"),
        ({"steps": True}, "/steps"),
        ({"steps": None}, "/steps"),
        ({"steps": 10**12}, "/steps"),
        ({"steps": 9, "more": 1}, "/more"),
        ([9], ""),
    ],
)
async def test_a_wrong_extension_is_refused_at_its_pointer(
    app: FastAPI, client: httpx.AsyncClient, body: object, pointer: str
) -> None:
    run = await create(client)
    put(app, run["id"], status="succeeded")
    answer = await client.post(f"{RUNS}/{run['id']}/extend", json=body)
    kept = (await client.get(f"{RUNS}/{run['id']}")).json()
    assert (answer.status_code, kept["status"]) == (422, "succeeded")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_name_tags_and_notes_are_changed_and_the_rest_stays(
    client: httpx.AsyncClient,
) -> None:
    run = await create(client)
    change = {"name": "renamed", "tags": ["a", "b"], "notes": "look at unit 3"}
    answers = [await client.patch(f"{RUNS}/{run['id']}", json=c) for c in (change, {})]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json() == {**run, **change}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": 3}, "/name"),
        ({"tags": "a"}, "/tags"),
        ({"tags": None}, "/tags"),
        ({"tags": [""]}, "/tags/0"),
        ({"tags": ["a"] * 21}, "/tags"),
        ({"notes": 3}, "/notes"),
        ({"notes": "x" * 10_001}, "/notes"),
        ({"status": "succeeded"}, "/status"),
        ({"a/b": 1}, "/a~1b"),
        ([], ""),
    ],
)
async def test_a_wrong_change_is_refused_at_its_pointer_and_changes_nothing(
    client: httpx.AsyncClient, body: object, pointer: str
) -> None:
    run = await create(client)
    answer = await client.patch(f"{RUNS}/{run['id']}", json=body)
    kept = (await client.get(f"{RUNS}/{run['id']}")).json()
    found = [error["pointer"] for error in answer.json()["errors"]]
    assert (answer.status_code, found, kept["name"]) == (422, [pointer], run["name"])
