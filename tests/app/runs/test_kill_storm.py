"""Kills at random moments, many of them: no run is lost and every bit stays."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from app.runs import RunStatus
from app.store import Run
from tests.app.runs.small_runs import (
    TICK,
    Service,
    configuration,
    eventually,
    pid_of,
    require_same_bits,
    settings_for,
)

RUNS, KILLS = 60, 28
PATIENCE = 300.0

pytestmark = pytest.mark.long


def test_f11_a_storm_of_kills_loses_no_run(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    # More attempts than kills: this is about what is kept, not about giving up.
    service = Service(settings_for(tmp_path, max_attempts=KILLS + 1))
    try:
        configs = [configuration(steps=600, every=30, seed=seed) for seed in range(RUNS)]
        made: list[Run] = [service.runs.create(config)[0] for config in configs]
        killed = 0
        while killed < KILLS:
            TICK.wait(float(rng.uniform(0.2, 1.5)))
            rows = [service.store.runs.get(run.id) for run in made]
            if all(RunStatus(row.status).is_terminal for row in rows):
                break
            living = [row.id for row in rows if row.status == "running"]
            if living:
                with contextlib.suppress(ProcessLookupError):  # it ended at this moment
                    os.kill(pid_of(service.store, str(rng.choice(living))), signal.SIGKILL)
                    killed += 1

        def over() -> int:
            rows = [service.store.runs.get(run.id) for run in made]
            return sum(RunStatus(row.status).is_terminal for row in rows)

        while (ended := over()) < RUNS:  # however slow the machine: each in its turn
            eventually(lambda: over() > ended, patience=PATIENCE)
        assert [service.store.runs.get(run.id).status for run in made] == ["succeeded"] * RUNS
        assert killed >= KILLS // 2
        for run, config in zip(made, configs, strict=True):
            require_same_bits(service.store, run.id, config)
        with capsys.disabled():
            sys.stdout.write(f"\nF11: {killed} kills, {RUNS} of {RUNS} runs identical\n")
    finally:
        service.close()
