"""What the rules of the tree are checked on: the tracked files, read once."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file that git knows or would add, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = (Path(line) for line in sorted(set(listed.stdout.splitlines())))
    return tuple(path for path in paths if (ROOT / path).is_file())


def files(*folders: str, suffix: str) -> list[Path]:
    """Return the tracked files below some folders that end so."""
    return [p for p in tracked() if p.parts[0] in folders and p.name.endswith(suffix)]


@cache
def text(path: Path) -> str:
    """Return a file's text; binary files are empty."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def syntax(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(text(path))
