"""The table that is printed, and the JSON that is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import tables
from benchmarks.paired import Paired
from benchmarks.sizes import Size
from benchmarks.workloads import Workload

PROBE_EVERY = 50
"""The default distance of two frames, over which a probe frame's price is spread."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One workload's figures.

    Attributes:
        look: CPU seconds of the recorder where a frame of the training batch is made.
        probe: CPU seconds of a training step, and of one probe frame with default statistics.
    """

    workload: Workload
    paired: Paired
    look: float
    probe: tuple[float, float]

    @property
    def probe_share(self) -> float:
        """A probe frame's time as a share of the training steps between two frames."""
        step, frame = self.probe
        return frame / (PROBE_EVERY * step)


def table(lines: Sequence[Line]) -> str:
    """Return a Markdown table of the lines."""
    rows = [
        "| cell / task | T | B | H | ours ms | a frame ms | PyTorch ms | ratio | pairs | goal "
        "| probe frame |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        w, p = line.workload, line.paired
        rows.append(
            f"| {w.name} | {w.length} | {w.batch} | {w.hidden} | {1e3 * p.ours:.2f} "
            f"| {1e3 * line.look:.2f} | {1e3 * p.theirs:.2f} | **{p.ratio:.2f}** "
            f"| {min(p.ratios):.2f} to {max(p.ratios):.2f} | {w.goal or '-'} "
            f"| {1e3 * line.probe[1]:.1f} ms, {line.probe_share:.1%} |"
        )
    return "\n".join(rows)


@dataclass(frozen=True)
class PeerRow:
    """One cell at one size: us beside each rival, by its letter."""

    size: Size
    cell: str
    found: Mapping[str, Paired]


def peers_table(rows: Sequence[PeerRow]) -> str:
    """Return a Markdown table: our milliseconds, and each rival's time over ours."""
    letters = list(rows[0].found)
    lines = [
        f"| size | B | T | H | D | cell | ours ms | {' | '.join(letters)} |",
        "|---|---|---|---|---|---|---|" + "---|" * len(letters),
    ]
    for row in rows:
        size, mine = row.size, next(iter(row.found.values()))
        ratios = " | ".join(f"{found.ratio:.2f}" for found in row.found.values())
        lines.append(
            f"| {size.name} | {size.batch} | {size.length} | {size.hidden} | {size.inputs} "
            f"| {row.cell} | {1e3 * mine.ours:.3f} | {ratios} |"
        )
    return "\n".join(lines)


def write_peers(rows: Sequence[PeerRow], path: Path) -> None:
    """Write the rows and what they were measured on as JSON."""
    entries = [
        {
            "size": asdict(row.size),
            "cell": row.cell,
            "ours_seconds": next(iter(row.found.values())).ours,
            "rivals": {
                letter: {"seconds": found.theirs, "ratio": found.ratio, "ratios": found.ratios}
                for letter, found in row.found.items()
            },
        }
        for row in rows
    ]
    tables.write(path, {"rows": entries})


def read_peers(path: Path) -> list[PeerRow]:
    """Return the rows that were written to a file."""
    return [
        PeerRow(
            Size(**row["size"]),
            row["cell"],
            {
                letter: Paired(
                    ours=row["ours_seconds"],
                    theirs=found["seconds"],
                    ratios=tuple(found["ratios"]),
                )
                for letter, found in row["rivals"].items()
            },
        )
        for row in json.loads(path.read_text())["rows"]
    ]


def write(lines: Sequence[Line], path: Path) -> None:
    """Write the lines and what they were measured on as JSON."""
    tables.write(path, {"lines": [_entry(line) for line in lines]})


def _entry(line: Line) -> dict[str, object]:
    w = line.workload
    return {
        "name": w.name,
        "length": w.length,
        "batch": w.batch,
        "hidden": w.hidden,
        "goal": w.goal,
        "ratio": line.paired.ratio,
        "ratios": list(line.paired.ratios),
        "ours_seconds": line.paired.ours,
        "theirs_seconds": line.paired.theirs,
        "recorder_seconds": line.look,
        "probe_frame_seconds": line.probe[1],
        "probe_frame_share": line.probe_share,
    }
