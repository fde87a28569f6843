"""The image as a user runs it: another user, a read-only root, a link with a token."""

import os
import re
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from tests.image.conftest import Image
from tests.image.serving import Process, free_port, serving

pytestmark = pytest.mark.image

LINK = re.compile(r"http:[/]{2}127[.]0[.]0[.]1:\d+/login[?]token=\S+")


@pytest.fixture
def data(image: Image, tmp_path: Path) -> Path:
    """A fresh volume, owned as the image's folder is."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    user, group = image.user
    os.chown(folder, int(user), int(group))
    # The way to the volume is the test's, not the user's: pytest keeps it closed to others.
    return folder


def _run(image: Image, data: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = image.command(data, ["python3", "-c", program])
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_image_says_who_it_runs_as_and_what_it_keeps(image: Image) -> None:
    assert image.user == ["10001", "10001"]
    assert set(image.config["Volumes"]) == {"/data"}
    assert set(image.config["ExposedPorts"]) == {"8000/tcp"}
    assert image.config["Entrypoint"] == ["gradtide"]
    assert image.config["Healthcheck"]["Test"][0] == "CMD"


def test_its_data_folder_belongs_to_its_user(image: Image) -> None:
    found = (image.tree / "data").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (10001, 10001, 0o700)


def test_nothing_of_the_machine_that_built_it_is_baked_in(image: Image) -> None:
    assert not (image.tree / "etc" / "pip.conf").exists() or not (
        (image.tree / "etc" / "pip.conf").read_text()
    )
    assert not list(image.tree.glob("src/*"))


@pytest.mark.parametrize("path", ["/opt/venv/x", "/usr/x", "/x"])
def test_its_root_cannot_be_written(image: Image, data: Path, path: str) -> None:
    refused = _run(image, data, f"open({path!r}, 'w')")
    assert refused.returncode != 0
    assert re.search(r"Read-only file system|Permission denied", refused.stderr)


def test_it_runs_as_its_user_without_capabilities(image: Image, data: Path) -> None:
    program = (
        "import os, pathlib; print(os.getuid(), os.getgid(), "
        "[l.split()[1] for l in pathlib.Path('/proc/self/status').read_text().splitlines() "
        "if l.startswith('CapEff')][0])"
    )
    assert _run(image, data, program).stdout.split() == ["10001", "10001", "0000000000000000"]


def _served(image: Image, data: Path, port: int, folder: Path) -> AbstractContextManager[Process]:
    program = [*image.config["Entrypoint"], *image.config["Cmd"]]
    command = image.command(data, program, GRADTIDE_PORT=str(port))
    environment = dict(os.environ)
    return serving(command, port=port, environment=environment, folder=folder, wrapped=True)


def _link(service: Process) -> str:
    found = LINK.search(service.log.read_text())
    assert found, service.log.read_text()
    return found.group()


def test_it_makes_a_token_once_and_its_link_opens_the_pages(
    image: Image, data: Path, tmp_path: Path
) -> None:
    port = free_port()
    links = []
    for _start in range(2):
        with _served(image, data, port, tmp_path) as service:
            links.append(_link(service))
            assert httpx.get(f"{service.url}/api/v1/runs").status_code == 401
            with httpx.Client(follow_redirects=True) as browser:
                page = browser.get(links[-1])
                assert page.status_code == 200
                assert page.url.path == "/"
                assert browser.get(f"{service.url}/api/v1/runs").status_code == 200
    assert links[0] == links[1]


def test_its_health_check_answers_from_inside(image: Image, data: Path, tmp_path: Path) -> None:
    port = free_port()
    check = image.config["Healthcheck"]["Test"][1:]
    command = image.command(data, check, GRADTIDE_PORT=str(port))
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    with _served(image, data, port, tmp_path):
        assert subprocess.run(command, check=False).returncode == 0
