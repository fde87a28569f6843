"""The page of activations in a real browser: sliders in the address, figures that follow."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations
from tests.browser.test_run_page import PATIENCE_MS, ready


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(new_page: Callable[..., Page], scheme: str) -> None:
    page = new_page(viewport=DESKTOP, color_scheme=scheme)
    page.goto("/activations")
    ready(page, "activation_curves", "activation_product")
    assert violations(page) == []


def test_a_phone_needs_no_sideways_scrolling(new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE, has_touch=True)
    page.goto("/activations?at=2")
    ready(page, "activation_curves")
    assert sideways_scroll(page) == 0


def test_a_slider_moves_table_figure_and_address(page: Page) -> None:
    page.goto("/activations?length=10&at=0")
    ready(page, "activation_product")
    cell = page.locator("[data-activation=sigmoid] [data-product]")
    expect(cell).to_have_text("10−6.0")
    page.locator("[name=length]").fill("20")
    expect(cell).to_have_text("10−12.0", timeout=PATIENCE_MS)
    assert "length=20" not in page.url  # the start is an empty address
    assert "at=0" in page.url
    plot = page.locator("[data-panel=activation_product] [data-plot]")
    page.wait_for_function(
        "plot => plot._fullData[0].x.length === 21", arg=plot.element_handle(), timeout=PATIENCE_MS
    )
