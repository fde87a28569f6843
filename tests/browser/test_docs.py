"""/docs in a real browser: Swagger UI draws under the service's policy, from our own files."""

from collections.abc import Callable

from playwright.sync_api import Page


def test_swagger_ui_shows_the_routes_and_reports_nothing(page: Page) -> None:
    page.goto("/docs")
    page.get_by_role("heading", name="Gradtide").wait_for()
    page.locator("#operations-runs-create_run_api_v1_runs_post").wait_for()
    assert page.locator(".opblock").count() >= 15
    assert page.locator(".errors-wrapper").count() == 0


def test_a_call_can_be_tried_from_the_page(new_page: Callable[..., Page]) -> None:
    page = new_page(viewport={"width": 1200, "height": 900})
    page.goto("/docs")
    call = page.locator("#operations-health-healthz_healthz_get")
    call.get_by_role("button").first.click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    call.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
