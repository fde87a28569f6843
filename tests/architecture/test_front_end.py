"""The rules of pages and scripts that a look at the text can check."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import files, text

SCRIPTS = files("static", suffix=".js")
TEMPLATES = files("templates", suffix=".html")
STYLES = files("static", suffix=".css")


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
@pytest.mark.parametrize(
    "forbidden",
    [r"\.innerHTML\b", r"\.outerHTML\b", r"insertAdjacentHTML", r"\beval\(", r"new Function\("],
)
def test_a_script_writes_text_and_runs_none(path: Path, forbidden: str) -> None:
    assert not re.search(forbidden, text(path))


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_a_script_imports_by_a_relative_path_with_its_suffix(path: Path) -> None:
    for source in re.findall(
        r"^import\s(?:[^;]*?\sfrom\s)?[\"']([^\"']+)", text(path), re.MULTILINE
    ):
        assert source.startswith(("./", "../"))
        assert source.endswith(".js")


@pytest.mark.parametrize("path", [p for p in SCRIPTS if p.stem != "mount"], ids=str)
def test_one_module_alone_draws_with_plotly(path: Path) -> None:
    assert not re.search(r"\bPlotly\.(newPlot|react|purge|restyle|relayout|update)\b", text(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_a_template_escapes_and_holds_no_script_or_style(path: Path) -> None:
    content = text(path)
    assert not re.search(r"\|\s*safe\b", content)
    assert not re.search(r"\son\w+\s*=", content)
    assert not re.search(r"\sstyle\s*=", content)
    assert not re.search(r"<style\b", content)
    for attributes in re.findall(r"<script\b([^>]*)>", content):
        assert "src=" in attributes or "application/json" in attributes


@pytest.mark.parametrize("path", STYLES, ids=str)
def test_a_style_sheet_needs_no_force(path: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", text(path), flags=re.DOTALL)
    assert "!important" not in rules
    assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", rules)
