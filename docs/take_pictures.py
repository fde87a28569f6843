"""Take the pictures of README and documents from a running service.

    python docs/take_pictures.py ADDRESS RUN [RUN …]
    python docs/take_pictures.py ADDRESS --documents RUN SWEEP

The first run gives the picture of a run's page and of its remedies, as far as they were tried; all
of them together that of the comparison. The documents show a run of layers that read both ways, a
sweep and a lesson. The pictures are of the real pages in a real browser;
nothing is drawn by hand.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.install import find

PICTURES = Path(__file__).parent / "pictures"
VIEWPORT = {"width": 1440, "height": 900}
SETTLED_MS = 2500  # toasts go
PATIENCE_MS = 60_000
DRAWN = """() => [...document.querySelectorAll("[data-panel][data-state=loading]")]
  .every((panel) => !panel.checkVisibility() || panel.getBoundingClientRect().top > innerHeight)"""


FIGURE = ".js-plotly-plot .main-svg"


def take(page: Page, path: str, picture: str, shown: str = FIGURE) -> None:
    """Open a page, wait until what it is about is there, and keep what is seen."""
    page.goto(path)
    page.wait_for_selector(shown, state="attached", timeout=PATIENCE_MS)
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=PICTURES / picture)


def of_readme(page: Page, first: str, *others: str) -> None:
    """Take the README's pictures."""
    take(page, f"/runs/{first}", "run-page.png")
    take(page, f"/runs/{first}/remedies", "remedies.png", shown="form")
    if others:
        query = "&".join(f"run={run}" for run in (first, *others))
        take(page, f"/compare?{query}", "comparison.png")


def of_documents(page: Page, run: str, sweep: str) -> None:
    """Take those of the documents."""
    take(page, f"/runs/{run}?layer=0r", "two-directions.png")
    take(page, f"/sweeps/{sweep}?value=reach", "sweep.png")
    take(page, "/learn/three-steps", "lesson.png", shown="main")


def main(address: str, *asked: str) -> None:
    """Take all pictures."""
    path = find()
    if path is None:
        raise SystemExit("no Chromium on this machine: make browser")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        page = chromium.new_page(
            viewport=VIEWPORT, reduced_motion="reduce", color_scheme="light", base_url=address
        )
        if asked[0] == "--documents":
            of_documents(page, *asked[1:])
        else:
            of_readme(page, *asked)
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
