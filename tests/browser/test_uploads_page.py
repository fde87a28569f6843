"""The pages of uploads in a real browser: accessible, narrow enough, and a way to a run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.client import Client
from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations

TABLE = b"time,load,city\n" + b"".join(b"%d,%d,x\n" % (i, i % 5) for i in range(200))


@pytest.fixture(scope="module")
def table(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("upload") / f"{'one_long_word_' * 6}.csv"
    file.write_bytes(TABLE)
    with Client(service.url) as client:
        return str(client.upload_dataset(file)["id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_are_accessible_and_narrow_enough(
    new_page: Callable[..., Page], table: str, scheme: str, viewport: dict[str, int]
) -> None:
    page = new_page(viewport=viewport, color_scheme=scheme)
    for address in ("/datasets", "/models", f"/datasets/{table}"):
        page.goto(address)
        assert violations(page) == []
        assert sideways_scroll(page) == 0


def test_on_a_phone_a_files_name_has_room(
    new_page: Callable[..., Page], tmp_path: Path, service: Service
) -> None:
    file = tmp_path / "weather.txt"
    file.write_bytes(b"it rains, and then the sun shines once more\n" * 200)
    with Client(service.url) as client:
        client.upload_dataset(file)
    page = new_page(viewport=PHONE, has_touch=True)
    page.goto("/datasets")
    row = page.locator(".upload-table tbody tr", has_text="weather.txt")
    # Alone: a longer name would make room for this one.
    row.evaluate("row => row.parentElement.replaceChildren(row)")
    assert row.locator("a").evaluate("link => link.getClientRects().length") == 1
    assert sideways_scroll(page) == 0


def test_a_file_is_uploaded_and_learned_from(page: Page) -> None:
    page.goto("/datasets")
    page.set_input_files(
        "#upload-file", {"name": "grid.csv", "mimeType": "text/csv", "buffer": TABLE}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="grid.csv")).to_be_visible()
    page.get_by_role("button", name="Train on it").click()
    page.locator("[id='field-training-steps']").fill("2")
    page.locator("[id='field-task-length-series']").fill("12")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("lstm on series")
