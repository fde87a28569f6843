"""The lessons in a real browser: guess, reveal, weights that move the terms."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_checks import DESKTOP, PHONE, sideways_scroll, violations


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lesson", ["three-steps", "relu-explodes", "clipping"])
def test_a_lesson_is_accessible(new_page: Callable[..., Page], lesson: str, scheme: str) -> None:
    page = new_page(viewport=DESKTOP, color_scheme=scheme)
    page.goto(f"/learn/{lesson}?guess=0")
    assert violations(page) == []


@pytest.mark.parametrize("lesson", ["three-steps", "relu-explodes"])
def test_a_phone_needs_no_sideways_scrolling(new_page: Callable[..., Page], lesson: str) -> None:
    page = new_page(viewport=PHONE, has_touch=True)
    page.goto(f"/learn/{lesson}?guess=1")
    assert sideways_scroll(page) == 0


def test_a_guess_is_answered_and_stands_in_the_address(page: Page) -> None:
    page.goto("/learn/relu-explodes")
    page.get_by_label("over ten thousand times").check()
    page.get_by_role("button", name="Compute it").click()
    expect(page.locator("[data-reveal]")).to_contain_text("As you expected")
    expect(page.locator("[data-left='1']")).to_have_text("104.1")
    assert "guess=2" in page.url


def test_a_weight_moves_the_terms(page: Page) -> None:
    page.goto("/learn/three-steps")
    norm = page.locator("[data-term=W-3-1] [data-norm]")
    before = norm.text_content() or ""
    page.get_by_label("W entry 1").fill("0.1")
    expect(norm).not_to_have_text(before)
    assert "w=0.1" in page.url
    expect(page.get_by_label("W entry 1")).to_be_focused()
