"""The documents tell the truth: programs run, links lead somewhere, calls exist."""

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture.tree import ROOT
from tests.image.serving import free_port, serving

DOCS = ROOT / "docs"
DOCUMENTS = sorted(path.name for path in DOCS.glob("*.md"))
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(
    r"```python( requires=\w+)?\n(.*?)```(?:\n\nIt prints(?: `([^`]+)`|\n\n```text\n(.*?)```))?",
    re.DOTALL,
)
RUN_SECONDS = 300.0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with an empty store."""
    folder, port = tmp_path_factory.mktemp("documents"), free_port()
    environment = os.environ | {
        "GRADTIDE_DATA": str(folder / "data"),
        "GRADTIDE_WORKERS": "1",
        "GRADTIDE_PORT": str(port),
    }
    command = [sys.executable, "-m", "app.cli", "serve"]
    with serving(command, port=port, environment=environment, folder=folder) as service:
        yield service.url


@pytest.mark.parametrize("name", [d for d in DOCUMENTS if BLOCK.search((DOCS / d).read_text())])
def test_the_programs_of_a_document_print_what_it_says(name: str, address: str) -> None:
    seen: dict[str, Any] = {"__name__": "__main__"}
    for requires, program, line, lines in BLOCK.findall((DOCS / name).read_text()):
        if requires and importlib.util.find_spec(requires.partition("=")[2]) is None:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program.replace(ADDRESS, address), name, "exec"), seen)
        assert printed.getvalue().startswith(line or lines)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_points_to_is_there(name: str) -> None:
    text = (DOCS / name).read_text()
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text) if not t.startswith("http")]
    assert [target for target in targets if not (DOCS / target).exists()] == []


def test_the_readme_leads_to_every_document() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in DOCUMENTS if f"(docs/{name})" not in readme] == []


def test_the_reference_has_every_call_and_no_other(address: str) -> None:
    paths = httpx.get(f"{address}/openapi.json").json()["paths"]
    known = {(m.upper(), path) for path, methods in paths.items() for m in methods}
    text = (DOCS / "rest.md").read_text()
    told = re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", text, re.MULTILINE)
    outside = {("GET", path) for path in ("/healthz", "/readyz", "/metrics") if f"`{path}`" in text}
    assert {(method, f"/api/v1{path}") for method, path in told} | outside == known


@pytest.mark.skipif(not shutil.which("curl"), reason="the reference's commands need curl")
def test_the_commands_of_the_reference_get_what_it_says(address: str) -> None:
    commands = re.findall(r"```sh\n(.*?)```", (DOCS / "rest.md").read_text(), re.DOTALL)
    estimate, refusal = (
        json.loads(
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command.replace(ADDRESS, address)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for command in commands
    )
    assert set(estimate) >= {"memory", "stored", "work", "frames"}
    assert refusal["status"] == 422
    assert [error["pointer"] for error in refusal["errors"]] == ["/training/truncation"]


def test_the_grid_of_the_document_on_sweeps_is_accepted(address: str) -> None:
    (grid,) = re.findall(r"```json sweep\n(.*?)```", (DOCS / "cluster.md").read_text(), re.DOTALL)
    answer = httpx.post(f"{address}/api/v1/sweeps", json=json.loads(grid))
    assert answer.status_code == 201, answer.text
    assert answer.json()["progress"]["runs"] == 4
    httpx.post(f"{address}/api/v1/sweeps/{answer.json()['id']}/cancel")


def test_the_notebook_runs_and_shows_its_figures_inline(address: str, tmp_path: Path) -> None:
    script = (
        "import nbformat, sys\n"
        "from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], 4)\n"
        "NotebookClient(notebook, timeout=300).execute()\n"
        "nbformat.write(notebook, sys.argv[2])\n"
    )
    own = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_CONFIG_DIR": "config",
    }
    subprocess.run(
        [sys.executable, "-c", script, DOCS / "first_look.ipynb", tmp_path / "run.ipynb"],
        check=True,
        timeout=RUN_SECONDS,
        env=os.environ
        | {name: str(tmp_path / folder) for name, folder in own.items()}
        | {"GRADTIDE_URL": address, "PYTHONPATH": str(ROOT)},
    )
    cells = json.loads((tmp_path / "run.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    plotly = "application/vnd.plotly.v1+json"
    figures = [o["data"][plotly] for o in outputs if plotly in o.get("data", {})]
    assert len(figures) == 3
    assert all(figure["data"] for figure in figures)
    printed = "".join(text for o in outputs if o["output_type"] == "stream" for text in o["text"])
    assert re.findall(r"^(\w+): -?[\d.]+ decades", printed, re.MULTILINE) == [
        "sigmoid",
        "tanh",
        "lstm",
    ]
