"""What can be said of the Dockerfile without building it."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, files


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).parent / "hadolint"
    program = str(beside) if beside.exists() else shutil.which("hadolint")
    assert program, "hadolint is not installed"
    found = subprocess.run(
        [program, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


def test_the_build_context_holds_every_folder_of_the_product() -> None:
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    copied = (ROOT / "Dockerfile").read_text()
    for folder in ("app", "engine", "templates", "static"):
        assert files(folder, suffix="")
        assert f"!{folder}" in allowed
        assert f"COPY {folder} {folder}" in copied
