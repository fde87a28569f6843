"""The form of a new run in a real browser: what it shows, refuses, keeps and sends."""

import json
import re
from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Service, Watch
from tests.browser.page_checks import (
    DESKTOP,
    FINGER_TARGET,
    NARROW,
    PHONE,
    POINTER_TARGET,
    shifts,
    sideways_scroll,
    small_targets,
    violations,
    watch_shifts,
)


def field(page: Page, pointer: str) -> Locator:
    """The visible field of a pointer; other kinds may have one of the same."""
    return page.locator(f'[data-field="{pointer}"]').locator("visible=true")


def control(page: Page, pointer: str) -> Locator:
    return field(page, pointer).locator("[data-control]")


def configuration(page: Page) -> dict[str, object]:
    return dict(json.loads(page.locator("[data-text]").text_content() or ""))


def test_a_run_is_configured_and_started(page: Page, service: Service) -> None:
    page.goto("/runs/new")
    control(page, "/name").fill("from the form")
    control(page, "/task/length").fill("20")
    control(page, "/model/cell").select_option("gru")
    control(page, "/model/hidden_size").fill("8")
    control(page, "/training/steps").fill("20")
    control(page, "/training/optimizer").select_option("adam")
    control(page, "/training/optimizer/learning_rate").fill("1e-2")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    run = service.wait(page.url.rsplit("/", 1)[1])
    assert run["status"] == "succeeded"
    assert run["name"] == "from the form"
    assert run["config"]["model"]["cell"] == "gru"
    assert run["config"]["training"]["optimizer"]["learning_rate"] == 0.01


def test_the_fields_are_those_of_the_chosen_kind(page: Page) -> None:
    page.goto("/runs/new")
    expect(field(page, "/training/optimizer/momentum")).to_have_count(1)
    control(page, "/training/optimizer").select_option("adam")
    expect(field(page, "/training/optimizer/momentum")).to_have_count(0)
    expect(field(page, "/training/optimizer/beta1")).to_have_count(1)
    expect(field(page, "/training/optimizer")).to_contain_text("running means")


def test_a_gated_cell_has_no_activation_to_choose(page: Page) -> None:
    page.goto("/runs/new")
    expect(field(page, "/model/activation")).to_have_count(1)
    control(page, "/model/cell").select_option("lstm")
    expect(field(page, "/model/activation")).to_have_count(0)
    model = configuration(page)["model"]
    assert isinstance(model, dict)
    assert "activation" not in model


def test_a_cell_shows_its_options_and_sends_them(page: Page, service: Service) -> None:
    page.goto("/runs/new")
    expect(field(page, "/model/options/alpha")).to_have_count(0)
    control(page, "/model/cell").select_option("leaky")
    control(page, "/model/options/alpha").fill("0.25")
    control(page, "/task/length").fill("10")
    control(page, "/training/steps").fill("1")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    run = service.wait(page.url.rsplit("/", 1)[1])
    assert run["config"]["model"]["options"] == {"alpha": 0.25}


def test_an_option_is_away_with_its_cell(page: Page) -> None:
    page.goto("/runs/new")
    control(page, "/model/cell").select_option("leaky")
    expect(field(page, "/model/options/alpha")).to_have_count(1)
    control(page, "/model/options/alpha").fill("1")
    expect(field(page, "/model/options/alpha")).to_contain_text("Must be below 1.")
    control(page, "/model/cell").select_option("lstm")
    expect(field(page, "/model/options/alpha")).to_have_count(0)
    model = configuration(page)["model"]
    assert isinstance(model, dict)
    assert "options" not in model


def test_a_bound_is_checked_while_typing(page: Page) -> None:
    page.goto("/runs/new")
    control(page, "/model/hidden_size").fill("5000")
    expect(field(page, "/model/hidden_size")).to_contain_text("Must be at most 4096.")
    expect(control(page, "/model/hidden_size")).to_have_attribute("aria-invalid", "true")
    control(page, "/model/hidden_size").fill("50")
    expect(field(page, "/model/hidden_size")).not_to_contain_text("Must be")


def test_a_form_with_a_fault_is_not_sent_and_the_fault_has_the_focus(page: Page) -> None:
    page.goto("/runs/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    control(page, "/training/optimizer/learning_rate").fill("0")
    page.get_by_role("button", name="Start the run").click()
    expect(field(page, "/training/optimizer/learning_rate")).to_contain_text("Must be above 0.")
    expect(control(page, "/training/optimizer/learning_rate")).to_be_focused()
    assert "POST" not in sent


def test_what_is_refused_counts_down_as_it_is_corrected(page: Page) -> None:
    page.goto("/runs/new")
    wrong = {"/training/optimizer/learning_rate": "0", "/model/hidden_size": "5000"}
    for pointer, text in wrong.items():
        control(page, pointer).fill(text)
    problems = page.locator("[data-problems]")
    expect(problems).to_be_empty()
    page.get_by_role("button", name="Start the run").click()
    expect(problems).to_contain_text("2 fields are refused")
    control(page, "/model/hidden_size").fill("32")
    expect(problems).to_have_text("One field is refused: Learning rate")
    control(page, "/training/optimizer/learning_rate").fill("0.01")
    expect(problems).to_be_empty()


def test_what_the_service_refuses_stands_beside_the_field(page: Page, watch: Watch) -> None:
    watch.expect("422")
    page.goto("/runs/new")
    control(page, "/model/cell").select_option("lstm")
    page.locator("details.group-more").nth(0).locator("summary").click()
    control(page, "/model/bias").uncheck()
    control(page, "/model/forget_bias").fill("1")
    # Closed again: a fault behind it has to open it.
    page.locator("details.group-more").nth(0).locator("summary").click()
    page.get_by_role("button", name="Start the run").click()
    expect(field(page, "/model/forget_bias")).to_contain_text("without a bias there is none to set")
    expect(control(page, "/model/forget_bias")).to_be_focused()


def test_an_item_of_a_list_is_refused_beside_the_list(page: Page, watch: Watch) -> None:
    watch.expect("422")
    page.goto("/runs/new")
    page.locator("details.group-more").last.locator("summary").click()
    control(page, "/recording/checkpoints").fill("first, 99999")
    page.get_by_role("button", name="Start the run").click()
    expect(field(page, "/recording/checkpoints")).to_contain_text("expected at most")


def test_the_configuration_is_in_the_address(new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto("/runs/new")
    control(page, "/task").select_option("copy")
    control(page, "/model/cell").select_option("lstm")
    page.wait_for_url(re.compile("config="))
    before = configuration(page)
    other = new_page()
    other.goto(page.url)
    assert configuration(other) == before
    expect(control(other, "/task")).to_have_value("copy")


def test_a_run_is_the_start_of_another(page: Page, service: Service) -> None:
    run = service.finish(
        {
            "name": "first",
            "task": {"kind": "adding", "length": 17},
            "model": {"cell": "elman", "activation": {"kind": "leaky_relu", "slope": 0.25}},
            "training": {"steps": 1},
        }
    )
    page.goto(f"/runs/new?from={run}")
    expect(control(page, "/task/length")).to_have_value("17")
    expect(control(page, "/model/activation/slope")).to_have_value("0.25")
    expect(page.get_by_role("link", name="first", exact=True)).to_be_visible()


def test_a_preset_fills_the_form(page: Page) -> None:
    page.goto("/runs/new")
    page.get_by_role("link", name="Real data").click()
    expect(control(page, "/task")).to_have_value("digits")
    expect(control(page, "/model/cell")).to_have_value("gru")


def test_the_text_shown_starts_the_same_run(page: Page, service: Service) -> None:
    page.goto("/runs/new?" + urlencode({"config": '{"training": {"steps": 1}}'}))
    answer = httpx.post(f"{service.url}/api/v1/runs", json=configuration(page))
    assert answer.status_code == 201
    page.get_by_role("button", name="curl").click()
    expect(page.locator("[data-text]")).to_contain_text(f"curl -sS {service.url}/api/v1/runs")


def test_a_form_without_a_script_starts_a_run(
    new_page: Callable[..., Page], service: Service
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/runs/new")
    page.locator('[name="/training/steps"]').fill("2")
    page.get_by_role("button", name="Start the run").click()
    assert service.wait(page.url.rsplit("/", 1)[1])["progress"]["steps"] == 2


def test_without_a_script_another_kinds_fields_are_a_button_away(
    new_page: Callable[..., Page],
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/runs/new")
    page.locator('[name="/task"]').select_option("copy")
    page.get_by_role("button", name="Show the fields of the chosen kinds").click()
    expect(page.locator('[name="/task"]')).to_have_value("copy")
    expect(field(page, "/task/ask")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_form_has_no_violation(
    new_page: Callable[..., Page], scheme: str, viewport: dict[str, int]
) -> None:
    page = new_page(color_scheme=scheme, viewport=viewport)
    page.goto("/runs/new")
    control(page, "/model/hidden_size").fill("0")
    for more in page.locator("details.group-more > summary").all():
        more.click()
    assert violations(page) == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "narrow"])
def test_the_form_needs_no_sideways_scrolling(
    new_page: Callable[..., Page], viewport: dict[str, int]
) -> None:
    page = new_page(viewport=viewport)
    page.goto("/runs/new")
    for more in page.locator("details.group-more > summary").all():
        more.click()
    assert sideways_scroll(page) == 0


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_in_the_form_moves_by_itself(
    new_page: Callable[..., Page], viewport: dict[str, int]
) -> None:
    page = new_page(viewport=viewport)
    watch_shifts(page)
    page.goto("/runs/new")
    expect(page.get_by_role("button", name="curl")).to_be_visible()
    assert shifts(page) == []


@pytest.mark.parametrize(
    ("viewport", "least"), [(DESKTOP, POINTER_TARGET), (PHONE, FINGER_TARGET)], ids=str
)
def test_the_forms_controls_can_be_hit(
    new_page: Callable[..., Page], viewport: dict[str, int], least: int
) -> None:
    page = new_page(viewport=viewport)
    page.goto("/runs/new")
    assert small_targets(page, least) == []
