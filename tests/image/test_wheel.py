"""The wheel, installed alone in another place, is the whole product."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.architecture.tree import ROOT, files
from tests.image.serving import free_port, serving


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, the dependencies being those of this interpreter."""
    folder = tmp_path_factory.mktemp("site")
    _pip("install", "--no-deps", "--target", str(folder), str(wheel))
    return folder


def test_the_wheel_carries_every_file_of_the_product(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    product = {str(path) for path in files("app", "engine", suffix="")}
    assets = {f"app/{path}" for path in files("templates", "static", suffix="")}
    assert assets
    assert product | assets <= carried


def test_an_installed_wheel_serves_its_pages_and_its_files(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "GRADTIDE_DATA": str(tmp_path / "data"),
    }
    script = str(installed / "bin" / "gradtide")
    command = [sys.executable, script, "serve", "--port", str(port)]
    with serving(command, port=port, environment=environment, folder=tmp_path) as service:
        page = httpx.get(f"{service.url}/")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        sheet = httpx.get(f"{service.url}/static/css/tokens.css")
        assert sheet.text == (ROOT / "static/css/tokens.css").read_text()
        maps = Path(f"/proc/{service.pid}/environ")
        assert not maps.exists() or str(installed) in maps.read_text()
