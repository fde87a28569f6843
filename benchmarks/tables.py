"""What one benchmark measures, and how its figures are kept and shown."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import engine

RESULTS = Path(__file__).parent / "results"
CPU_CLOCK = "CPU seconds, one thread a side, medians of alternated turns"

Figure = float | int | str | None
Row = dict[str, Figure]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One benchmark.

    Attributes:
        name: Of the command, and of the file in results/.
        columns: Head of a column -> how `str.format` writes a row's figures there; a cell one of
            whose figures is None is a dash.
        measure: Takes the number of rounds and returns the rows. A row whose "ratio" has a "goal"
            is held to it.
        rounds: Turns where nobody says otherwise.
        clock: What times are, and of how many turns.
    """

    name: str
    columns: Mapping[str, str]
    measure: Callable[[int], list[Row]]
    rounds: int = 7
    clock: str = CPU_CLOCK

    @property
    def path(self) -> Path:
        """Where its figures are kept."""
        return RESULTS / f"{self.name}.json"

    def markdown(self, rows: Sequence[Row]) -> str:
        """Return the rows as a Markdown table."""
        lines = [f"| {' | '.join(self.columns)} |", "|" + "---|" * len(self.columns)]
        for row in rows:
            lines.append(f"| {' | '.join(_cell(f, row) for f in self.columns.values())} |")
        return "\n".join(lines)

    def read(self) -> list[Row]:
        """Return the rows that are kept."""
        rows: list[Row] = json.loads(self.path.read_text())["rows"]
        return rows

    def write(self, rows: Sequence[Row], path: Path | None = None) -> None:
        """Keep the rows, with what they were measured on."""
        write(path or self.path, {"clock": self.clock, "rows": rows})


def _cell(form: str, row: Row) -> str:
    known = {name: figure for name, figure in row.items() if figure is not None}
    try:
        return form.format(**known)
    except KeyError:
        return "-"


def write(path: Path, figures: Mapping[str, object]) -> None:
    """Write figures as JSON, with the machine and the versions that they hold for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packages = [name for name in ("numpy", "torch", "jax") if find_spec(name) is not None]
    body = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": platform.processor() or platform.machine()},
        "versions": {
            "python": platform.python_version(),
            "backend": engine.backend(),
            **{name: version(name) for name in packages},
        },
        "clock": CPU_CLOCK,
        **figures,
    }
    path.write_text(json.dumps(body, indent=1) + "\n")


def has_jax() -> bool:
    """Tell whether JAX is installed and can be measured too."""
    return find_spec("jax") is not None
