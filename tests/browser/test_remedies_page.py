"""The remedy lab in a real browser: from a verdict to a ranked table, while one looks."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.runs.tags import trial_tag
from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations

SECONDS = 60_000
VANISHING: dict[str, Any] = {
    "name": "a sigmoid that hears nothing",
    "task": {"kind": "adding", "length": 30},
    "model": {"cell": "elman", "activation": "sigmoid", "hidden_size": 8},
    "training": {"steps": 40},
    "recording": {"every": 20},
}


@pytest.fixture(scope="module")
def troubled(service: Service) -> str:
    """A run that is over and has a verdict with remedies."""
    return service.finish(VANISHING)


def test_from_the_run_one_click_leads_to_what_helps(page: Page, troubled: str) -> None:
    page.goto(f"/runs/{troubled}")
    page.get_by_role("link", name="Why, and what helps").click()
    expect(page.get_by_role("heading", name="What is wrong, and what helps")).to_be_visible()
    expect(page.locator("[data-lab]")).to_contain_text("Cause: Each step back")


def test_chosen_remedies_run_and_are_ranked_while_one_looks(page: Page, troubled: str) -> None:
    page.goto(f"/runs/{troubled}/remedies")
    boxes = page.get_by_role("checkbox")
    for index in range(2, boxes.count()):
        boxes.nth(index).uncheck()
    page.get_by_role("button", name="Run them").click()
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(page.locator("[data-conclusion]")).to_be_visible(timeout=SECONDS)
    expect(table).not_to_contain_text("Queued")


def test_a_trial_at_work_tells_its_step_and_its_loss_so_far(
    page: Page, service: Service, troubled: str
) -> None:
    long = {**VANISHING, "training": {"steps": 1_000_000}, "tags": [trial_tag(troubled), "a long"]}
    run = service.start(long)
    page.goto(f"/runs/{troubled}/remedies")
    trial = page.locator(f'[data-run="{run}"]')
    expect(trial).to_contain_text(re.compile(r"/ 1,000,000 steps\s+loss so far"), timeout=SECONDS)
    expect(trial.locator("[data-loss]")).to_have_text(re.compile(r"\d"), timeout=SECONDS)
    step = trial.locator("[data-step]")
    before = step.text_content() or ""
    expect(step).not_to_have_text(before, timeout=SECONDS)
    assert int(trial.locator("progress").get_attribute("value") or 0) > 0
    httpx.post(f"{service.url}/api/v1/runs/{run}/cancel")
    service.wait(run)
    expect(trial).to_have_count(0, timeout=SECONDS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_lab_is_accessible_and_fits(
    new_page: Callable[..., Page], troubled: str, scheme: str, size: dict[str, int]
) -> None:
    page = new_page(color_scheme=scheme, viewport=size)
    page.goto(f"/runs/{troubled}/remedies")
    expect(page.get_by_role("button", name="Run them")).to_be_visible()
    assert violations(page) == []
    assert sideways_scroll(page) <= 0
