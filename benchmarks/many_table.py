"""The table of many trainings at once, and the JSON that is kept."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables

Row = Mapping[str, Any]
"""Of one crowd: size, cell, members, ours_seconds of a member, rivals by letter."""


def many_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: our microseconds a member, and each rival's time over ours."""
    letters = list(rows[0]["rivals"])
    lines = [
        f"| size | cell | runs | | ours µs a run | {' | '.join(letters)} |",
        "|---|---|---|---|---|" + "---|" * len(letters),
    ]
    for row in rows:
        way = "side by side" if row["side_by_side"] else "in turn"
        ratios = " | ".join(f"{row['rivals'][letter]['ratio']:.2f}" for letter in letters)
        lines.append(
            f"| {row['size']} | {row['cell']} | {row['members']} | {way} "
            f"| {1e6 * row['ours_seconds']:.1f} | {ratios} |"
        )
    return "\n".join(lines)


def write_many(rows: Sequence[Row], path: Path) -> None:
    """Write the rows and what they were measured on as JSON."""
    tables.write(path, {"rows": list(rows)})


def read_many(path: Path) -> list[Row]:
    """Return the rows that were written to a file."""
    rows: list[Row] = json.loads(path.read_text())["rows"]
    return rows
