"""The list of runs in a real browser: it follows what happens and does what is asked."""

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Service, Watch
from tests.browser.page_checks import (
    DESKTOP,
    FINGER_TARGET,
    NARROW,
    PHONE,
    POINTER_TARGET,
    shifts,
    sideways_scroll,
    small_targets,
    violations,
    watch_shifts,
)

LONG_STEPS = 1_000_000
# The height of a row before and after the longest words that a progress event makes.
TOLD = """async (name) => {
  const row = document.querySelector(`[data-name="${name}"]`);
  const module = document.querySelector("script[src*='/js/pages/index.js']").src;
  const { showProgress } = await import(module.replace("index.js", "run_rows.js"));
  const heights = [];
  for (const [step, eta] of [[1, null], [999999, 359999]]) {
    showProgress(row, { step, steps: 1000000, eta_seconds: eta, loss: 1.2e-7 });
    heights.push(row.getBoundingClientRect().height);
  }
  return heights;
}"""


def config_of(name: str, steps: int = 30) -> dict[str, Any]:
    return {
        "name": name,
        "task": {"kind": "adding", "length": 30},
        "model": {"cell": "elman", "activation": "sigmoid", "hidden_size": 8},
        "training": {"steps": steps, "batch_size": 8},
        "recording": {"every": 10},
    }


def row_of(page: Page, name: str) -> Locator:
    return page.locator(f'[data-name="{name}"]')


def follow(page: Page, address: str = "/") -> None:
    """Open the list and wait until it follows the service."""
    page.goto(address)
    expect(page.locator("[data-shell=live]")).to_have_attribute("data-state", "live")


def test_a_run_appears_moves_and_ends_while_one_looks(page: Page, service: Service) -> None:
    follow(page)
    service.start(config_of("watched", steps=300))
    row = row_of(page, "watched")
    expect(row).to_be_visible()
    expect(row.locator(".status")).to_have_text("Finished", timeout=30_000)
    expect(row.locator(".verdict")).to_contain_text("Vanishing")
    assert row.locator(".spark-line").get_attribute("d")
    expect(row.locator("[data-step]")).to_have_text("300")


def test_a_running_run_moves_without_a_fetch_for_every_step(page: Page, service: Service) -> None:
    follow(page)
    run = service.start(config_of("running", steps=LONG_STEPS))
    step = row_of(page, "running").locator("[data-step]")
    expect(step).not_to_have_text("0", timeout=30_000)
    before = step.text_content() or ""
    expect(step).not_to_have_text(before)
    expect(row_of(page, "running").locator("[data-eta]")).to_contain_text("left")
    row_of(page, "running").locator("summary").click()
    row_of(page, "running").get_by_role("button", name="Stop the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_contain_text("running is being cancelled")
    expect(row_of(page, "running").locator(".status")).to_have_text("Cancelled", timeout=20_000)
    assert service.wait(run)["status"] == "cancelled"


def test_a_search_is_kept_in_the_address(page: Page, service: Service) -> None:
    for name in ("needle", "haystack"):
        service.finish(config_of(name))
    follow(page)
    page.get_by_role("searchbox").fill("needl")
    expect(row_of(page, "haystack")).to_have_count(0)
    expect(row_of(page, "needle")).to_be_visible()
    assert page.url.endswith("/?q=needl")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("needl")
    expect(row_of(page, "haystack")).to_have_count(0)


def test_a_status_narrows_the_list(page: Page, service: Service) -> None:
    service.finish(config_of("over"))
    follow(page)
    page.get_by_label("Status").select_option("failed")
    expect(row_of(page, "over")).to_have_count(0)
    page.get_by_label("Status").select_option("succeeded")
    expect(row_of(page, "over")).to_be_visible()


def test_two_ticked_runs_can_be_compared_and_survive_a_reload(page: Page, service: Service) -> None:
    runs = [service.finish(config_of(name)) for name in ("left", "right")]
    follow(page)
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    row_of(page, "left").get_by_role("checkbox").check()
    expect(compare).to_be_disabled()
    row_of(page, "right").get_by_role("checkbox").check()
    page.reload()
    expect(row_of(page, "left").get_by_role("checkbox")).to_be_checked()
    expect(compare).to_be_enabled()
    with page.expect_request(re.compile(r"/compare\?")) as request:
        compare.click()
    assert request.value.url.endswith(f"/compare?run={runs[0]}&run={runs[1]}")


def wait_gone(service: Service, run: str) -> None:
    """Wait until the service has no such run any more."""
    deadline = time.monotonic() + 60
    while httpx.get(f"{service.url}/api/v1/runs/{run}").status_code != 404:
        assert time.monotonic() < deadline, "the run is still there"
        time.sleep(0.05)


def test_a_deletion_can_be_taken_back_until_its_message_goes(page: Page, service: Service) -> None:
    run = service.finish(config_of("unwanted"))
    follow(page)
    row = row_of(page, "unwanted")
    for answer in ("Undo", "Dismiss"):
        row.locator("summary").click()
        row.get_by_role("button", name="Delete").click()
        expect(row).to_be_hidden()
        expect(page.locator(".toast")).to_contain_text("unwanted deleted")
        assert httpx.get(f"{service.url}/api/v1/runs/{run}").status_code == 200
        page.locator(".toast").get_by_role("button", name=answer).click()
        if answer == "Undo":
            expect(row).to_be_visible()
    wait_gone(service, run)
    expect(row).to_be_hidden()


def test_leaving_the_page_ends_the_time_for_undo(page: Page, service: Service) -> None:
    run = service.finish(config_of("left behind"))
    follow(page)
    row = row_of(page, "left behind")
    row.locator("summary").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_be_hidden()
    page.goto("/runs/new")
    wait_gone(service, run)


def test_a_run_of_a_sweep_is_deleted_after_a_question(page: Page, service: Service) -> None:
    grid = {"base": {**config_of("swept"), "name": "swept"}, "axes": {"seed": [1]}}
    made = httpx.post(f"{service.url}/api/v1/sweeps", json=grid, timeout=30).json()
    service.wait(made["runs"][0]["id"])
    follow(page)
    row = row_of(page, "swept: seed 1")
    row.locator("summary").click()
    row.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete a run of a sweep?")
    expect(dialog).to_contain_text("“swept”")
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_be_hidden()
    page.goto(f"/sweeps/{made['id']}")
    wait_gone(service, made["runs"][0]["id"])
    page.reload()
    expect(page.locator("[data-part=progress]")).to_contain_text("its runs are deleted")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/sweeps")
    address = f"{service.url}/api/v1/sweeps/{made['id']}"
    assert httpx.get(address).status_code == 404


def test_ticked_runs_are_deleted_together(page: Page, service: Service) -> None:
    for name in ("first of two", "second of two"):
        service.finish(config_of(name))
    follow(page)
    deleting = page.locator("[data-delete-button]")
    expect(deleting).to_be_hidden()
    for name in ("first of two", "second of two"):
        row_of(page, name).get_by_role("checkbox").check()
    deleting.click()
    for name in ("first of two", "second of two"):
        expect(row_of(page, name)).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("2 runs deleted")
    expect(deleting).to_be_hidden()


def test_ticked_runs_are_stopped_together(page: Page, service: Service) -> None:
    ended = service.finish(config_of("over already"))
    going = [service.start(config_of(name, steps=LONG_STEPS)) for name in ("going", "going too")]
    follow(page)
    stopping = page.locator("[data-stop-button]")
    row_of(page, "over already").get_by_role("checkbox").check()
    expect(stopping).to_be_hidden()
    for name in ("going", "going too"):
        row_of(page, name).get_by_role("checkbox").check()
    stopping.click()
    dialog = page.get_by_role("dialog", name="Stop 2 runs?")
    dialog.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_have_text(re.compile("^2 runs are being cancelled"))
    assert [service.wait(run)["status"] for run in going] == ["cancelled", "cancelled"]
    expect(stopping).to_be_hidden()
    assert service.wait(ended)["status"] == "succeeded"


def test_what_is_ticked_on_another_page_is_stopped_and_deleted_too(
    page: Page, service: Service, watch: Watch
) -> None:
    watch.expect("404")  # of the run that is gone
    ended = service.finish(config_of("elsewhere, over"))
    going = service.start(config_of("elsewhere, going", steps=LONG_STEPS))
    # Neither has a row in a list of runs of another name.
    follow(page, f"/?q=no+such+run&pick={ended}&pick={going}&pick=gone")
    stopping = page.locator("[data-stop-button]")
    stopping.click()
    dialog = page.get_by_role("dialog", name="Stop this run?")
    expect(dialog).to_contain_text("elsewhere, going cannot go on")
    dialog.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_contain_text("elsewhere, going is being cancelled")
    assert service.wait(going)["status"] == "cancelled"
    assert "gone" not in page.url
    stopping.click()
    expect(page.locator(".toast").last).to_contain_text("What is ticked is over already.")
    page.locator("[data-delete-button]").click()
    expect(page.locator(".toast").last).to_contain_text("2 runs deleted")


def test_a_tag_is_a_filter_that_can_be_taken_off(page: Page, service: Service) -> None:
    service.finish({**config_of("tagged"), "tags": ["apart"]})
    service.finish(config_of("plain"))
    follow(page)
    row_of(page, "tagged").get_by_role("link", name="apart").click()
    expect(row_of(page, "tagged")).to_be_visible()
    expect(row_of(page, "plain")).to_have_count(0)
    page.get_by_role("link", name="Tag apart").click()
    expect(row_of(page, "plain")).to_be_visible()


def test_the_way_to_older_runs_is_that_of_the_filtered_list(
    page: Page, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.index.PAGE_SIZE", 1)
    for name in ("plum and stone", "plum"):
        service.finish(config_of(name))
    follow(page)
    older = page.get_by_role("link", name="Older runs")
    expect(older).to_be_visible()
    page.get_by_label("Search by name or tag").fill("plum and")
    expect(row_of(page, "plum and stone")).to_be_visible()
    expect(older).to_have_count(0)
    page.get_by_label("Search by name or tag").fill("plum")
    expect(older).to_be_visible()
    row_of(page, "plum").get_by_role("checkbox").check()
    older.click()
    page.wait_for_url("**/?q=plum&cursor=*")
    row_of(page, "plum and stone").get_by_role("checkbox").check()
    page.get_by_role("link", name="Newest runs").click()
    page.wait_for_url("**/?q=plum&pick=*")
    expect(row_of(page, "plum").get_by_role("checkbox")).to_be_checked()
    expect(page.locator("[data-picked]")).to_have_text("2 picked")


def test_tags_and_words_are_filters_side_by_side(page: Page, service: Service) -> None:
    for name in ("one pear", "two pears"):
        service.finish({**config_of(name), "tags": ["fruit"]})
    follow(page)
    search = page.get_by_label("Search by name or tag")
    search.fill("pear")
    page.wait_for_url("**/?q=pear")
    # The links of the rows come with the list of what was searched.
    chip = row_of(page, "one pear").locator("a[href='/?q=pear&tag=fruit']")
    chip.click()
    page.wait_for_url("**/?q=pear&tag=fruit")
    expect(search).to_have_value("pear")
    search.fill("pears")
    expect(row_of(page, "one pear")).to_have_count(0)
    page.get_by_role("link", name="Tag fruit").click()
    page.wait_for_url("**/?q=pears")
    expect(search).to_have_value("pears")
    expect(row_of(page, "two pears")).to_be_visible()


def test_a_paused_view_stays_as_it_is(page: Page, service: Service) -> None:
    follow(page)
    pill = page.locator("[data-shell=live]")
    pill.click()
    expect(pill).to_have_text("Paused")
    service.finish(config_of("unseen"))
    expect(row_of(page, "unseen")).to_have_count(0)
    pill.click()
    expect(pill).to_have_text("Live")
    expect(row_of(page, "unseen")).to_be_visible()


def test_a_list_that_lost_the_service_says_how_old_it_is(
    page: Page, service: Service, watch: Watch
) -> None:
    for words in ("ERR_INTERNET_DISCONNECTED", "Failed to load resource", "net::ERR"):
        watch.expect(words)
    follow(page)
    pill = page.locator("[data-shell=live]")
    pill.click()
    page.context.set_offline(True)
    pill.click()
    expect(pill).to_contain_text("last data", timeout=30_000)
    service.finish(config_of("missed"))
    page.context.set_offline(False)
    expect(pill).to_have_text("Live", timeout=30_000)
    expect(row_of(page, "missed")).to_be_visible()


@pytest.mark.parametrize(("system", "other"), [("light", "dark"), ("dark", "light")])
def test_the_first_click_on_the_theme_changes_what_is_seen(
    new_page: Callable[..., Page], system: str, other: str
) -> None:
    page = new_page(color_scheme=system)
    page.goto("/")
    root, button = page.locator("html"), page.locator("[data-shell=theme]")
    seen = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(seen)
    expect(button).to_have_attribute("aria-label", f"Theme: auto. Change to {other}")
    button.click()
    assert page.evaluate(seen) != before
    page.reload()
    expect(root).to_have_attribute("data-theme", other)
    button.click()
    expect(button).to_have_attribute("aria-label", f"Theme: {system}. Change to auto")
    assert page.evaluate(seen) == before
    button.click()
    assert root.get_attribute("data-theme") is None


def test_a_link_may_name_its_theme(page: Page) -> None:
    page.goto("/?theme=dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("[data-shell=theme]").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_keyboard_has_a_list_of_itself(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Words and keyboard shortcuts")
    expect(dialog).to_contain_text("New run")
    expect(dialog.get_by_role("link", name="REST interface")).to_have_attribute("href", "/docs")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("n")
    expect(page).to_have_url(re.compile(r"/(\?.*)?$"))


def test_a_key_leads_to_the_comparison_of_what_is_ticked(page: Page, service: Service) -> None:
    runs = [service.finish(config_of(name)) for name in ("by key", "by key too")]
    follow(page)
    for name in ("by key", "by key too"):
        row_of(page, name).get_by_role("checkbox").check()
    page.keyboard.press("c")
    page.wait_for_url(f"/compare?run={runs[0]}&run={runs[1]}")


def test_the_first_tab_stop_leads_past_the_bar(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_list_has_no_violation(
    new_page: Callable[..., Page], service: Service, scheme: str, viewport: dict[str, int]
) -> None:
    service.finish(config_of("accessible"))
    page = new_page(color_scheme=scheme, viewport=viewport)
    follow(page)
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_address_without_a_page_says_so_and_leads_back(
    new_page: Callable[..., Page], watch: Watch, scheme: str
) -> None:
    watch.expect("404")
    page = new_page(color_scheme=scheme)
    page.goto("/nowhere")
    assert violations(page) == []
    page.get_by_role("link", name="To the list of runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "narrow"])
def test_the_list_needs_no_sideways_scrolling(
    new_page: Callable[..., Page], service: Service, viewport: dict[str, int]
) -> None:
    service.finish(config_of("a name that does not know when to stop " * 4))
    page = new_page(viewport=viewport)
    follow(page)
    assert sideways_scroll(page) == 0


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_in_the_list_moves_by_itself(
    new_page: Callable[..., Page], service: Service, viewport: dict[str, int]
) -> None:
    service.finish(config_of("still"))
    page = new_page(viewport=viewport)
    watch_shifts(page)
    follow(page)
    expect(page.locator("[data-time]").first).to_have_attribute("title", re.compile("20"))
    assert shifts(page) == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "narrow"])
def test_a_row_keeps_its_height_whatever_a_run_tells(
    new_page: Callable[..., Page], service: Service, viewport: dict[str, int]
) -> None:
    run = service.start(config_of("telling", steps=LONG_STEPS))
    page = new_page(viewport=viewport)
    follow(page)
    row = page.locator(f'[data-run="{run}"]')
    expect(row).to_have_attribute("data-status", "running", timeout=60_000)
    before, after = page.evaluate(TOLD, "telling")
    assert after == before
    httpx.post(f"{service.url}/api/v1/runs/{run}/cancel")
    assert service.wait(run)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("viewport", "least"), [(DESKTOP, POINTER_TARGET), (PHONE, FINGER_TARGET)], ids=str
)
def test_the_lists_controls_can_be_hit(
    new_page: Callable[..., Page], service: Service, viewport: dict[str, int], least: int
) -> None:
    service.finish(config_of("to be hit"))
    page = new_page(viewport=viewport)
    follow(page)
    assert small_targets(page, least) == []


def test_a_name_of_one_long_word_fits_a_phone_wherever_it_stands(
    new_page: Callable[..., Page], service: Service
) -> None:
    word = "one_long_word_" * 6
    run = service.finish(config_of(word))
    base = config_of(word)
    sweep = {"base": base, "axes": {"model.hidden_size": [2, 3]}, "repeats": 1}
    answer = httpx.post(f"{service.url}/api/v1/sweeps", json=sweep)
    assert answer.status_code == 201, answer.text
    page = new_page(viewport=PHONE)
    pages = ("/", f"/runs/{run}", f"/runs/{run}/remedies", f"/compare?run={run}&run={run}")
    for address in (*pages, "/sweeps", f"/sweeps/{answer.json()['id']}"):
        page.goto(address)
        expect(page.get_by_text(word).first).to_be_attached()
        assert sideways_scroll(page) == 0, address
