"""The glossary: one table of words, on its page and in the README."""

import re
from html import unescape
from pathlib import Path

import pytest

from app.main import create_app
from app.pages.glossary import GLOSSARY
from tests.app.api.conftest import serving, settings_of

ROOT = Path(__file__).parents[3]


def test_the_readmes_glossary_is_the_pages() -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Glossary")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "][1:]
    told = [(word, meaning.replace("`", "")) for word, meaning in rows]
    assert told == [(entry.word, entry.meaning) for entry in GLOSSARY]


async def test_every_word_has_its_place_on_the_page(tmp_path: Path) -> None:
    async with serving(create_app(settings_of(tmp_path))) as client:
        answer = await client.get("/glossary")
    assert answer.status_code == 200
    page = unescape(answer.text)
    assert re.findall(r'<div id="([^"]+)"><dt>', page) == [entry.anchor for entry in GLOSSARY]
    read = re.sub(r"</?sub>", "", page)
    for entry in GLOSSARY:
        assert re.sub(r"_\{?|\}", "", entry.meaning) in read
    assert "dℓ/dh<sub>t</sub></dt>" in page


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=str)
def test_a_link_to_a_word_leads_to_one(template: Path) -> None:
    anchors = {entry.anchor for entry in GLOSSARY}
    assert set(re.findall(r"/glossary#([\w-]+)", template.read_text())) <= anchors
