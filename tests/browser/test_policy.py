"""What a page may run: the policy holds on every page, and stored text is never markup.

Named after what others had: CVE-2026-23528 and CVE-2026-40171 ran stored text in a dashboard, and
took the token from there.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Service

RUN: dict[str, Any] = {
    "name": "policy",
    "task": {"kind": "adding", "length": 12},
    "model": {"cell": "elman", "hidden_size": 4},
    "training": {"steps": 4, "batch_size": 4},
    "recording": {"every": 2, "probe_size": 2},
}
MARKUP = "</script><script>window.broken=1</script><img src=x onerror=window.broken=1>"
TABS = ("overview", "training", "gradients", "parameters", "state", "activations", "verdict")
_REPORTS = """() => {
  window.reports = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.reports.push(`${event.effectiveDirective} ${event.blockedURI}`);
  });
}"""
KNOWN = "script-src eval"
"""plotly.js probes once for eval and lives without it."""


@pytest.fixture(scope="module")
def addresses(service: Service) -> list[str]:
    """Every page: those without a name in their address, and one of each kind that has."""
    run = service.finish(RUN)
    sweep = httpx.post(
        f"{service.url}/api/v1/sweeps",
        json={"base": RUN, "axes": {"model.activation": ["tanh", "relu"]}},
    ).json()["id"]
    plain = ["/", "/runs/new", "/compare", f"/compare?run={run}&run={run}", "/activations"]
    named = ["/learn", "/sweeps", f"/sweeps/{sweep}", f"/runs/{run}/remedies", "/docs"]
    return [*plain, *named, *(f"/runs/{run}?tab={tab}" for tab in TABS)]


def settled(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")


@pytest.mark.long
def test_s14_no_page_breaks_its_own_policy(
    new_page: Callable[..., Page], addresses: list[str]
) -> None:
    page = new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(f"({_REPORTS})()")
    found = {}
    for address in addresses:
        settled(page, address)
        found[address] = [each for each in page.evaluate("window.reports") if each != KNOWN]
    assert found == {address: [] for address in addresses}


def test_cve_2026_23528_and_40171_stored_markup_is_text_on_every_page(
    new_page: Callable[..., Page], service: Service
) -> None:
    config = {**RUN, "name": MARKUP, "tags": [MARKUP[:64]]}
    run = service.finish(config)
    address = f"{service.url}/api/v1/runs/{run}"
    assert httpx.patch(address, json={"notes": MARKUP}).status_code == 200
    page = new_page(viewport={"width": 1440, "height": 900})
    shown = ["/", f"/runs/{run}", f"/compare?run={run}&run={run}", f"/runs/{run}/remedies"]
    for each in shown:
        settled(page, each)
        assert MARKUP[:40] in page.content().replace("&lt;", "<").replace("&gt;", ">"), each
        assert page.evaluate("window.broken") is None, each
    exported = page.request.get(f"{address}/export?format=html").text()
    assert "<script>window.broken" not in exported
    page.goto("about:blank")  # the page of remedies asks for its table once more, a second later
    assert httpx.delete(address).status_code == 204
