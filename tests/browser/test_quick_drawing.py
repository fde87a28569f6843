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


# What is drawn of a chart, without how: each line's points at even distances along it, bars, rules,
# and words with their places.
DRAWN = """(name) => {
  const plot = document.querySelector(`[data-panel=${name}] [data-plot]`);
  const all = (selector) => [...plot.querySelectorAll(selector)];
  const along = (path) => Array.from({ length: 21 }, (_, i) => {
    const { x, y } = path.getPointAtLength((path.getTotalLength() * i) / 20);
    return [x, y];
  });
  const paths = all(".shapelayer path, .barlayer .point > path").map((path) => path.getAttribute("d"));
  const words = all(".annotation-text").map((text) => text.textContent);
  const places = all(".annotation .cursor-pointer").map((note) => note.getAttribute("transform"));
  const boxes = all(".annotation rect").map((box) => box.getAttribute("width"));
  const numbers = (texts) => texts.flatMap((text) => text.match(/-?[\\d.]+/g)).map(Number);
  return [
    words,
    all(".js-line").flatMap(along).flat(),
    numbers(paths),
    numbers([...places, ...boxes, ...all(".annotation-text").map((text) => text.getAttribute("x"))]),
  ];
}"""  # noqa: E501
CHARTS = ("decay", "activation_slope_histogram")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_that_is_moved_to_a_step_looks_like_one_that_is_opened_there(
    new_page: Callable[..., Page], trained: str, name: str
) -> None:
    scrubbed, fresh = new_page(viewport=DESKTOP), new_page(viewport=DESKTOP)
    opened(scrubbed, trained, "?step=8")
    scrubbed.evaluate(COUNT, name)
    before = scrubbed.evaluate(DRAWN, name)
    to_step(scrubbed, 4)
    opened(fresh, trained, "?step=4")
    words, *numbers = fresh.evaluate(DRAWN, name)
    shown = f"([name, before]) => String(({DRAWN})(name)) !== before"
    scrubbed.wait_for_function(shown, arg=[name, scrubbed.evaluate("String", before)])
    assert scrubbed.evaluate("drawings") == 0
    now, *moved = scrubbed.evaluate(DRAWN, name)
    assert now == words
    for found, wanted in zip(moved, numbers, strict=True):
        assert found == pytest.approx(wanted, abs=1.01)


def test_a_chart_that_was_moved_is_drawn_by_plotly_once_it_is_pointed_at(
    page: Page, trained: str
) -> None:
    opened(page, trained, "?step=8")
    to_step(page, 4)
    page.evaluate(COUNT, "decay")
    box = page.locator("[data-panel=decay] .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 3)
    page.wait_for_function("drawings > 0")
    read = """() => document.querySelector("[data-panel=decay] [data-plot]").calcdata
      .find(([{ trace }]) => trace.meta.role === "measured").map(({ y }) => y)"""
    drawn = """() => [...document.querySelector("[data-panel=decay] [data-plot]").data
      .find(({ meta }) => meta.role === "measured").y]"""
    assert page.evaluate(read) == page.evaluate(drawn)
    told = """() => document.querySelector("[data-panel=decay] [data-plot]").layout.meta.step"""
    assert page.evaluate(told) == 4


# The map over the training as it was some frames ago, with what came since moved into it, beside
# the same drawn by Plotly alone: the cells' colours in the pixels of the screen, and the lines.
GROWN = """async ([run, left]) => {
  const base = document.querySelector("script[src*='/js/pages/run.js']").src.replace("pages/run.js", "");
  const [{ draw, drawQuickly }, { decodeFigure }, { present }, { themeColors }] = await Promise.all(
    ["plots/mount.js", "plots/decode.js", "plots/view.js", "plots/theme.js"].map((name) => import(base + name)));
  const answer = await fetch(`/api/v1/runs/${run}/figures/hidden_gradient_norm`);
  const figure = decodeFigure(await answer.json());
  const colors = themeColors("light");
  const until = (columns) => {
    const data = figure.data.map((trace) => {
      const keep = (values) => [...values].slice(0, columns);
      if (trace.type !== "heatmap") return { ...trace, x: keep(trace.x), y: keep(trace.y) };
      // One frame in between is left out: then the columns are not all as wide.
      const take = (values) => [...values].filter((_, i) => i < columns && i !== left);
      const reference = take(trace.meta.reference);
      return { ...trace, x: take(trace.x), z: trace.z.map((row) => Float32Array.from(take(row))), meta: { ...trace.meta, reference } };
    });
    return present({ data, layout: figure.layout }, { mode: "ratio", range: 8, colors });
  };
  const plots = [0, 1].map(() => document.body.appendChild(document.createElement("div")));
  for (const plot of plots) Object.assign(plot.style, { width: "700px", height: "300px" });
  const all = figure.data[0].x.length;
  await draw(plots[0], until(all - 3));
  await draw(plots[1], until(all));
  const before = plots[0].querySelector(".hm image").getAttribute("width");
  const isMoved = drawQuickly(plots[0], until(all));
  const seen = async (plot) => {
    const image = plot.querySelector(".hm image");
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(image.getAttribute(name)));
    const picture = new Image();
    picture.src = image.href.baseVal;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, width, height);
    const lines = [...plot.querySelectorAll(".js-line")].map((line) => [line.getTotalLength(), line.getBBox().width]);
    return { place: [x, y, width, height], lines, pixels: [...context.getImageData(0, 0, width, height).data] };
  };
  const found = { before: Number(before), isMoved, moved: await seen(plots[0]), drawn: await seen(plots[1]) };
  for (const plot of plots) plot.remove();
  return found;
}"""  # noqa: E501


@pytest.mark.parametrize("left", [-1, 4], ids=["even", "uneven"])
def test_a_map_into_which_new_columns_are_moved_looks_like_one_drawn_with_them(
    page: Page, trained: str, left: int
) -> None:
    opened(page, trained)
    found = page.evaluate(GROWN, [trained, left])
    moved, drawn = found["moved"], found["drawn"]
    assert found["isMoved"]
    assert found["before"] < drawn["place"][2]
    assert moved["place"] == pytest.approx(drawn["place"], abs=0.01)
    assert moved["lines"] == [pytest.approx(line, abs=1) for line in drawn["lines"]]
    pairs = zip(moved["pixels"], drawn["pixels"], strict=True)
    other = sum(abs(a - b) > 1 for a, b in pairs)
    # Where a cell's edge lies between two pixels, either may have it.
    assert other < 0.02 * len(drawn["pixels"])
