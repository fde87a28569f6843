"""What a step of the scrubber draws without Plotly is what Plotly draws of that step."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Service
from tests.browser.page_checks import DESKTOP
from tests.browser.test_run_page import OVERVIEW, config, heatmap, opened, ready

# The colours of a map's cells, as its picture has them; how often Plotly drew its figure.
PIXELS = """async (name) => {
  const plot = document.querySelector(`[data-panel=${name}] [data-plot]`);
  const picture = new Image();
  picture.src = plot.querySelector(".hm > image").href.baseVal;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  return [canvas.width, canvas.height, ...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""  # noqa: E501
COUNT = """(name) => {
  window.drawings = 0;
  const plot = document.querySelector(`[data-panel=${name}] [data-plot]`);
  plot.on("plotly_afterplot", () => { drawings += 1; });
}"""
HOVERED = """(name) => {
  const plot = document.querySelector(`[data-panel=${name}] [data-plot]`);
  return [plot.data[0].z, plot.calcdata[0][0].z].map((rows) =>
    Array.from(rows, (row) => Array.from(row, (z) => Number.isFinite(z) ? z : null)));
}"""
MAPS = ("hidden_gradient", "loss_state_gradient")


@pytest.fixture(scope="module")
def trained(service: Service) -> str:
    """A run with a matrix of several losses, whose past and future are drawn apart."""
    return service.finish(config(name="quick", task={"kind": "copy", "length": 24}))


def to_step(page: Page, step: int) -> None:
    """Move the scrubber back to a step and wait until the units show it."""
    while page.locator("[data-scrub=label]").inner_text() != str(step):
        page.locator("[data-scrub=back]").click()
    expect(page.locator("#title-hidden_gradient")).to_have_text(f"Units at step {step}")


@pytest.mark.parametrize("mode", ["ratio", "magnitude"])
@pytest.mark.parametrize("name", MAPS)
def test_a_step_that_is_scrubbed_to_looks_like_one_that_is_opened(
    new_page: Callable[..., Page], trained: str, name: str, mode: str
) -> None:
    scrubbed, fresh = new_page(viewport=DESKTOP), new_page(viewport=DESKTOP)
    opened(scrubbed, trained, f"?mode={mode}")
    scrubbed.evaluate(COUNT, name)
    before = scrubbed.evaluate(PIXELS, name)
    to_step(scrubbed, 6)
    scrubbed.wait_for_function(
        f"(before) => ({PIXELS})('{name}').then((now) => String(now) !== before)",
        arg=",".join(map(str, before)),
    )
    opened(fresh, trained, f"?mode={mode}&step=6")
    assert scrubbed.evaluate("drawings") == 0
    assert scrubbed.evaluate(PIXELS, name) == pytest.approx(fresh.evaluate(PIXELS, name), abs=1)
    assert heatmap(scrubbed, name) == heatmap(fresh, name)
    # What a pointer reads is what is seen.
    shown, read = scrubbed.evaluate(HOVERED, name)
    assert read == shown


def test_a_pointer_over_a_cell_reads_the_step_that_is_drawn(page: Page, trained: str) -> None:
    opened(page, trained)
    panel = page.locator("[data-panel=hidden_gradient]")
    box = panel.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    readout = panel.locator("[data-readout]")
    expect(readout).to_be_visible()
    before = readout.inner_text()
    page.keyboard.press("Home")
    expect(page.locator("#title-hidden_gradient")).to_have_text("Units at step 0")
    expect(readout).not_to_have_text(before)


def test_cells_of_another_kind_are_drawn_apart_at_every_step(page: Page, service: Service) -> None:
    training: dict[str, Any] = {
        "steps": 12,
        "batch_size": 4,
        "optimizer": {"kind": "sgd", "learning_rate": 1e6},
        "clipping": None,
    }
    model = {"cell": "elman", "activation": "relu", "hidden_size": 6}
    diverged = service.finish(config(name="diverging", training=training, model=model))
    opened(page, diverged)
    kinds = """() => document.querySelector("[data-panel=hidden_gradient] [data-plot]").data
      .filter((trace) => trace.fill === "toself").map((trace) => [trace.meta.role, trace.x.length > 0])
      .filter(([, some]) => some).map(([role]) => role)"""  # noqa: E501
    seen = {}
    for key in ("End", "Home", "End"):
        page.keyboard.press(key)
        step = page.locator("[data-scrub=label]").inner_text()
        expect(page.locator("#title-hidden_gradient")).to_have_text(f"Units at step {step}")
        url = f"{service.url}/api/v1/runs/{diverged}/figures/hidden_gradient?step={step}"
        told = page.request.get(url).json()["data"]
        wanted = [one["meta"]["role"] for one in told if one.get("fill") and one["x"]]
        page.wait_for_function(f"(wanted) => String(({kinds})()) === wanted", arg=",".join(wanted))
        seen[step] = wanted
    assert len(set(map(tuple, seen.values()))) > 1


def test_a_page_asks_once_for_all_that_a_step_shows(page: Page, trained: str) -> None:
    opened(page, trained)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.keyboard.press("Home")
    expect(page.locator("#title-hidden_gradient")).to_have_text("Units at step 0")
    ready(page, *OVERVIEW)
    names = "&".join(f"name={name}" for name in OVERVIEW[1:])
    # Chromium asks for the icon when it likes.
    assert [url for url in asked if not url.endswith(".svg")] == [f"figures?step=0&{names}"]
