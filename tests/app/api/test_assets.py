"""What browsers load: our own files kept in memory, plotly.js made quick to load."""

import re
from importlib import resources

import httpx
import pytest

from app.api.assets import plotly_source
from app.pages import PLOTLY_URL, resource_dir, static_url, static_version


async def test_plotly_is_served_for_ever_at_its_version(client: httpx.AsyncClient) -> None:
    answer = await client.get(PLOTLY_URL)
    again = await client.get(answer.url.path, headers={"If-None-Match": answer.headers["etag"]})
    found = (answer.status_code, "immutable" in answer.headers["cache-control"], again.status_code)
    assert found == (200, True, 304)


def test_plotly_is_compiled_as_it_arrives() -> None:
    """A browser reads a function in parentheses once, away from the page's own thread."""
    source = plotly_source()
    assert b"self : this, (() => {" in source
    assert source.endswith(b"return Plotly;\n})));")


@pytest.mark.parametrize(
    ("address", "is_immutable"),
    [
        ("/static/css/base.css", False),
        ("/static/0123456789ab/css/base.css", False),
        (static_url("css/base.css"), True),
        (static_url("css/tokens+base.css"), True),
        ("/static/css/tokens+base.css", False),
        ("/static/0123456789ab/css/tokens+base.css", False),
        (static_url("js/wire/api.js"), True),
    ],
)
async def test_a_static_file_is_kept_where_its_address_names_the_version(
    client: httpx.AsyncClient, address: str, is_immutable: bool
) -> None:
    answer = await client.get(address)
    found = (answer.status_code, "immutable" in answer.headers["cache-control"])
    assert found == (200, is_immutable)


async def test_style_sheets_are_sent_as_one_in_their_order(client: httpx.AsyncClient) -> None:
    css = resource_dir("static") / "css"
    answer = await client.get(static_url("css/tokens+base+panels.css"))
    sheets = [(css / f"{name}.css").read_bytes() for name in ("tokens", "base", "panels")]
    assert answer.content == b"".join(sheets)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    refused = ("css/tokens+none.css", "css/base+base.css", "css/base+.css", "css/base+../x.css")
    found = [(await client.get(static_url(name))).status_code for name in refused]
    assert found == [404] * len(refused)


def test_plotly_registers_the_traces_that_figures_draw_and_no_others() -> None:
    """The other types are half a second of the page's own thread at every first visit."""
    whole = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    registered = [
        re.findall(rb"\.register\(\[([\w$(),]*)\]\)", js) for js in (whole, plotly_source())
    ]
    before, after = (set(found[0].split(b",")) for found in registered)
    assert len(before) > 40
    assert after < before
    assert len(after) == 3  # bars, heatmaps and the calendars, which are no type of trace


async def test_a_file_that_a_browser_has_already_is_not_sent_again(
    client: httpx.AsyncClient,
) -> None:
    address = static_url("js/wire/api.js")
    first = await client.get(address)
    again = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.content == (resource_dir("static") / "js/wire/api.js").read_bytes()


@pytest.mark.parametrize(
    "name", ["js/none.js", "js", "%2e%2e/pyproject.toml", "js/%00.js", "j" * 300]
)
async def test_what_is_no_file_of_a_version_is_not_found(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/static/{static_version()}/{name}")
    assert answer.status_code == 404
