"""The page of a sweep in a real browser: figures drawn, every cell opens its runs."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.client import Client
from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations
from tests.browser.test_run_page import ready

FILLED = "plot => Array.from(plot._fullData[0].z).flatMap(row => [...row]).every(Number.isFinite)"
BASE = {
    "name": "small sweep",
    "task": {"kind": "adding", "length": 8},
    "model": {"cell": "elman", "hidden_size": 4},
    "training": {"steps": 3, "batch_size": 2},
    "recording": {"every": 2, "probe_size": 2},
}
AXES: dict[str, list[Any]] = {"model.activation": ["tanh", "relu", "nope"], "task.length": [8, 12]}


@pytest.fixture(scope="module")
def swept(service: Service) -> str:
    with Client(service.url) as client:
        made = client.create_sweep(BASE, AXES, repeats=2)
        for run in made["runs"]:
            client.wait(run["id"], timeout=120)
        return str(made["id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(new_page: Callable[..., Page], swept: str, scheme: str) -> None:
    page = new_page(viewport=DESKTOP, color_scheme=scheme)
    page.goto(f"/sweeps/{swept}")
    ready(page, "sweep_matrix", "success_by_lag")
    assert violations(page) == []


def test_a_phone_needs_no_sideways_scrolling(new_page: Callable[..., Page], swept: str) -> None:
    page = new_page(viewport=PHONE, has_touch=True)
    for address in ("/sweeps", f"/sweeps/{swept}"):
        page.goto(address)
        assert sideways_scroll(page) == 0


def test_the_grid_is_drawn_over_the_axes_that_are_chosen(page: Page, swept: str) -> None:
    page.goto(f"/sweeps/{swept}?value=reach&x=task.length&y=model.activation")
    ready(page, "sweep_matrix")
    plot = page.locator("[data-panel=sweep_matrix] [data-plot]")
    drawn = plot.evaluate(
        "plot => [plot._fullData[0].type, plot._fullData[0].z.length, plot.layout.xaxis.ticktext]"
    )
    assert drawn == ["heatmap", 3, ["8", "12"]]


def test_a_cell_opens_its_runs(page: Page, swept: str) -> None:
    page.goto("/sweeps")
    page.get_by_role("link", name="small sweep").first.click()
    cell = page.locator("[data-part=cell-1-1]")
    cell.locator("summary").click()
    cell.get_by_role("link", name="seed 0").click()
    expect(page.locator("h1")).to_contain_text("activation tanh, length 8")


def test_the_form_counts_while_one_types_and_makes_the_sweep(page: Page) -> None:
    page.goto("/sweeps/new")
    preview = page.locator("[data-part=preview]")
    expect(preview).to_contain_text("6 runs of")
    page.get_by_label("Values").first.fill("0.1, 0.2")
    expect(preview).to_contain_text("4 runs of")
    page.get_by_label("Values").first.fill("0.1, 0.1")
    expect(page.locator("#problem-1")).to_contain_text("stands in the list already")
    page.get_by_label("Values").first.fill("0.1")
    page.locator("#field-training-steps").fill("3")
    page.get_by_label("Seeds").fill("1")
    expect(preview).to_contain_text("1 run of 3 training steps")
    page.get_by_role("button", name="Start the sweep").click()
    expect(page.locator("h1")).to_contain_text("learning rate")


def test_what_varies_waits_in_the_base_and_says_so(page: Page) -> None:
    page.goto("/sweeps/new")
    rate, size = page.locator("#field-training-optimizer-learning_rate-sgd"), "model.hidden_size"
    expect(rate).to_be_disabled()
    expect(page.locator("[data-varied]:visible")).to_have_count(1)
    first, hidden = page.locator("#axis-1"), page.locator("#field-model-hidden_size")
    first.select_option(size)
    expect(hidden).to_be_disabled()
    expect(rate).to_be_enabled()
    expect(page.locator("[data-field='/model/hidden_size']")).to_contain_text("Varied: its values")
    page.get_by_label("Values").first.fill("4, 8")
    expect(page.locator("[data-part=preview]")).to_contain_text("4 runs of")


def test_an_option_is_offered_with_the_cell_that_has_it(page: Page) -> None:
    page.goto("/sweeps/new")
    offered = page.locator("#axis-2 option[value='model.options.alpha']")
    expect(offered).to_have_count(0)
    page.locator("#field-model-cell").select_option("leaky")
    expect(offered).to_have_count(1)
    page.locator("#axis-2").select_option("model.options.alpha")
    page.locator("#values-2").fill("0.1, 0.5")
    expect(page.locator("[data-part=preview]")).to_contain_text("12 runs of")
    expect(page.locator("#axis-2")).to_have_value("model.options.alpha")


def test_the_grid_fills_while_one_looks(page: Page, service: Service) -> None:
    slow = {**BASE, "name": "watched sweep", "training": {"steps": 40, "batch_size": 2}}
    with Client(service.url) as client:
        made = client.create_sweep(slow, {"model.activation": ["tanh", "relu"]})
        page.goto(f"/sweeps/{made['id']}")
        expect(page.locator("[data-part=progress]")).to_contain_text(
            "of 2 runs over", timeout=60_000
        )
        for run in made["runs"]:
            client.wait(run["id"], timeout=120)
    expect(page.locator("[data-part=progress]")).to_contain_text("2 of 2 runs over", timeout=60_000)
    figures = page.locator("[data-cell] .number").first
    expect(figures).to_have_text(re.compile(r"\d"), timeout=60_000)
    ready(page, "sweep_matrix")
    drawn = page.locator("[data-panel=sweep_matrix] [data-plot]")
    deadline = time.monotonic() + 60
    while not drawn.evaluate(FILLED):
        assert time.monotonic() < deadline, "a cell is still empty"
        page.wait_for_timeout(200)
