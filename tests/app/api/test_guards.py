"""Host, origin, token, sizes, patience: each refuses exactly what it should."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.guards import CONTENT_SECURITY_POLICY, TOKEN_COOKIE, is_open
from app.main import create_app
from app.pages import static_url
from app.settings import Settings
from tests.app.api.conftest import SMALL, serving, settings_of

TOKEN = "correct horse battery staple ✓"  # a test's own


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "localhost",
        "LOCALHOST:9",
        "[::1]",
        "[::1]:8000",
        "my.host:80",
        "[2001:db8::1]:80",
        "[2001:db8::2]",
    ],
)
async def test_our_own_hosts_are_served(settings: Settings, host: str) -> None:
    ours = settings.model_copy(
        update={"allowed_hosts": ("my.host", "2001:DB8::1", "[2001:db8::2]")}
    )
    async with serving(create_app(ours)) as client:
        answer = await client.get("/healthz", headers={"Host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.com", "127.0.0.1.evil.com", "evil.com:8000", "127.0.0.1:x", "127.0.0.1:8000:1",
        "localhost.", "127.0.0.1@evil.com", "127.1", "2130706433", "", "[::1", "*", "127.0.0.1 ",
        "127.0.0.1/..", "0.0.0.0",
    ],
)  # fmt: skip
async def test_cve_2025_14279_another_host_is_400(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/healthz", headers={"Host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (
        400,
        "application/problem+json",
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "FROB"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1.evil.com:8000"},
        {"Origin": "http://127.0.0.1:8000/"},
        {"Origin": "http:" + "//user@127.0.0.1:8000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "file://127.0.0.1:8000"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_cve_2026_27482_and_40110_an_unsafe_request_of_another_origin_is_403(
    client: httpx.AsyncClient, method: str, headers: dict[str, str]
) -> None:
    answer = await client.request(method, "/api/v1/runs", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=str,
)
async def test_our_own_pages_and_programs_may_write(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/api/v1/runs", json=SMALL, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "path", ["/healthz", "/", "/docs", "/openapi.json", "/nowhere", "/static/nothing"]
)
async def test_every_answer_carries_the_policy(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    found = (headers["content-security-policy"], headers["x-content-type-options"])
    assert found == (CONTENT_SECURITY_POLICY, "nosniff")


async def test_a_refused_host_carries_the_policy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Host": "evil.com"})
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.fixture
def guarded(tmp_path: Path) -> FastAPI:
    """An application with a token."""
    return create_app(settings_of(tmp_path, token=TOKEN))


def addresses(app: FastAPI) -> list[tuple[str, str]]:
    """Return method and address of every route there is, with something in each placeholder."""
    found = [("GET", "/static/js/shell/shell.js"), ("GET", "/static/vendor/x"), ("GET", "/nowhere")]
    for route in iter_route_contexts(app.router.routes):
        path = getattr(route, "path", None)
        for method in getattr(route, "methods", None) or ():
            if path is not None:
                found.append((method, path.replace("{", "").replace("}", "")))
    return sorted(set(found))


async def test_cve_2026_2652_no_route_answers_without_the_token(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        closed = [(m, path) for m, path in addresses(guarded) if not is_open(path)]
        answers = {
            (method, path): (await client.request(method, path)).status_code
            for method, path in closed
        }
    assert len(answers) > 20, "the routes were not found"
    assert set(answers.values()) == {401}, answers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "TRACE", "FROB"])
@pytest.mark.parametrize(
    "path",
    ["/api/v1/runs", "/docs", "/openapi.json", "/readyz", "/healthz/", "//healthz", "/LOGIN",
     "/static/css/../js/shell/shell.js", "/static/css/%2e%2e/x.css", "/static/css/a/b.css",
     "/static/0123456789ab/js/shell/shell.js", "/static/0123456789ab/css/../js/x.css"],
)  # fmt: skip
async def test_cve_2026_0545_no_method_answers_without_the_token(
    guarded: FastAPI, method: str, path: str
) -> None:
    async with serving(guarded) as client:
        answer = await client.request(method, path)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/login", "/static/css/tokens.css"])
async def test_the_way_in_is_open(guarded: FastAPI, path: str) -> None:
    async with serving(guarded) as client:
        answer = await client.get(path)
    assert answer.status_code == 200


async def test_the_bearer_token_opens(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        answer = await client.get(
            "/api/v1/runs", headers={b"Authorization": b"Bearer " + TOKEN.encode()}
        )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Basic dDp0", "Bearer  ", f"Token {TOKEN[:-2]}"]
)
async def test_another_authorization_does_not_open(guarded: FastAPI, header: str) -> None:
    async with serving(guarded) as client:
        answer = await client.get("/api/v1/runs", headers={"Authorization": header})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer realm="Gradtide"',
    )


async def test_the_printed_link_goes_on_to_the_runs_with_a_cookie(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        entered = await client.get("/login", params={"token": TOKEN})
        runs = await client.get("/api/v1/runs")
    cookie = entered.headers["set-cookie"]
    found = (entered.status_code, entered.headers["location"], runs.status_code)
    assert found == (303, "/", 200)
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie


async def test_the_form_lets_in(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        entered = await client.post("/login", data={"token": TOKEN})
        runs = await client.get("/api/v1/runs")
    assert (entered.status_code, runs.status_code) == (303, 200)


async def test_a_wrong_token_at_the_form_is_401_and_sets_no_cookie(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        answer = await client.post("/login", data={"token": "guess"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


async def test_a_made_up_cookie_does_not_open(guarded: FastAPI) -> None:
    async with serving(guarded, cookies={TOKEN_COOKIE: "0" * 64}) as client:
        answer = await client.get("/api/v1/runs")
    assert answer.status_code == 401


async def test_the_way_in_looks_right_without_the_token(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        page = (await client.get("/login")).text
        files = re.findall(r'(?:href|src)="(/[^"]+)"', page)
        closed = [file for file in files if (await client.get(file)).status_code != 200]
    assert static_url("css/tokens+base.css") in files
    assert closed == []


async def test_a_browser_without_the_token_gets_a_page_that_leads_in(guarded: FastAPI) -> None:
    async with serving(guarded) as client:
        answer = await client.get("/", headers={"Accept": "text/html"})
    found = (answer.status_code, answer.headers["content-type"], 'action="/login"' in answer.text)
    assert found == (401, "text/html; charset=utf-8", True)


async def test_without_a_token_there_is_nothing_to_log_in_to(client: httpx.AsyncClient) -> None:
    answer = await client.get("/login?token=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_header_of_a_hundred_kilobytes_is_431(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"X-Long": "x" * 100_000})
    assert answer.status_code == 431


async def test_an_endless_address_is_414(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/runs", params={"q": "x" * 20_000})
    assert (answer.status_code, answer.json()["type"]) == (414, "/problems/address-too-long")


@pytest.mark.parametrize(
    "path", ["/healthz", "/", "/api/v1/runs", "/docs", "/static/css/base.css", "/nowhere"]
)
async def test_head_has_the_headers_of_get_and_no_body(
    client: httpx.AsyncClient, path: str
) -> None:
    got = await client.get(path)
    head = await client.head(path)
    expected = (got.status_code, got.headers["content-type"], b"")
    assert (head.status_code, head.headers["content-type"], head.content) == expected


async def test_head_of_a_stream_ends(client: httpx.AsyncClient) -> None:
    head = await asyncio.wait_for(client.head("/api/v1/events"), timeout=5)
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_a_body_that_stalls_is_408(tmp_path: Path) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with serving(create_app(settings_of(tmp_path, body_timeout=0.05))) as client:
        answer = await client.post(
            "/api/v1/runs", content=stalling(), headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["type"]) == (408, "/problems/time-out")
