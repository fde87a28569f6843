"""What is wrong with an uploaded file, place by place."""

from collections.abc import Sequence

from app.json_texts import escape
from engine import Problem

LONGEST_NAME = 80


class UploadError(Exception):
    """A file that cannot be taken; `problems` name the tensor, column or line where that shows."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        """Say what is wrong: with the file, or at places of it."""
        told = (Problem("", problems),) if isinstance(problems, str) else tuple(problems)
        self.problems = told
        super().__init__("; ".join(p.detail for p in told))


def at(name: str, detail: str) -> Problem:
    """Return a problem with one named part of a file."""
    short = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
    return Problem(f"/{escape(short)}", f"{short}: {detail}")
