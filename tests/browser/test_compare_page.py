"""The comparison in a real browser: one colour scale, one scrubber, activations side by side."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP, sideways_scroll, violations

PATIENCE_MS = 30_000
NOTHING = "\N{EN DASH}"  # of a run that is not over
ACTIVATIONS = ("sigmoid", "tanh", "relu")


@pytest.fixture(scope="module")
def runs(service: Service) -> list[str]:
    """The same task on three activations."""
    return [
        service.finish(
            {
                "name": f"{activation} compared",
                "task": {"kind": "adding", "length": 10},
                "model": {"cell": "elman", "activation": activation, "hidden_size": 5},
                "training": {"steps": 8, "batch_size": 4},
                "recording": {"every": 4, "probe_size": 4},
            }
        )
        for activation in ACTIVATIONS
    ]


def address(runs: list[str], query: str = "") -> str:
    """The link to a comparison."""
    return "/compare?" + "&".join(f"run={run}" for run in runs) + query


def ready(page: Page) -> None:
    """Wait until all that is on screen is drawn; what is below is drawn on the way."""
    panels = page.locator("[data-panel]")
    for index in range(panels.count()):
        panels.nth(index).scroll_into_view_if_needed()
        expect(panels.nth(index)).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)


def traces(page: Page) -> list[dict[str, Any]]:
    """The heatmap of every panel as Plotly draws it."""
    found: list[dict[str, Any]] = page.evaluate(
        """[...document.querySelectorAll("[data-plot]")].map((element) => {
            const trace = element._fullData[0];
            return {
                type: trace.type, zmin: trace.zmin, zmax: trace.zmax,
                z: Array.from(trace.z, (row) => Array.from(row)),
                names: element.layout.xaxis.ticktext ?? null,
            };
        })"""
    )
    return found


def test_activations_stand_side_by_side_with_the_recorded_numbers(
    page: Page, service: Service, runs: list[str]
) -> None:
    page.goto(address(runs, "&mode=magnitude"))
    ready(page)
    comparison = traces(page)[0]
    assert comparison["names"] == list(ACTIVATIONS)
    for column, run in enumerate(runs):
        url = f"{service.url}/api/v1/runs/{run}/statistics/hidden_gradient_norm"
        wanted = httpx.get(url, params={"step": "last"}).json()["data"][0][0]
        shown = np.array(comparison["z"], dtype=np.float32)[:, column]
        np.testing.assert_array_equal(shown, np.array(wanted, dtype=np.float32))


def test_all_heatmaps_share_one_colour_scale(page: Page, runs: list[str]) -> None:
    page.goto(address(runs))
    ready(page)
    page.get_by_label("Range").select_option("4")
    expect(page.locator("[data-range]")).to_have_value("4")
    ready(page)
    drawn = traces(page)
    assert len(drawn) == 4
    assert {(one["type"], one["zmin"], one["zmax"]) for one in drawn} == {("heatmap", -4, 4)}


def test_one_scrubber_moves_all(page: Page, runs: list[str]) -> None:
    page.goto(address(runs))
    ready(page)
    before = traces(page)[0]["z"]
    page.locator("[data-scrub=back]").click()
    expect(page.locator("[data-scrub=label]")).to_have_text("4")
    assert "step=4" in page.url
    for _ in range(100):
        if traces(page)[0]["z"] != before:
            break
        page.wait_for_timeout(50)
    assert traces(page)[0]["z"] != before


def test_a_link_restores_the_comparison(new_page: Callable[..., Page], runs: list[str]) -> None:
    first = new_page(viewport=DESKTOP)
    first.goto(address(runs, "&step=4&mode=magnitude&range=16"))
    ready(first)
    second = new_page(viewport=DESKTOP)
    second.goto(first.url)
    ready(second)
    assert traces(second) == traces(first)


def test_names_stand_in_the_figures_as_they_were_given(page: Page, service: Service) -> None:
    names = ["<b>x</b> & a < b", "y &lt; <i>z"]
    small = {
        "task": {"kind": "adding", "length": 6},
        "model": {"cell": "elman"},
        "training": {"steps": 2, "batch_size": 2},
        "recording": {"every": 1, "probe_size": 2},
    }
    page.goto(address([service.finish({"name": name, **small}) for name in names]))
    ready(page)
    panel = page.locator("[data-panel=activation_comparison]")
    # A label in two lines is an element for each.
    lines = panel.locator(".xtick tspan.line")
    assert [lines.nth(1).text_content(), lines.nth(3).text_content()] == names
    panel.locator("[data-plot]").focus()
    page.keyboard.press("ArrowUp")
    expect(panel.locator("[data-spoken]")).to_contain_text(names[1])
    panel.locator(".panel-more").click()
    panel.get_by_role("button", name="Show as table").click()
    head = page.get_by_role("dialog").locator("thead")
    for name in names:
        expect(head).to_contain_text(name)


def test_what_differs_is_said_and_what_is_alike_is_not(page: Page, runs: list[str]) -> None:
    page.goto(address(runs))
    tags = page.locator("[data-compared] .tag")
    assert tags.all_inner_texts() == [f"activation {name}" for name in ACTIVATIONS]


def test_what_it_changed_is_told_while_the_runs_go_on(page: Page, service: Service) -> None:
    slow = {
        "task": {"kind": "adding", "length": 30},
        "model": {"cell": "elman", "hidden_size": 8},
        "training": {"steps": 8, "batch_size": 4},
        "recording": {"every": 4, "probe_size": 4},
    }
    endless = {**slow, "training": {"steps": 10_000_000}, "recording": {"every": 1_000_000}}
    # Both workers are busy, so that the page is there before the runs that it compares begin.
    busy = [service.start({**endless, "name": "busy"}) for _ in range(2)]
    started = [service.start({**slow, "name": name}) for name in ("one", "other")]
    page.goto(address(started))
    found = page.locator("[data-outcome] td.number")
    for index in range(2):
        expect(found.nth(index)).to_have_text(NOTHING)
    for run in busy:
        httpx.post(f"{service.url}/api/v1/runs/{run}/cancel", timeout=30)
    for index in range(2):
        expect(found.nth(index)).not_to_have_text(NOTHING, timeout=60_000)


def test_without_runs_the_page_offers_them(page: Page, runs: list[str]) -> None:
    page.goto("/compare")
    for name in ACTIVATIONS[:2]:
        page.get_by_role("checkbox", name=f"{name} compared").check()
    page.locator(".chooser-form").get_by_role("button", name="Compare").click()
    expect(page.locator("[data-compared]")).to_have_count(2)


def test_a_run_that_is_gone_is_counted_and_is_no_error(page: Page, runs: list[str]) -> None:
    gone = "00000000-0000-4000-8000-000000000000"
    page.goto(address([*runs[:2], gone]))
    expect(page.locator("[data-compared]")).to_have_count(2)
    expect(page.locator(".run-notice")).to_contain_text("1 of the runs")


@pytest.mark.parametrize(("count", "words"), [(1, "Tick more"), (7, "7 runs are too many")])
def test_too_few_and_too_many_runs_are_refused_in_words(
    page: Page, service: Service, runs: list[str], count: int, words: str
) -> None:
    small = {"task": {"kind": "adding", "length": 10}, "training": {"steps": 1, "batch_size": 4}}
    more = [service.finish({**small, "model": {"cell": "elman"}}) for _ in range(count - len(runs))]
    page.goto(address([*runs, *more][:count]))
    expect(page.locator("[data-refusal]")).to_contain_text(words)
    expect(page.locator("[data-compared]")).to_have_count(0)
    expect(page.locator(".chooser-list input:checked")).to_have_count(count)
    expect(page.locator(".chooser-list .verdict").first).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 800])
def test_nothing_scrolls_sideways(
    new_page: Callable[..., Page], runs: list[str], width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 844})
    page.goto(address(runs))
    ready(page)
    assert sideways_scroll(page) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("with_runs", [True, False], ids=["compared", "empty"])
def test_axe_finds_nothing(
    new_page: Callable[..., Page], runs: list[str], scheme: str, with_runs: bool
) -> None:
    page = new_page(viewport=DESKTOP, color_scheme=scheme)
    page.goto(address(runs) if with_runs else "/compare")
    if with_runs:
        ready(page)
    assert violations(page) == []


def test_two_runs_show_what_differs_and_by_how_much(
    page: Page, service: Service, runs: list[str]
) -> None:
    page.goto(address(runs[:2]))
    ready(page)
    settings = page.locator("[data-setting]")
    assert settings.locator("th").all_text_contents() == ["activation"]
    assert settings.locator("td").all_text_contents() == list(ACTIVATIONS[:2])
    reach = page.locator("[data-outcome=Reach] td").all_text_contents()
    told = [httpx.get(f"{service.url}/api/v1/runs/{run}").json()["verdict"] for run in runs[:2]]
    assert reach == [f"{verdict['reach']}" for verdict in told]
    drawn = page.locator("[data-panel=gradient_difference] [data-plot]").evaluate(
        "plot => [plot._fullData[0].type, plot._fullData[0].zmin, plot._fullData[0].zmax]"
    )
    assert drawn == ["heatmap", -8, 8]


def test_by_loss_each_run_is_where_it_first_was_as_good(
    page: Page, service: Service, runs: list[str]
) -> None:
    page.goto(address(runs[:2], "&mode=magnitude"))
    ready(page)
    page.get_by_role("button", name="by loss").click()
    label = page.locator("[data-scrub=label]")
    expect(label).to_contain_text("loss")
    expect(page.get_by_role("slider", name="Loss")).to_be_visible()
    difference = page.locator("[data-panel=gradient_difference] [data-plot]")
    expect(difference.locator(".xtitle")).to_contain_text("training loss", timeout=PATIENCE_MS)
    lowest = label.text_content()
    with page.expect_response(lambda answer: "of_step=" in answer.url) as answered:
        page.locator("[data-scrub=slider]").press("Home")
    expect(label).not_to_have_text(lowest or "")
    meta = answered.value.json()["layout"]["meta"]
    # The highest level is where both begin.
    assert meta["steps"] == [0, 0]
    assert "align=loss" in page.url
    second = page.context.new_page()
    second.goto(page.url)
    ready(second)
    expect(second.locator("[data-scrub=label]")).to_have_text(label.text_content() or "")
