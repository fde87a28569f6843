"""The pages' goals while a run goes on, and on the narrowest phone: pixels, main thread, width.

Measured like those of test_goals.py: printed, and gated at twice the goal.
"""

import statistics
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Service
from tests.browser.measuring import GATE, slowness, tell
from tests.browser.page_checks import DESKTOP, NARROW, sideways_scroll
from tests.browser.test_run_page import OVERVIEW, config, ready

pytestmark = [pytest.mark.long, pytest.mark.benchmark]

SECOND_MS = 1000
WATCHED_MS = 8000
FRAMES_MS = 120_000  # for a few frames, on a machine that does much else
# When an event of a frame came, and when the frame after it was painted: two frames of the screen
# after the units' step was written.
WATCH_FRAMES = """() => {
  window.came = new Map();
  window.painted = new Map();
  window.busy = [];
  const Source = window.EventSource;
  window.EventSource = class extends Source {
    constructor(...told) {
      super(...told);
      this.addEventListener("frame", (event) => {
        came.set(JSON.parse(event.data).step, performance.now());
      });
    }
  };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) busy.push(task.duration);
  }).observe({ type: "longtask" });
  addEventListener("DOMContentLoaded", () => {
    const step = document.querySelector("[data-unit-step]");
    new MutationObserver(() => {
      const shown = Number(step.textContent);
      requestAnimationFrame(() => setTimeout(() => painted.set(shown, performance.now())));
    }).observe(step, { childList: true, characterData: true, subtree: true });
  });
}"""
WAITS = """() => [...painted].filter(([step]) => came.has(step))
  .map(([step, at]) => at - came.get(step))"""


# When the charts that Plotly draws had all come to a step: they rest longer than the maps.
WATCH_CHARTS = """() => {
  window.charts = new Map();
  const plots = [...document.querySelectorAll("[data-tab-panels=overview] [data-plot]")];
  const step = ({ layout: { meta } }) => meta.step ?? meta.latest;
  const look = () => {
    const oldest = Math.min(...plots.map(step));
    if (!charts.has(oldest)) setTimeout(() => charts.set(oldest, performance.now()));
    requestAnimationFrame(look);
  };
  look();
}"""
CHART_WAITS = """() => [...charts].filter(([step]) => came.has(step))
  .map(([step, at]) => at - came.get(step))"""


FEWEST = 5  # frames, of whose waits the median is taken
# Steps between frames: so few that the page has always one to draw, and so many that it rests.
INCESSANT = 5
NOW_AND_THEN = 40


@pytest.fixture
def watch_run(new_page: Callable[..., Page], service: Service) -> Iterator[Callable[..., Page]]:
    """Watch a run of three maps of 200 by 200; it goes on for as long as one watches."""
    started: list[str] = []

    def watching(every: int) -> Page:
        run = service.start(
            config(
                name="watched",
                task={"kind": "adding", "length": 200},
                model={"cell": "elman", "hidden_size": 200},
                training={"steps": 100_000, "batch_size": 4},
                recording={"every": every, "probe_size": 2},
            )
        )
        started.append(run)
        page = new_page(viewport=DESKTOP)
        page.add_init_script(f"({WATCH_FRAMES})()")
        page.goto(f"/runs/{run}")
        ready(page, *OVERVIEW)
        return page

    yield watching
    for run in started:
        httpx.post(f"{service.url}/api/v1/runs/{run}/cancel")


def test_a_frame_is_painted_soon_after_its_event(watch_run: Callable[..., Page]) -> None:
    page = watch_run(NOW_AND_THEN)
    page.evaluate(WATCH_CHARTS)
    page.evaluate("() => { came.clear(); painted.clear(); }")
    for seen in ("painted", "charts"):
        enough = f"() => [...{seen}.keys()].filter((step) => came.has(step)).length >= {FEWEST}"
        page.wait_for_function(enough, timeout=FRAMES_MS)
    wait, charts = (statistics.median(page.evaluate(waits)) for waits in (WAITS, CHART_WAITS))
    tell("event to painted pixels", wait, "ms", 100)
    tell("event to all charts", charts, "ms", 500)
    slow = slowness(page)
    assert wait <= GATE * 100 * slow
    assert charts <= GATE * 500 * slow


def test_a_live_page_leaves_the_browser_free(watch_run: Callable[..., Page]) -> None:
    page = watch_run(INCESSANT)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")
    page.evaluate("() => { busy.length = 0; }")
    before = spent(client.send("Performance.getMetrics"))
    page.wait_for_timeout(WATCHED_MS)
    share = (spent(client.send("Performance.getMetrics")) - before) / (WATCHED_MS / SECOND_MS)
    longest = float(page.evaluate("Math.max(0, ...busy)"))
    slow = slowness(page)
    tell("main thread of a live page", 100 * share, "%", 35)
    tell("longest task of a live page", longest, "ms", 100)
    assert share <= GATE * 0.35
    assert longest <= GATE * 100 * slow


def spent(answer: dict[str, list[dict[str, float]]]) -> float:
    """Seconds that the page's tasks took so far."""
    return next(one["value"] for one in answer["metrics"] if str(one["name"]) == "TaskDuration")


@pytest.fixture
def shown(new_page: Callable[..., Page], service: Service) -> Page:
    """A page of a finished run, all of it drawn."""
    run = service.finish(config(name="looked at"))
    page = new_page(viewport=DESKTOP)
    page.goto(f"/runs/{run}")
    ready(page, *OVERVIEW)
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize(
    "path", ["", "?tab=training", "?tab=paths", "?tab=jacobians", "?tab=parameters"]
)
def test_a_tab_is_as_narrow_as_the_narrowest_phone(shown: Page, path: str) -> None:
    shown.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a dict with its two keys
    shown.goto(shown.url.partition("?")[0] + path)
    shown.wait_for_load_state("networkidle")
    assert sideways_scroll(shown) <= 0
