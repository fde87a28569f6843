"""The lessons in a real browser: guess, reveal, weights that move the terms."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

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


def test_between_a_guess_and_its_answer_the_page_is_at_work(page: Page) -> None:
    page.goto("/learn/relu-explodes")
    held: list[Route] = []
    page.route("**/learn/relu-explodes?guess=*", lambda route: held.append(route))
    page.get_by_label("over ten thousand times").check()
    button, form = page.get_by_role("button", name="Compute it"), page.locator("[data-guess]")
    button.click()
    expect(form.get_by_role("status")).to_have_text("Computing…")
    expect(button).to_be_disabled()
    expect(form).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    expect(page.locator("[data-reveal]")).to_be_visible()
    expect(form.get_by_role("status")).to_be_empty()
    expect(form).to_have_attribute("aria-busy", "false")
    expect(button).to_be_focused()


def test_runs_of_a_lesson_are_said_to_start(page: Page) -> None:
    page.goto("/learn/clipping")
    # The page that follows never comes, as from a service at work.
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    page.get_by_role("button", name="Train them and compare").click()
    form = page.locator("[data-train]")
    expect(form.get_by_role("status")).to_have_text("Starting the runs…")
    expect(form.get_by_role("button")).to_be_disabled()


def test_a_weight_moves_the_terms(page: Page) -> None:
    page.goto("/learn/three-steps")
    norm = page.locator("[data-term=W-3-1] [data-norm]")
    before = norm.text_content() or ""
    page.get_by_label("W entry 1").fill("0.1")
    expect(norm).not_to_have_text(before)
    assert "w=0.1" in page.url
    expect(page.get_by_label("W entry 1")).to_be_focused()


def test_a_weight_goes_by_tenths_and_back_to_where_it_began(page: Page) -> None:
    page.goto("/learn/three-steps")
    weight = page.get_by_label("W entry 1")
    weight.fill("0.35")
    expect(weight).to_have_attribute("aria-invalid", "false")
    weight.press("ArrowUp")
    expect(weight).to_have_value("0.4")
    page.get_by_role("link", name="Back to the first numbers").click()
    expect(weight).to_have_value("0.8")
    expect(page.get_by_role("link", name="Back to the first numbers")).to_have_count(0)


def test_a_number_that_cannot_be_used_is_named_beside_its_box_and_shows_no_results(
    page: Page,
) -> None:
    page.goto("/learn/three-steps")
    page.get_by_label("W entry 1").fill("1000")
    expect(page.locator("#refused-w")).to_contain_text("entry 1 is 1000")
    expect(page.locator("[data-no-results]")).to_be_visible()
    expect(page.locator("[data-loss]")).to_have_count(0)
    page.get_by_label("W entry 1").fill("")
    expect(page.locator("#refused-w")).to_contain_text("entry 1 is empty")
    page.get_by_label("W entry 1").fill("0.8")
    expect(page.locator("#refused-w")).to_be_empty()
    expect(page.locator("[data-loss]")).to_have_text("2.75")


def test_the_link_to_the_lesson_alone_keeps_the_guess_and_leads_back(page: Page) -> None:
    page.goto("/learn/three-steps?guess=1")
    page.get_by_label("U entry 1").fill("0.2")
    expect(page.locator("[data-focus-link]")).to_have_attribute("href", re.compile("u=0.2"))
    page.locator("[data-focus-link]").click()
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(0)
    expect(page.get_by_label("U entry 1")).to_have_value("0.2")
    page.get_by_role("link", name="Show all lessons").click()
    expect(page.get_by_role("navigation", name="Lessons")).to_be_visible()
    assert "guess=1" in page.url
