"""One table, one body: every class of errors has its row, every refusal the same form."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.http_errors import STATUSES, status_of
from app.main import create_app
from app.runs import RunError
from app.settings import Settings
from app.store import DATABASE_FILE, StoreError, database
from engine import EngineError
from tests.app.api.conftest import SMALL, serving, settings_of, train_into

BASES = (EngineError, StoreError, RunError)


def subclasses(cls: type[Exception]) -> list[type[Exception]]:
    """Return all classes under one."""
    return [found for sub in cls.__subclasses__() for found in (sub, *subclasses(sub))]


@pytest.mark.parametrize(
    "cls", [cls for base in BASES for cls in subclasses(base)], ids=lambda cls: cls.__name__
)
def test_every_error_class_has_a_row(cls: type[Exception]) -> None:
    assert any(base in STATUSES for base in cls.__mro__)


def test_what_has_no_row_is_our_own_fault() -> None:
    assert status_of(KeyError("x"))[:2] == (500, "internal")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/api/v1/nowhere", 404, "not-found"),
        ("GET", "/api/v1/runs/", 404, "not-found"),
        ("GET", "/static/nothing.js", 404, "not-found"),
        ("GET", "/static/%2e%2e/pyproject.toml", 404, "not-found"),
        ("GET", "/docs/nothing", 404, "not-found"),
        ("PUT", "/api/v1/runs", 405, "method-not-allowed"),
        ("TRACE", "/api/v1/runs", 405, "method-not-allowed"),
        ("FROB", "/healthz", 405, "method-not-allowed"),
        ("POST", "/static/css/base.css", 405, "method-not-allowed"),
        ("GET", "/api/v1/figures/mood", 404, "not-found"),
        ("GET", "/api/v1/runs?limit=0", 422, "invalid-request"),
    ],
)
async def test_every_refusal_has_one_form(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    body = answer.json()
    found = (answer.status_code, answer.headers["content-type"], body["type"], body["status"])
    assert found == (status, "application/problem+json", f"/problems/{code}", status)
    assert body["title"]
    assert body["detail"]


async def test_a_405_names_what_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/v1/catalog")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PUT", "PATCH", "DELETE"])
async def test_the_estimates_address_is_no_runs(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/api/v1/runs/estimate")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    run = await client.options("/api/v1/runs/estimates")
    assert run.headers["allow"] == "GET, PATCH, DELETE, HEAD"


@pytest.mark.parametrize("path", ["/nowhere", "/runs/none", "/static/nothing.css"])
async def test_a_browser_gets_a_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    found = (answer.status_code, answer.headers["content-type"], "<h1>" in answer.text)
    assert found == (404, "text/html; charset=utf-8", True)


async def test_the_api_answers_a_browser_too_with_problem_json(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/runs/none", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
def broken(settings: Settings) -> FastAPI:
    """An application with a route that fails."""
    app = create_app(settings)

    @app.get("/broken")
    async def fail() -> None:
        raise RuntimeError("the password is swordfish")

    return app


async def test_our_own_fault_is_a_500_that_says_nothing(
    broken: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(broken) as client:
        answer = await client.get("/broken")
    found = (answer.status_code, answer.json()["type"], "content-security-policy" in answer.headers)
    assert found == (500, "/problems/internal", True)
    assert "swordfish" not in answer.text
    assert "swordfish" in caplog.text


async def test_readiness_asks_store_and_executor(settings: Settings) -> None:
    app = create_app(settings)
    async with serving(app) as client:
        ready = await client.get("/readyz")
        app.state.service.stop()
        stopped = await client.get("/readyz")
        alive = await client.get("/healthz")
    found = (ready.status_code, stopped.status_code, alive.status_code)
    assert (*found, "retry-after" in stopped.headers) == (200, 503, 200, True)


async def test_readiness_notices_a_store_that_is_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)
    async with serving(app) as client:
        monkeypatch.setattr(app.state.store, "events", None)
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")


async def test_a_database_that_another_holds_is_503_for_who_writes_and_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    run = train_into(tmp_path, SMALL)
    settings = settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        with closing(sqlite3.connect(settings.data / DATABASE_FILE)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = await client.patch(f"/api/v1/runs/{run}", json={"name": "later"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert refused.json()["type"] == "/problems/unavailable"
            assert "UPDATE" not in refused.text
            assert (await client.get("/api/v1/runs")).json()["items"][0]["name"] == "small"
            assert (await client.get(f"/api/v1/runs/{run}/statistics/loss")).status_code == 200
            other.rollback()
        answer = await client.patch(f"/api/v1/runs/{run}", json={"name": "later"})
        assert answer.json()["name"] == "later"


async def test_a_database_without_its_tables_is_our_own_fault(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        with closing(sqlite3.connect(settings.data / DATABASE_FILE)) as other:
            other.execute("DROP TABLE sweeps")
        assert (await client.get("/api/v1/sweeps")).status_code == 500
