"""A real server and a real Chromium; every page must keep its console and its origin clean."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.install import find

START_SECONDS = 30.0
RUN_SECONDS = 120.0
PATIENCE_MS = 30_000  # for what a page is to show: other tests keep the processors busy, too
OVER = {"succeeded", "diverged", "failed", "cancelled"}
# plotly.js 4 probes once for eval and lives without it (SERVICE: the policy's one known report).
KNOWN_REPORTS = ("'unsafe-eval' is not an allowed source of script",)
# Without these Chromium calls its maker's servers at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A running Gradtide: its address and where its data lies."""

    url: str
    data: Path

    def start(self, config: Mapping[str, Any]) -> str:
        """Submit a configuration and return the run's id."""
        answer = httpx.post(f"{self.url}/api/v1/runs", json=dict(config), timeout=START_SECONDS)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def wait(self, run: str) -> dict[str, Any]:
        """Wait for a run's end and return the run."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            answer = httpx.get(f"{self.url}/api/v1/runs/{run}", timeout=START_SECONDS)
            found: dict[str, Any] = answer.json()
            if found["status"] in OVER:
                return found
            time.sleep(0.1)
        raise AssertionError(f"run {run} did not end within {RUN_SECONDS} s: {found}")

    def finish(self, config: Mapping[str, Any]) -> str:
        """Submit a configuration, wait for its end and return the run's id."""
        run = self.start(config)
        self.wait(run)
        return run


# No slots: Playwright hangs its handlers on the object whose methods it is given.
@dataclass(kw_only=True)
class Watch:
    """What pages said in their consoles and asked of others, collected for the teardown."""

    origin: str
    expected: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def expect(self, text: str) -> None:
        """Allow console errors that contain this text (a refused form makes one)."""
        self.expected.append(text)

    def follow(self, context: BrowserContext) -> None:
        """Collect from every page of a context."""
        context.on("page", self._follow_page)
        context.on("request", lambda request: self._request(request.url))

    def _follow_page(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(k in message.text for k in KNOWN_REPORTS):
            self.errors.append(f"{message.text} {message.location['url']}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:", "about:")):
            self.foreign.append(url)

    def check(self) -> None:
        """Fail on anything that was not expected."""
        unexpected = [e for e in self.errors if not any(k in e for k in self.expected)]
        assert unexpected == [], "console errors"
        assert self.foreign == [], "requests to another origin"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One server for the session, on a free port, with an empty store."""
    # Imported here: what breaks the application fails the browser's tests, not the collection.
    from app.main import create_app
    from app.settings import Settings

    data = tmp_path_factory.mktemp("data")
    # With the protocol said, as a server's own are: without it asyncio leaves Nagle's algorithm on,
    # and every short answer waits 40 ms for the browser's delayed acknowledgement.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(Settings(data=data, port=port, workers=2))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended while starting"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    yield Service(url=f"http://127.0.0.1:{port}", data=data)
    server.should_exit = True
    thread.join(timeout=START_SECONDS)
    assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session; a missing one fails, it never skips."""
    path = os.environ.get("CHROMIUM") or find()
    assert path, "no Chromium on this machine: make browser"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watch(service: Service) -> Iterator[Watch]:
    """The console and the requests of this test's pages, checked when it is over."""
    watching = Watch(origin=service.url)
    yield watching
    watching.check()


@pytest.fixture
def new_page(browser: Browser, service: Service, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Make pages, each in a profile of its own: new_page(color_scheme="dark", viewport=…)."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Page:  # noqa: ANN401  # Playwright's own keywords
        context = browser.new_context(
            base_url=service.url, **{"reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        watch.follow(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page in a fresh profile, 1440 by 900."""
    return new_page(viewport={"width": 1440, "height": 900})
