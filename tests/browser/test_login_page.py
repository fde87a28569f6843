"""The way in, where a token is set, in a real browser: no script, no icon, and then the list."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from tests.browser.page_checks import violations

TOKEN = "a token of the tests"
START_SECONDS = 30.0


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """The address of a service that asks for a token."""
    from app.main import create_app
    from app.settings import Settings

    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = Settings(data=tmp_path, port=port, workers=0, token=TOKEN)  # type: ignore[arg-type]  # pydantic makes the secret
        config = uvicorn.Config(
            create_app(settings), log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=START_SECONDS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_token_lets_in(browser: Browser, guarded: str, scheme: str) -> None:
    context = browser.new_context(base_url=guarded, color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
    page = context.new_page()
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status > 399 else None)
    page.goto("/login")
    assert refused == []
    page.get_by_label("Token").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    assert violations(page) == []
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    assert violations(page) == []
    context.close()


def test_the_printed_link_lets_in(browser: Browser, guarded: str) -> None:
    context = browser.new_context(base_url=guarded)
    page = context.new_page()
    page.goto(f"/login?token={TOKEN}")
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    context.close()
