"""The run page in a real browser: what is drawn, live and from a link."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.pages.verdicts import shown_verdict, told
from tests.browser.conftest import Service, Watch
from tests.browser.page_checks import (
    DESKTOP,
    FINGER_TARGET,
    PHONE,
    POINTER_TARGET,
    sideways_scroll,
    small_targets,
    violations,
)

PATIENCE_MS = 30_000
OVERVIEW = (
    "hidden_gradient_norm",
    "decay",
    "hidden_gradient",
    "loss_state_gradient",
    "activation_slope_histogram",
)


def config(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # parts of a configuration
    """A small run, quick to train: 12 steps, a frame at every other one."""
    parts: dict[str, Any] = {
        "name": "tanh at twelve steps",
        "seed": 3,
        "task": {"kind": "adding", "length": 12},
        "model": {"cell": "elman", "activation": "tanh", "hidden_size": 6},
        "training": {"steps": 12, "batch_size": 4},
        "recording": {"every": 2, "probe_size": 4},
    }
    return {**parts, **changes}


@pytest.fixture(scope="module")
def finished(service: Service) -> str:
    """A run that is over."""
    return service.finish(config())


@pytest.fixture(scope="module")
def diverged(service: Service) -> str:
    """A run whose loss left the numbers."""
    training = {
        "steps": 12,
        "batch_size": 4,
        "optimizer": {"kind": "sgd", "learning_rate": 1e6},
        "clipping": None,
    }
    model = {"cell": "elman", "activation": "relu", "hidden_size": 6}
    return service.finish(config(name="diverging", training=training, model=model))


def ready(page: Page, *names: str) -> None:
    """Wait until panels are drawn."""
    for name in names or OVERVIEW:
        panel = page.locator(f"[data-panel={name}]")
        expect(panel).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)


def opened(page: Page, run: str, query: str = "") -> Page:
    """The page of a run, drawn."""
    page.goto(f"/runs/{run}{query}")
    ready(page)
    return page


def heatmap(page: Page, name: str = "hidden_gradient_norm") -> Mapping[str, Any]:
    """What Plotly really draws: type, numbers and limits of the first trace."""
    found: Mapping[str, Any] = page.locator(f"[data-panel={name}] [data-plot]").evaluate(
        """element => {
            const trace = element._fullData[0];
            const words = (value) => Number.isFinite(value) ? value : String(value);
            return {
                type: trace.type,
                z: Array.from(trace.z, (row) => Array.from(row, words)),
                x: Array.from(trace.x), y: Array.from(trace.y),
                zmin: trace.zmin, zmax: trace.zmax,
            };
        }"""
    )
    return found


def recorded(service: Service, run: str) -> np.ndarray:
    """The statistic as the service serves it, [step, time]."""
    url = f"{service.url}/api/v1/runs/{run}/statistics/hidden_gradient_norm"
    data = httpx.get(url).json()["data"]
    return np.array(data, dtype=np.float32)[:, 0]


def test_the_heatmap_shows_the_recorded_numbers(
    page: Page, service: Service, finished: str
) -> None:
    shown = heatmap(opened(page, finished, "?mode=magnitude"))
    assert shown["type"] == "heatmap"
    assert shown["x"] == [0, 2, 4, 6, 8, 10, 12]
    np.testing.assert_array_equal(np.float32(shown["z"]).T, recorded(service, finished))


def test_ratio_is_one_at_the_last_time_asked(page: Page, service: Service, finished: str) -> None:
    shown = np.array(heatmap(opened(page, finished))["z"])
    wanted = recorded(service, finished)
    np.testing.assert_allclose(shown.T, wanted - wanted[:, -1:], atol=1e-6)
    assert (shown[-1] == 0).all()


@pytest.mark.parametrize(("viewport", "most"), [(DESKTOP, 5), (PHONE, 2)])
def test_a_figure_asked_for_with_the_page_is_not_asked_for_again(
    new_page: Callable[..., Page], finished: str, viewport: dict[str, int], most: int
) -> None:
    page = new_page(viewport=viewport)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(f"/runs/{finished}")
    ready(page, OVERVIEW[0])
    expect(page.locator("[data-note=sigma]")).to_contain_text(".")  # what the second figure brings
    early = page.locator("link[rel=preload][as=fetch]").evaluate_all(
        "links => links.filter((link) => !link.media || matchMedia(link.media).matches)"
        ".map((link) => link.href.split('/').pop())"
    )
    assert early == list(OVERVIEW[:most])
    assert [asked.count(name) for name in early] == [1] * most


def test_the_card_says_status_verdict_and_numbers(
    page: Page, service: Service, finished: str
) -> None:
    opened(page, finished)
    verdict = httpx.get(f"{service.url}/api/v1/runs/{finished}").json()["verdict"]
    expect(page.locator("[data-status]")).to_have_text("Finished")
    shown = shown_verdict(verdict)
    assert shown is not None
    expect(page.locator("[data-verdict-text]")).to_have_text(shown.word.title)
    expect(page.locator("[data-verdict-troubles]")).to_have_text(shown.troubles)
    sentence = "".join(part.text + part.exponent for part in told(shown.sentence))
    expect(page.locator("[data-verdict-sentence]")).to_have_text(sentence)
    expect(page.locator("[data-number=decay]")).to_have_text(re.compile(r"^\d"))
    expect(page.locator("[data-number=radius]")).to_have_text(re.compile(r"^\d"))


def test_mode_range_and_theme_need_no_network(page: Page, finished: str) -> None:
    opened(page, finished)
    before = heatmap(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Magnitude").click()
    page.get_by_label("Range").select_option("16")
    page.keyboard.press("t")
    page.locator("[data-toggle=log]").first.click()
    expect(page.locator("[data-legend]")).to_have_attribute("data-legend", "magnitude")
    after = heatmap(page)
    assert (before["zmin"], before["zmax"], after["zmin"], after["zmax"]) == (-8, 8, -24, 8)
    assert before["z"] != after["z"]
    # Chromium asks for the icon when it likes.
    assert [url for url in asked if "/icons/" not in url] == []


def test_a_link_restores_the_view_in_a_new_profile(
    new_page: Callable[..., Page], finished: str
) -> None:
    first = opened(new_page(viewport=DESKTOP), finished)
    first.get_by_role("button", name="Magnitude").click()
    first.get_by_label("Range").select_option("4")
    first.locator("[data-scrub=back]").click()
    first.locator("[data-scrub=back]").click()
    expect(first.locator("#title-hidden_gradient")).to_have_text("Units at step 8")
    first.locator("[data-toggle=order]").first.click()
    second = new_page(viewport=DESKTOP)
    second.goto(first.url)
    ready(second)
    expect(second.locator("#title-hidden_gradient")).to_have_text("Units at step 8")
    expect(second.locator("[data-scrub=label]")).to_have_text("8")
    for name in ("hidden_gradient_norm", "hidden_gradient"):
        assert heatmap(second, name) == heatmap(first, name)


def test_the_keyboard_moves_the_one_scrubber(page: Page, finished: str) -> None:
    opened(page, finished)
    for key, step in (("Home", "0"), ("ArrowRight", "2"), ("End", "12"), ("ArrowLeft", "10")):
        page.keyboard.press(key)
        expect(page.locator("[data-scrub=label]")).to_have_text(step)
        expect(page.locator("#title-hidden_gradient")).to_have_text(f"Units at step {step}")
    page.keyboard.press("l")
    expect(page.locator("[data-scrub=follow]")).to_have_attribute("aria-pressed", "true")
    assert "step=" not in page.url


def test_a_click_on_the_heatmap_chooses_its_step(page: Page, finished: str) -> None:
    opened(page, finished)
    box = page.locator("[data-panel=hidden_gradient_norm] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
    expect(page.locator("#title-hidden_gradient")).to_have_text("Units at step 6")
    assert "step=6" in page.url


def test_a_cell_is_read_out_with_the_arrow_keys(page: Page, finished: str) -> None:
    opened(page, finished)
    panel = page.locator("[data-panel=hidden_gradient_norm]")
    panel.locator("[data-plot]").focus()
    page.keyboard.press("ArrowDown")
    expect(panel.locator("[data-readout]")).to_have_text(re.compile(r"ratio .* · step 12, t 11$"))
    expect(panel.locator("[data-spoken]")).to_have_text(re.compile(r"^step 12, t 11: "))
    expect(page.locator("[data-scrub=label]")).to_have_text("12")


def test_every_panel_can_be_read_as_a_table(page: Page, finished: str) -> None:
    opened(page, finished)
    panel = page.locator("[data-panel=decay]")
    panel.locator("summary").click()
    panel.get_by_role("button", name="Show as table").click()
    rows = page.locator("dialog table tbody tr")
    assert rows.count() >= 12
    link = page.get_by_role("link", name="Everything as CSV").get_attribute("href")
    assert link is not None
    assert page.request.get(link).ok


def test_the_heatmap_fills_while_the_run_goes_on(page: Page, service: Service) -> None:
    steps, every = 1600, 10  # some seconds: the page opens long before the end
    run = service.start(
        config(
            name="live",
            task={"kind": "adding", "length": 60},
            model={"cell": "gru", "hidden_size": 48},
            training={"steps": steps, "batch_size": 32},
            recording={"every": every, "probe_size": 8},
        )
    )
    page.goto(f"/runs/{run}")
    ready(page, "hidden_gradient_norm")
    counts = {len(heatmap(page)["x"])}
    status = page.locator("[data-status]")
    while status.inner_text() != "Finished" and len(counts) < 200:
        page.wait_for_timeout(100)
        counts.add(len(heatmap(page)["x"]))
    expect(page.locator("[data-scrub=label]")).to_have_text(str(steps), timeout=PATIENCE_MS)
    expect(page.locator("#title-hidden_gradient")).to_have_text(f"Units at step {steps}")
    page.wait_for_function(
        "count => document.querySelector('[data-panel=hidden_gradient_norm] [data-plot]')"
        "._fullData[0].x.length === count",
        arg=steps // every + 1,
        timeout=PATIENCE_MS,
    )
    assert len(counts) >= 3, counts
    expect(page.locator("[data-step]")).to_have_text(f"{steps:,}")


def test_stop_cancels_and_keeps_what_is_recorded(page: Page, service: Service) -> None:
    run = service.start(config(name="stopped", training={"steps": 1_000_000, "batch_size": 4}))
    page.goto(f"/runs/{run}")
    ready(page, "hidden_gradient_norm")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog", name="Stop this run?").get_by_role("button", name="Stop").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled", timeout=PATIENCE_MS)
    expect(page.locator("[data-pace]")).to_contain_text("stays readable")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    assert heatmap(page)["type"] == "heatmap"


def test_the_evidence_of_a_verdict_leads_to_its_figure_step_and_layer(
    page: Page, finished: str
) -> None:
    page.goto(f"/runs/{finished}/remedies")
    page.locator("[data-evidence]").first.click()
    page.wait_for_url("**/runs/*?*#panel-*")
    panel = page.locator(page.evaluate("location.hash"))
    expect(panel).to_be_in_viewport()
    expect(panel).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)


def test_a_cell_of_the_matrix_opens_its_chain_factor_by_factor(
    page: Page, service: Service, finished: str
) -> None:
    opened(page, finished)
    plot = page.locator("[data-panel=loss_state_gradient] [data-plot]")
    ready(page, "loss_state_gradient")
    plot.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    with page.expect_response(lambda answer: "/chain?" in answer.url) as answered:
        page.keyboard.press("Enter")
    chain = answered.value.json()
    sheet = page.get_by_role("dialog", name="A term, factor by factor")
    assert chain["lag"] == 3
    # A row for each factor, and the term that they make.
    expect(sheet.locator("tbody tr")).to_have_count(len(chain["factors"]) + 1)
    expect(sheet).to_contain_text(chain["factors"][0]["words"])
    assert violations(page) == []
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)


def test_the_chain_is_of_the_layer_that_is_shown(page: Page, service: Service) -> None:
    model = {"cell": "elman", "activation": "tanh", "hidden_size": 6, "layers": 2}
    opened(page, service.finish(config(name="two layers", model=model)), "?layer=0")
    page.locator("[data-panel=loss_state_gradient] [data-plot]").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="A term, factor by factor")
    expect(sheet).to_contain_text("weight_hh_l0")


def test_a_queued_run_says_that_it_waits(page: Page, service: Service) -> None:
    long = {"steps": 1_000_000, "batch_size": 4}
    runs = [service.start(config(name=f"busy {i}", training=long)) for i in range(3)]
    page.goto(f"/runs/{runs[-1]}")
    expect(page.locator("[data-status]")).to_have_text("Queued")
    expect(page.locator("[data-pace]")).to_contain_text("waiting for a free worker")
    message = page.locator("[data-panel=decay] [data-message]")
    expect(message).to_contain_text("waits in the queue")
    httpx.post(f"{service.url}/api/v1/runs/{runs[-1]}/cancel").raise_for_status()
    expect(message).to_contain_text("ended before its first frame")
    expect(page.locator("[data-verdict-text]")).to_have_text("No verdict")
    for run in reversed(runs[:-1]):
        httpx.post(f"{service.url}/api/v1/runs/{run}/cancel").raise_for_status()
    for run in runs:
        service.wait(run)


def test_a_diverged_run_draws_what_is_not_finite(page: Page, diverged: str) -> None:
    opened(page, diverged)
    expect(page.locator("[data-status]")).to_have_text("Diverged")
    expect(page.locator("[data-verdict-text]")).to_have_text("Diverged")
    expect(page.locator("[data-number=loss]")).to_have_text("not finite")
    expect(page.get_by_title("mean of the last 100 steps")).to_contain_text("Loss, last 100")
    expect(page.locator("[data-note=loss]")).to_have_text("baseline 0.167")
    masks = page.locator("[data-panel=hidden_gradient_norm] [data-plot]").evaluate(
        """element => Object.fromEntries(element.data
            .filter((trace) => trace.fill === "toself")
            .map((trace) => [trace.meta.role, [trace.x.length, trace.fillpattern.shape]]))"""
    )
    assert masks["nonfinite"][0] > 0
    assert masks["zero"][0] == 0
    assert len({shape for _, shape in masks.values()}) == 3
    assert page.locator("[data-panel=hidden_gradient_norm] pattern").count() >= 1


def test_a_lost_connection_is_said_and_mended(page: Page, watch: Watch, finished: str) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED")
    watch.expect("Failed to load resource")
    watch.expect("net::ERR")
    opened(page, finished)
    pill = page.locator("[data-shell=live]")
    expect(pill).to_have_attribute("data-state", "live")
    pill.click()
    expect(pill).to_have_attribute("data-state", "paused")
    page.context.set_offline(True)
    pill.click()
    expect(pill).to_have_attribute("data-state", "stale", timeout=PATIENCE_MS)
    expect(pill).to_contain_text("last data")
    page.context.set_offline(False)
    expect(pill).to_have_attribute("data-state", "live", timeout=PATIENCE_MS)


def test_the_overview_fits_a_desktop_without_scrolling(page: Page, finished: str) -> None:
    opened(page, finished)
    height, width = page.evaluate(
        "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    )
    assert (height <= DESKTOP["height"], width) == (True, DESKTOP["width"])


@pytest.mark.parametrize("width", [320, 390, 800])
def test_nothing_scrolls_sideways(new_page: Callable[..., Page], finished: str, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 844})
    page.goto(f"/runs/{finished}")
    ready(page, "hidden_gradient_norm")
    assert sideways_scroll(page) == 0


@pytest.mark.parametrize(("viewport", "least"), [(DESKTOP, POINTER_TARGET), (PHONE, FINGER_TARGET)])
def test_controls_are_large_enough_to_hit(
    new_page: Callable[..., Page], finished: str, viewport: dict[str, int], least: int
) -> None:
    page = new_page(viewport=viewport)
    page.goto(f"/runs/{finished}")
    ready(page, "hidden_gradient_norm")
    assert small_targets(page, least) == []


def test_on_a_phone_the_scrubber_is_a_bar_at_the_bottom(
    new_page: Callable[..., Page], finished: str
) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"/runs/{finished}")
    expect(page.locator("[data-number=decay]")).to_have_text(re.compile(r"^\d"))
    bar = page.locator("[data-scrubber]").bounding_box()
    assert bar is not None
    assert (bar["y"] + bar["height"], bar["width"]) == (PHONE["height"], PHONE["width"])
    verdict = page.locator("[data-verdict]").bounding_box()
    first = page.locator("[data-panel=hidden_gradient_norm]").bounding_box()
    assert verdict is not None
    assert first is not None
    assert verdict["y"] < first["y"]


def test_full_size_on_a_phone_stays_over_the_bar_and_can_be_closed(
    new_page: Callable[..., Page], finished: str
) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"/runs/{finished}")
    ready(page, "hidden_gradient_norm")
    slider = page.locator("[data-scrub=slider]").bounding_box()
    assert slider is not None
    assert slider["width"] >= PHONE["width"] / 3
    expect(page.locator("[data-scrub=follow]")).to_be_hidden()
    panel = page.locator("[data-panel=hidden_gradient_norm]")
    panel.locator(".panel-more").click()
    expect(panel.locator(".menu-note")).to_be_visible()
    panel.get_by_role("button", name="Full size").click()
    plot = panel.locator("[data-plot]").bounding_box()
    bar = page.locator("[data-scrubber]").bounding_box()
    assert plot is not None
    assert bar is not None
    assert plot["y"] + plot["height"] <= bar["y"]
    panel.get_by_role("button", name="Close").click()
    expect(panel).not_to_have_class(re.compile("panel--full"))


def test_the_colour_scale_is_hidden_where_nothing_has_it(page: Page, finished: str) -> None:
    page.goto(f"/runs/{finished}?tab=training")
    expect(page.locator("[data-display]")).to_be_hidden()
    page.locator("[data-tab=overview]").click()
    expect(page.locator("[data-display]")).to_be_visible()


def test_nothing_moves_while_the_page_loads(page: Page, finished: str) -> None:
    page.add_init_script(
        """new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift = (window.shift ?? 0) + entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    opened(page, finished)
    assert page.evaluate("window.shift ?? 0") < 0.01


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["finished", "diverged", "training"])
def test_axe_finds_nothing(
    new_page: Callable[..., Page], finished: str, diverged: str, scheme: str, state: str
) -> None:
    page = new_page(viewport=DESKTOP, color_scheme=scheme)
    if state == "training":
        page.goto(f"/runs/{finished}?tab=training")
        ready(page, "loss", "gradient_norm")
    else:
        opened(page, finished if state == "finished" else diverged)
    assert violations(page) == []


APART = """panel => {
  const plot = panel.querySelector("[data-plot]").getBoundingClientRect();
  const box = (element) => element.getBoundingClientRect();
  const [saturated, mean] = [...panel.querySelectorAll(".annotation-text-g")].map(box);
  const ticks = [...panel.querySelectorAll(".xtick text")].map(box);
  return [mean.left - saturated.right, plot.right - Math.max(...ticks.map(({ right }) => right))];
}"""


# The narrowest third of a row, just before the panels take more of it.
@pytest.mark.parametrize("width", [1181, 1440])
def test_the_words_over_the_slopes_keep_apart_and_no_tick_is_cut(
    new_page: Callable[..., Page], service: Service, width: int
) -> None:
    # A sigmoid's slopes end at 0.25: the widest tick, at the plot's edge.
    model = {"cell": "elman", "activation": "sigmoid", "hidden_size": 6}
    run = service.finish(config(model=model))
    page = opened(new_page(viewport={**DESKTOP, "width": width}), run)
    between, beside = page.locator("[data-panel=activation_slope_histogram]").evaluate(APART)
    assert between > 4
    assert beside >= 0
