"""A service on a disk that fills: `python -m … SMALL OTHER KIND`.

SMALL is a disk of its own, OTHER a folder with room. KIND says what of the service is on the disk:
the database, the arrays or the checkpoints. Others fill it once the run has begun, but for little.
What became of the run is printed as JSON.
"""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.app.runs.small_runs import (
    Service,
    configuration,
    eventually,
    recorded,
    settings_for,
    status_is,
)

LEFT_BYTES = 2_500_000
FRAMES = {"every": 1, "statistics": ["hidden_gradient", "loss_state_gradient"]}
FILLING: dict[str, dict[str, Any]] = {
    "database": {"recording": FRAMES},
    "arrays": {"recording": FRAMES},
    "checkpoints": {
        "model": {"cell": "elman", "hidden_size": 500},
        "recording": {"every": 50, "statistics": ["hidden_gradient"]},
    },
}


def main(small: Path, other: Path, kind: str) -> dict[str, Any]:
    url = None if kind == "database" else f"sqlite:///{other / 'elsewhere.db'}"
    service = Service(settings_for(small, workers=1, checkpoint_seconds=0.2, database_url=url))
    try:
        run, _ = service.runs.create({**configuration(steps=20_000), **FILLING[kind]})
        eventually(lambda: service.store.runs.get(run.id).recorded_rows >= 1)
        ballast = fill(small)
        eventually(status_is(service.store, run.id, "failed"), patience=120)
        ended = service.store.runs.get(run.id)
        rows = recorded(service.store, run.id)["hidden_gradient"]
        service.runs.delete(run.id)
        ballast.unlink()
        again, _ = service.runs.create(configuration(steps=5, every=5))
        eventually(status_is(service.store, again.id, "succeeded"))
        return {
            "error": ended.error,
            "recorded": ended.recorded_rows,
            "read": len(rows),
            "whole": bool(np.isfinite(rows).any(axis=(1, 2, 3)).all()),
        }
    finally:
        service.close()


def fill(disk: Path) -> Path:
    """Take all of a disk but a few megabytes, while a run goes on writing to it."""
    ballast, taken = disk / "ballast", 0
    with ballast.open("wb") as file:
        while (room := shutil.disk_usage(disk).free - LEFT_BYTES) > 0:
            with contextlib.suppress(OSError):  # the run has taken some of it meanwhile
                os.posix_fallocate(file.fileno(), taken, room)
                taken += room
    return ballast


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
