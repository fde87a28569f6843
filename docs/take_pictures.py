"""Take the README's pictures from a running service: python docs/take_pictures.py ADDRESS RUN.

The picture is of the real page in a real browser; nothing is drawn by hand.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.install import find

PICTURES = Path(__file__).parent / "pictures"
VIEWPORT = {"width": 1440, "height": 900}


def main(address: str, run: str) -> None:
    """Open a run's page, wait until its figures are drawn, and keep what is seen."""
    path = find()
    if path is None:
        raise SystemExit("no Chromium on this machine: make browser")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(
            viewport=VIEWPORT, reduced_motion="reduce", color_scheme="light", base_url=address
        )
        page.goto(f"/runs/{run}")
        page.wait_for_selector(".js-plotly-plot .plot")
        page.wait_for_timeout(2000)  # the figures that come one by one
        page.screenshot(path=PICTURES / "run-page.png")
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
