"""The style sheets: their weight, one list of dark colours, contrasts that can be read."""

import gzip
import os
import re
from pathlib import Path

import pytest

from app.figures.palette import RUNS
from app.pages import resource_dir, static_url
from app.pages.base import imported_urls

CSS = resource_dir("static") / "css"
SHEETS = sorted(path.name for path in CSS.glob("*.css"))
TOKENS = (CSS / "tokens.css").read_text()
LEAST_CONTRAST = 4.5
LEAST_OF_LINES = 3.0  # what is no text
HEAVIEST = 12 * 1024  # bytes, as gzip sends them


def block(selector: str) -> dict[str, str]:
    """The tokens that a rule sets."""
    body = TOKENS.split(f"{selector} {{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", body))


LIGHT = block(":root")
DARK = block(':root[data-theme="dark"]')


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


PAGES = sorted(path.name for path in resource_dir("templates").glob("*.html"))


@pytest.mark.parametrize("page", PAGES)
def test_the_style_sheets_of_a_page_are_small_on_the_wire(page: str) -> None:
    text = (resource_dir("templates") / page).read_text()
    own = re.findall(r"{% block styles %}\+(\w+){% endblock %}", text)
    sheets = [CSS / f"{name}.css" for name in ("tokens", "base", *own)]
    weight = len(gzip.compress(b"".join(sheet.read_bytes() for sheet in sheets)))
    assert weight <= HEAVIEST


def test_the_systems_dark_and_the_chosen_one_are_the_same() -> None:
    assert block('  :root:not([data-theme="light"])') == DARK


def test_dark_has_a_value_for_every_color_of_light() -> None:
    colors = {name for name, value in LIGHT.items() if value.startswith(("#", "rgb", "0 "))}
    assert colors <= set(DARK)


@pytest.mark.parametrize("theme", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("text", "bg"),
        ("text", "card"),
        ("muted", "card"),
        ("muted", "bg"),
        ("muted", "sunken"),
        ("accent", "card"),
        ("accent", "accent-tint"),
        ("text", "accent-tint"),
        ("muted", "accent-tint"),
        ("on-accent", "accent"),
        ("danger", "card"),
        ("danger", "danger-tint"),
        ("vanishing-small", "card"),
        ("vanishing-small", "vanishing-tint"),
        ("healthy-small", "card"),
        ("healthy-small", "healthy-tint"),
        ("exploding-small", "card"),
        ("exploding-small", "exploding-tint"),
        ("nan-small", "card"),
        ("nan-small", "nan-tint"),
    ],
)
def test_text_can_be_read_on_its_ground(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[f"--{text}"], theme[f"--{ground}"]) >= LEAST_CONTRAST


def test_every_line_of_a_figure_can_be_seen_on_a_dark_card_too() -> None:
    script = (CSS.parent / "js" / "plots" / "theme.js").read_text()
    twins = dict(re.findall(r'"(#[0-9a-f]{6})": "(#[0-9a-f]{6})"', script))
    assert tuple(twins) == RUNS
    assert len(set(twins.values())) == len(RUNS)
    for light, dark in twins.items():
        assert contrast(light, LIGHT["--card"]) >= LEAST_OF_LINES
        assert contrast(dark, DARK["--card"]) >= LEAST_CONTRAST


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name != "tokens.css"])
def test_a_color_has_a_name(sheet: str) -> None:
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(", (CSS / sheet).read_text())


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name != "tokens.css"])
def test_a_token_that_is_used_is_there(sheet: str) -> None:
    text = (CSS / sheet).read_text()
    own = set(re.findall(r"(--[\w-]+):", text))
    assert set(re.findall(r"var\((--[\w-]+)", text)) <= set(LIGHT) | own


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_file_has_an_address_with_its_version(sheet: str) -> None:
    assert re.fullmatch(rf"/static/[0-9a-f]{{12}}/css/{sheet}", static_url(f"css/{sheet}"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_every_script_that_it_will_load(page: str) -> None:
    """Word of them comes with the page: none is asked for only when another one names it."""
    text = (resource_dir("templates") / page).read_text()
    for entry in re.findall(r"module\('([^']+)'\)", text):
        listed = {entry, *(url.split("/", 3)[3] for url in imported_urls(entry))}
        for script in listed:
            source = (resource_dir("static") / script).read_text()
            beside = re.findall(r'^(?:import|export) .*"(\.[^"]+)";', source, re.MULTILINE)
            base = Path(script).parent
            assert {os.path.normpath(base / name) for name in beside} <= listed
