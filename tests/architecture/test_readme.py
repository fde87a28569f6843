"""The README tells the truth: its programs run, its settings exist, its pictures are there."""

import contextlib
import importlib
import io
import re
from pathlib import Path
from typing import Any, get_args

import pytest

import engine
from app.settings import Settings
from benchmarks import many_table, report
from engine.diagnosis.finding import Kind
from tests.architecture.tree import ROOT, text

README = text(Path("README.md"))
PROGRAMS = re.findall(r"```python\n(.*?)```\n\nIt prints\n\n```text\n(.*?)```", README, re.DOTALL)


def test_the_readme_has_a_program_that_is_checked() -> None:
    assert PROGRAMS


@pytest.mark.parametrize(("program", "expected"), PROGRAMS)
def test_a_program_of_the_readme_prints_what_it_says(program: str, expected: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert printed.getvalue() == expected


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_has_every_setting_with_its_meaning(name: str) -> None:
    meaning = Settings.model_fields[name].description
    assert meaning
    row = re.search(rf"^\| `GRADTIDE_{name.upper()}` \| .* \| (.*) \|$", README, re.MULTILINE)
    assert row
    assert row.group(1) == meaning


@pytest.mark.parametrize("name", ["peers.json", "peers_plain.json"])
def test_the_readmes_table_is_the_benchmarks_output(name: str) -> None:
    rows = report.read_peers(ROOT / "benchmarks" / "results" / name)
    assert report.peers_table(rows) in README


@pytest.mark.parametrize(
    "name",
    [
        "matrix",
        "jacobians",
        "growth",
        "cheap",
        "long_sequences",
        "log_scaling",
        "start_up",
        "memory",
        "two_at_once",
        "threads",
    ],
)
def test_the_readmes_other_tables_are_the_benchmarks_output_too(name: str) -> None:
    pytest.importorskip("torch")
    table = importlib.import_module("benchmarks.every_table").TABLES[name]
    assert table.markdown(table.read()) in README


def test_the_readmes_table_of_many_runs_is_the_benchmarks_output() -> None:
    rows = many_table.read_many(ROOT / "benchmarks" / "results" / "many.json")
    assert many_table.many_table(rows) in README


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:|#)([^)]+)\)", README))
def test_what_the_readme_points_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


CATALOG: dict[str, Any] = engine.catalog()
LISTS = {
    section: [entry["name"] for entry in entries]
    for section, entries in CATALOG.items()
    if section != "config"
} | {"kinds of a verdict": list(get_args(Kind))}


@pytest.mark.parametrize("section", LISTS)
def test_the_readme_lists_what_there_is_in_the_catalogs_order(section: str) -> None:
    row = re.search(rf"^\| {section} \| ([^;]*?)(;.*)? \|$", README, re.MULTILINE)
    assert row
    assert re.findall("`([a-z_]+)`", row.group(1)) == LISTS[section]
