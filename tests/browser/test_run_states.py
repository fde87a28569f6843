"""Each state of a run on its page: what it must show, that it fits, and that axe finds nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, Route, expect

from app.settings import Settings
from app.store import open_store
from app.store.tables import runs
from tests.browser.conftest import Service, Watch
from tests.browser.page_checks import DESKTOP, PHONE, cut_texts, sideways_scroll, violations
from tests.browser.test_run_page import OVERVIEW, config, heatmap, ready

LAST_LINE = "FloatingPointError: a sentence that says what went wrong"
TRACEBACK = f'Traceback (most recent call last):\n  File "sweep.py", line 7\n{LAST_LINE}'
NO_FRAME: dict[str, Any] = {
    "step": 0,
    "verdict": sa.null(),
    **dict.fromkeys(("recorded_rows", "flushed_rows", "recorded_series", "flushed_series"), 0),
}
# A run that was trained is put into a state that no test can hold still.
STILL: dict[str, dict[str, Any]] = {
    "succeeded": {},
    "paused": {"status": "paused", "finished_at": None, "step": 7},
    "failed": {"status": "failed", "error": TRACEBACK, "step": 7},
    "cancelled": {"status": "cancelled", "step": 7},
    "early": {
        "status": "failed",
        "error": "not enough memory: Unable to allocate 12 GiB",
        **NO_FRAME,
    },
    "waiting": {"status": "paused", "finished_at": None, **NO_FRAME},
}
MANY_LOSSES: dict[str, Any] = {
    "task": {"kind": "copy", "length": 24},
    "model": {"cell": "lstm", "hidden_size": 4},
}


@pytest.fixture(scope="module")
def in_state(service: Service) -> Iterator[dict[str, str]]:
    """A run for each state that stays as it is, and one too large for a screen."""
    found = {name: service.finish(config(name=f"is {name}")) for name in STILL}
    large = {
        "task": {"kind": "adding", "length": 1001},
        "model": {"cell": "elman", "activation": "tanh", "hidden_size": 2},
        "training": {"steps": 2, "batch_size": 1},
        "recording": {"every": 1, "probe_size": 1},
    }
    found["large"] = service.finish(config(name="is large", **large))
    store = open_store(Settings(data=service.data), migrate=False)
    with store.database.write() as connection:
        for name, values in STILL.items():
            if values:
                own = runs.c.id == found[name]
                connection.execute(sa.update(runs).where(own).values(**values))
    yield found
    store.close()


@pytest.fixture(scope="module")
def many_losses(service: Service) -> str:
    """A finished run of a task that asks at every time step."""
    return service.finish(config(name="is asked often", **MANY_LOSSES))


def seen(page: Page, run: str, query: str = "") -> Page:
    """The page of a run with every panel of its first tab settled."""
    page.goto(f"/runs/{run}{query}")
    for name in OVERVIEW:
        panel = page.locator(f"[data-panel={name}]")
        panel.scroll_into_view_if_needed()
        expect(panel).not_to_have_attribute("data-state", "loading")
    page.evaluate("scrollTo(0, 0)")
    return page


def test_a_failed_run_says_why_and_from_where_and_offers_a_retry(
    page: Page, in_state: dict[str, str]
) -> None:
    seen(page, in_state["failed"])
    expect(page.locator("[data-status]")).to_have_text("Failed")
    expect(page.locator("[data-failure]")).to_have_text(LAST_LINE)
    expect(page.locator("[data-error-text]")).to_be_hidden()
    page.locator("[data-notice] summary").click()
    expect(page.locator("[data-error-text]")).to_have_text(TRACEBACK)
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator("[data-panel=decay]")).to_have_attribute("data-state", "ready")


@pytest.mark.parametrize(
    ("state", "verdict", "sentence", "message"),
    [
        ("early", "No verdict", "ended before its first frame", "ended before its first frame"),
        ("waiting", "Not yet known", "once the run goes on", "nothing arrives until it goes on"),
    ],
)
def test_a_run_without_a_frame_promises_none_that_does_not_come(
    page: Page, in_state: dict[str, str], state: str, verdict: str, sentence: str, message: str
) -> None:
    seen(page, in_state[state])
    expect(page.locator("[data-verdict-text]")).to_have_text(verdict)
    expect(page.locator("[data-verdict-sentence]")).to_contain_text(sentence)
    for name in OVERVIEW:
        panel = page.locator(f"[data-panel={name}]")
        expect(panel).to_have_attribute("data-state", "empty")
        expect(panel.locator("[data-message]")).to_contain_text(message)


def test_a_paused_run_keeps_its_pictures_and_can_go_on(
    page: Page, in_state: dict[str, str]
) -> None:
    seen(page, in_state["paused"])
    expect(page.locator("[data-status]")).to_have_text("Paused")
    expect(page.locator("[data-step]")).to_have_text("7")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_hidden()
    expect(page.locator("[data-panel=decay]")).to_have_attribute("data-state", "ready")


def test_a_cancelled_run_keeps_what_it_recorded(page: Page, in_state: dict[str, str]) -> None:
    seen(page, in_state["cancelled"])
    expect(page.locator("[data-status]")).to_have_text("Cancelled")
    expect(page.locator("[data-pace]")).to_contain_text("what was recorded stays readable")
    expect(page.locator("[data-panel=decay]")).to_have_attribute("data-state", "ready")


def test_a_finished_run_says_how_long_it_took(page: Page, in_state: dict[str, str]) -> None:
    seen(page, in_state["succeeded"])
    expect(page.locator("[data-pace]")).to_have_text(re.compile(r"^took \d+:\d\d$"))


def test_what_is_too_large_for_the_screen_is_pooled_and_says_so(
    page: Page, in_state: dict[str, str]
) -> None:
    seen(page, in_state["large"])
    ready(page)
    assert len(heatmap(page)["y"]) <= 501
    for name in ("hidden_gradient_norm", "hidden_gradient", "loss_state_gradient"):
        notes = page.locator(f"[data-panel={name}] .annotation-text")
        expect(notes.filter(has_text=re.compile("largest of [0-9]+ in each cell"))).to_have_count(1)


def test_a_panel_without_its_figure_yet_has_its_final_size(
    page: Page, in_state: dict[str, str]
) -> None:
    held: list[Route] = []
    page.route("**/figures**", lambda route: held.append(route))
    page.goto(f"/runs/{in_state['succeeded']}")
    panel = page.locator("[data-panel=hidden_gradient_norm]")
    expect(panel).to_have_attribute("data-state", "loading")
    before = panel.bounding_box()
    # What is held goes on with it.
    page.unroute("**/figures**")
    ready(page)
    assert panel.bounding_box() == before


def test_a_panel_whose_service_is_gone_keeps_its_picture(
    page: Page, watch: Watch, in_state: dict[str, str]
) -> None:
    watch.expect("net::ERR")
    seen(page, in_state["succeeded"])
    ready(page)
    page.route("**/figures**", lambda route: route.abort())
    page.keyboard.press("Home")
    panel = page.locator("[data-panel=decay]")
    expect(panel).to_have_attribute("data-state", "stale")
    expect(panel.locator(".main-svg").first).to_be_visible()


def test_a_panel_that_never_came_says_that_the_service_did_not_answer(
    page: Page, watch: Watch, in_state: dict[str, str]
) -> None:
    watch.expect("net::ERR")
    page.route("**/figures/decay*", lambda route: route.abort())
    page.goto(f"/runs/{in_state['succeeded']}")
    panel = page.locator("[data-panel=decay]")
    expect(panel).to_have_attribute("data-state", "error")
    expect(panel.locator("[data-message]")).to_have_text("The service did not answer")


def test_a_paused_view_stays_while_its_run_goes_on(page: Page, service: Service) -> None:
    long = {"steps": 1_000_000, "batch_size": 4}
    run = service.start(config(name="goes on", training=long))
    seen(page, run)
    ready(page)
    pill = page.locator("[data-shell=live]")
    pill.click()
    expect(pill).to_have_attribute("data-state", "paused")
    shown = page.locator("[data-step]").inner_text()
    address = f"{service.url}/api/v1/runs/{run}"
    reached = httpx.get(address).json()["progress"]["step"]
    page.wait_for_function(
        "([path, step]) => fetch(path).then((r) => r.json()).then((r) => r.progress.step > step)",
        arg=[f"/api/v1/runs/{run}", reached + 100],
    )
    assert page.locator("[data-step]").inner_text() == shown
    httpx.post(f"{address}/cancel").raise_for_status()
    service.wait(run)


@pytest.mark.parametrize("state", [*STILL, "large"])
def test_the_overview_fits_a_desktop_in_every_state(
    page: Page, in_state: dict[str, str], state: str
) -> None:
    seen(page, in_state[state])
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= DESKTOP["height"]
    assert cut_texts(page) == []


def test_the_overview_fits_with_the_longest_verdict(page: Page, many_losses: str) -> None:
    seen(page, many_losses)
    sentence = page.locator("[data-verdict-sentence]")
    sentence.evaluate("(element) => { element.textContent = 'a long verdict '.repeat(60); }")
    assert page.evaluate("document.documentElement.scrollHeight") <= DESKTOP["height"]


@pytest.mark.parametrize("state", [*STILL, "large"])
def test_a_phone_shows_every_state_whole(
    new_page: Callable[..., Page], in_state: dict[str, str], state: str
) -> None:
    page = seen(new_page(viewport=PHONE, has_touch=True), in_state[state])
    assert sideways_scroll(page) == 0
    assert cut_texts(page) == []


def test_buttons_keep_their_place_on_a_phone_whatever_the_state(
    new_page: Callable[..., Page], in_state: dict[str, str]
) -> None:
    page = new_page(viewport=PHONE, has_touch=True)
    places = []
    for state in ("succeeded", "paused", "failed", "cancelled"):
        seen(page, in_state[state])
        again = page.get_by_role("link", name="Run again").bounding_box()
        export = page.locator(".run-actions .menu").bounding_box()
        assert again
        assert export
        places.append([again["x"], again["y"], again["width"], export["x"], export["y"]])
    assert all(place == places[0] for place in places)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", [*STILL, "large"])
def test_axe_finds_nothing_in_any_state(
    new_page: Callable[..., Page], in_state: dict[str, str], state: str, scheme: str
) -> None:
    page = seen(new_page(viewport=DESKTOP, color_scheme=scheme), in_state[state])
    assert violations(page) == []


def recorded(service: Service, run: str, statistic: str) -> np.ndarray:
    """A statistic of the top layer as the service serves it, [time, step]."""
    answer = httpx.get(f"{service.url}/api/v1/runs/{run}/statistics/{statistic}")
    return np.array(answer.json()["data"], dtype=np.float32)[:, 0].T


def test_of_many_losses_the_map_is_of_the_last_one_and_of_all_at_a_click(
    page: Page, service: Service, many_losses: str
) -> None:
    seen(page, many_losses, "?mode=magnitude")
    ready(page)
    drawn = np.float32(heatmap(page)["z"])
    np.testing.assert_array_equal(drawn, recorded(service, many_losses, "last_loss_gradient"))
    expect(page.locator("#panel-hidden_gradient_norm")).to_contain_text("of the last of 24 losses")
    with page.expect_response(re.compile(r"/figures\b.*losses=all")):
        page.get_by_role("button", name="last loss alone").click()
    expect(page).to_have_url(re.compile("losses=all"))
    expect(page.locator("#panel-hidden_gradient_norm")).to_contain_text("sum of 24 losses")
    page.reload()
    ready(page)
    drawn = np.float32(heatmap(page)["z"])
    np.testing.assert_array_equal(drawn, recorded(service, many_losses, "hidden_gradient_norm"))


def test_where_there_is_one_loss_there_is_no_choice(page: Page, in_state: dict[str, str]) -> None:
    seen(page, in_state["succeeded"])
    expect(page.locator("[data-toggle=losses]")).to_have_count(0)
