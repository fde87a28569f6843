"""The further tabs of the run page: drawn or said why not, chosen in the address, accessible."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations
from tests.browser.test_run_page import OVERVIEW, PATIENCE_MS, config

LIGHT_GROUND = "rgb(244, 246, 248)"
TABS = ("training", "paths", "jacobians", "gates", "activations", "parameters")


@pytest.fixture(scope="module")
def lstm(service: Service) -> str:
    """A finished run of a cell with gates."""
    model: dict[str, Any] = {"cell": "lstm", "hidden_size": 5}
    return service.finish(config(name="gates at twelve steps", model=model))


@pytest.fixture(scope="module")
def everything(service: Service) -> str:
    """A finished run of a cell with gates that recorded all there is."""
    known = httpx.get(f"{service.url}/api/v1/catalog").json()["statistics"]
    return service.finish(
        config(
            name="all of it",
            model={"cell": "lstm", "hidden_size": 4},
            task={"kind": "copy", "length": 24},
            recording={"every": 4, "statistics": [one["name"] for one in known]},
        )
    )


def settled(page: Page, run: str, tab: str, query: str = "") -> Page:
    """A tab on which every panel shows a figure, or says why it has none."""
    page.goto(f"/runs/{run}?tab={tab}{query}")
    panels = page.locator(f"[data-tab-panels={tab}] [data-panel]")
    for index in range(panels.count()):
        panel = panels.nth(index)
        panel.scroll_into_view_if_needed()
        expect(panel).not_to_have_attribute("data-state", "loading", timeout=PATIENCE_MS)
        assert panel.get_attribute("data-state") in {"ready", "empty"}
    page.evaluate("scrollTo(0, 0)")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_a_tab_is_accessible(
    new_page: Callable[..., Page], lstm: str, tab: str, scheme: str
) -> None:
    page = settled(new_page(viewport=DESKTOP, color_scheme=scheme), lstm, tab)
    assert violations(page) == []


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_needs_no_sideways_scrolling_on_a_phone(
    new_page: Callable[..., Page], lstm: str, tab: str
) -> None:
    page = settled(new_page(viewport=PHONE, has_touch=True), lstm, tab)
    assert sideways_scroll(page) == 0


def test_a_parameter_is_chosen_in_the_address(page: Page, lstm: str) -> None:
    settled(page, lstm, "paths", "&parameter=weight_hh_l0")
    choice = page.locator("[data-choice=parameter]:visible")
    expect(choice).to_have_value("weight_hh_l0")
    choice.select_option("readout.weight")
    expect(page).to_have_url(re.compile("parameter=readout.weight"))


def test_a_tab_that_this_network_lacks_is_the_overview(page: Page, service: Service) -> None:
    run = service.finish(config())
    page.goto(f"/runs/{run}?tab=gates")
    expect(page.locator("[data-tab=overview]")).to_have_attribute("aria-selected", "true")


def test_arrows_on_a_tab_change_the_tab_and_commas_do_from_anywhere(page: Page, lstm: str) -> None:
    settled(page, lstm, "overview", "&step=4")
    page.locator("[data-tab=overview]").focus()
    page.keyboard.press("ArrowRight")
    training = page.get_by_role("tab", name="Training")
    expect(training).to_have_attribute("aria-selected", "true")
    expect(training).to_be_focused()
    expect(page).to_have_url(re.compile("step=4"))  # the scrubber has not moved
    page.locator("[data-tab=training]").blur()
    page.keyboard.press(",")
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")


def test_a_map_in_full_size_has_its_colour_bar_and_how_to_read_it(page: Page, lstm: str) -> None:
    settled(page, lstm, "overview")
    section = page.locator("[data-panel=hidden_gradient_norm]")
    expect(section.locator(".panel-how")).to_be_visible()
    section.locator("[data-plot]").focus()
    page.keyboard.press("f")
    expect(section.locator(".legend-bar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-display] .legend-bar")).to_be_visible()


def test_paper_is_as_wide_as_the_widest_chart(page: Page, lstm: str) -> None:
    settled(page, lstm, "activations")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    rule = page.evaluate("document.adoptedStyleSheets.at(-1).cssRules[0].cssText")
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-plot]')].map(plot => plot.offsetWidth))"
    )
    size = re.search(r"size: (\d+)px", rule)
    assert size is not None
    assert widest > 800
    assert widest < int(size[1]) < widest + 40
    page.emulate_media(media="print")
    expect(page.locator(".app-bar")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).printColorAdjust") == "exact"


def test_paper_is_light_and_has_charts_that_were_never_scrolled_to(
    new_page: Callable[..., Page], lstm: str
) -> None:
    page = new_page(viewport=PHONE, color_scheme="dark")
    page.add_init_script("window.print = () => { window.printed = true; }")
    page.goto(f"/runs/{lstm}?theme=dark")
    first, last = (page.locator(f"[data-panel={name}]") for name in (OVERVIEW[0], OVERVIEW[-1]))
    expect(first).to_have_attribute("data-state", "ready")
    expect(last).to_have_attribute("data-state", "loading")
    ink = first.locator(".xtick text").first.evaluate("text => getComputedStyle(text).fill")
    page.keyboard.press("Control+p")
    page.wait_for_function("() => window.printed", timeout=PATIENCE_MS)
    expect(last).to_have_attribute("data-state", "ready")
    page.emulate_media(media="print", color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == LIGHT_GROUND
    on_paper = first.locator(".xtick text").first
    expect(on_paper).not_to_have_css("fill", ink)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(on_paper).to_have_css("fill", ink)


def test_what_the_first_print_by_the_menu_lacks_says_so_and_is_drawn_for_the_next(
    new_page: Callable[..., Page], lstm: str
) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"/runs/{lstm}")
    last = page.locator(f"[data-panel={OVERVIEW[-1]}]")
    expect(page.locator(f"[data-panel={OVERVIEW[0]}]")).to_have_attribute("data-state", "ready")
    page.evaluate(
        """name => {
            const panel = document.querySelector(`[data-panel=${name}]`);
            window.printed = [];
            addEventListener("beforeprint", () => window.printed.push(panel.dataset.state));
        }""",
        OVERVIEW[-1],
    )
    page.emulate_media(media="print")
    words = "element => getComputedStyle(element, '::before').content"
    assert "print again" in last.locator(".panel-body").evaluate(words)
    page.emulate_media(media="screen")
    page.pdf()
    expect(last).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    page.pdf()
    assert page.evaluate("printed") == ["loading", "ready"]


def test_keys_reach_the_charts_that_are_seen(page: Page, lstm: str) -> None:
    settled(page, lstm, "activations")
    page.keyboard.press("2")
    plots = page.locator("[data-tab-panels=activations] [data-plot]")
    expect(plots.nth(1)).to_be_focused()
    page.keyboard.press("f")
    full = page.locator(".panel--full")
    expect(full).to_have_count(1)
    expect(full).to_be_visible()
    # With another tab the chart goes, and so does its hold of the page.
    page.keyboard.press(".")
    expect(full).to_have_count(0)
    expect(page.locator("html.has-full-panel")).to_have_count(0)


def test_the_scrubber_moves_with_the_tab_and_drives_it(page: Page, lstm: str) -> None:
    settled(page, lstm, "activations", "&step=4")
    scrubber = page.locator("[data-tab-panels=activations] [data-scrubber]")
    expect(scrubber.locator("[data-scrub=label]")).to_have_text("4")
    scrubber.locator("[data-scrub=forward]").click()
    drawn = page.locator("[data-panel=activation] [data-plot]")
    page.wait_for_function(
        "plot => plot.layout?.meta?.step === 6", arg=drawn.element_handle(), timeout=PATIENCE_MS
    )


def test_what_was_not_recorded_is_offered_to_be_recorded(page: Page, service: Service) -> None:
    bare = {"every": 4, "probe_size": 2, "statistics": ["hidden_gradient_norm"]}
    run = service.finish(config(recording=bare))
    settled(page, run, "activations")
    panel = page.locator("[data-panel=activation]")
    expect(panel.locator("[data-message]")).to_contain_text("did not record this: ")
    panel.get_by_role("link", name="Run it again").click()
    chosen = page.locator("[name='/recording/statistics']:checked")
    values = chosen.evaluate_all("boxes => boxes.map((box) => box.value)")
    assert {"activation", "activation_slope", "preactivation_histogram"} <= set(values)


def test_a_run_is_paused_and_goes_on(page: Page, service: Service) -> None:
    training = {"steps": 100_000, "batch_size": 4}
    run = service.start(config(name="to be paused", training=training))
    page.goto(f"/runs/{run}")
    expect(page.locator("[data-status]")).to_have_text("Running", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("[data-status]")).to_have_text("Paused", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-status]")).to_have_text("Running", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled", timeout=PATIENCE_MS)


def test_a_pause_can_be_undone(page: Page, service: Service) -> None:
    training = {"steps": 1_000_000, "batch_size": 4}
    run = service.start(config(name="pause undone", training=training))
    page.goto(f"/runs/{run}")
    expect(page.locator("[data-status]")).to_have_text("Running", timeout=60_000)
    page.get_by_role("button", name="Pause", exact=True).click()
    # Taken back before or after it has come to that: it goes on either way.
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Goes on", timeout=60_000)
    httpx.post(f"{service.url}/api/v1/runs/{run}/cancel")
    assert service.wait(run)["status"] == "cancelled"


def test_a_run_as_code_is_shown_in_four_languages(page: Page, lstm: str) -> None:
    page.goto(f"/runs/{lstm}")
    page.get_by_text("Export").click()
    page.get_by_role("button", name="As code").click()
    dialog = page.get_by_role("dialog", name="The configuration as code")
    expect(dialog.locator("pre")).to_contain_text('"cell": "lstm"')
    dialog.get_by_role("button", name="PyTorch").click()
    expect(dialog.locator("pre")).to_contain_text("nn.LSTM(inputs, 5")
    assert violations(page) == []


@pytest.mark.parametrize("tab", ["overview", *TABS])
def test_every_panel_is_drawn_and_offers_picture_and_numbers(
    page: Page, everything: str, tab: str
) -> None:
    settled(page, everything, tab)
    panels = page.locator(f"[data-tab-panels={tab}] [data-panel]")
    for index in range(panels.count()):
        panel = panels.nth(index)
        message = panel.locator("[data-message]").inner_text()
        assert "did not record" not in message, panel.get_attribute("data-panel")
        panel.locator("summary").click()
        numbers = panel.get_by_role("link", name="Data as CSV")
        answer = page.request.get(str(numbers.get_attribute("href")))
        assert answer.ok
        assert answer.headers["content-type"].startswith("text/csv")
        panel.locator("summary").click()
        if panel.get_attribute("data-state") == "ready":
            saved_as(page, panel)


def saved_as(page: Page, panel: Locator) -> None:
    """A panel's picture in both forms, and what is in the files."""
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        panel.locator("summary").click()
        with page.expect_download() as download:
            panel.get_by_role("button", name=f"Save as {kind}").click()
        assert download.value.suggested_filename.endswith(kind.lower())
        assert download.value.path().read_bytes().startswith(start)
