"""When loops are compiled, and how that is told."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.cells import make_cell
from engine.compiled import SWITCH, twin_of

FORBID = "import sys; sys.modules['numba'] = None; "
"""An import of numba then fails as if it were not installed."""


def run(program: str, **environment: str) -> str:
    """Run a program in a fresh process and return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    ).stdout.strip()


def test_importing_the_engine_does_not_import_the_compiler() -> None:
    assert run("import sys, engine; print('numba' in sys.modules)") == "False"


def test_a_cell_with_a_twin_is_compiled() -> None:
    assert twin_of(make_cell("lstm")) is not None
    assert engine.backend().startswith("numba ")
    assert engine.why_plain() is None


def test_the_switch_keeps_to_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert twin_of(make_cell("lstm")) is None
    assert engine.backend() == "plain"
    assert engine.why_plain() == f"{SWITCH}=0"


def test_without_the_compiler_everything_is_plain() -> None:
    program = FORBID + (
        "import engine; from engine.compiled import twin_of; from engine.cells import make_cell;"
        "print(twin_of(make_cell('lstm')), engine.backend(), engine.why_plain())"
    )
    assert run(program) == "None plain numba is not installed (the extra `fast`)"


def test_where_nothing_can_be_written_every_process_compiles_for_itself(tmp_path: Path) -> None:
    here = tmp_path / "a file"
    here.touch()
    program = "from engine.compiled.kernel import FOLDER; print(repr(FOLDER))"
    assert run(program, NUMBA_CACHE_DIR=str(here)) == "''"


def test_compiled_code_is_kept_for_the_next_process(tmp_path: Path) -> None:
    program = (
        "import numpy as np; from engine.compiled import norms;"
        "norms.squared_norms(np.ones((1, 1, 1)), np.ones((1, 1)));"
        "print(sum(norms.squared_norms.stats.cache_hits.values()))"
    )
    assert run(program, NUMBA_CACHE_DIR=str(tmp_path)) == "0"
    assert run(program, NUMBA_CACHE_DIR=str(tmp_path)) == "1"


def test_loops_are_compiled_ahead_for_every_cell_that_has_a_twin() -> None:
    from engine.compiled import elman, gru, lstm, weight_gradients

    assert engine.compile_loops() == ["elman", "lstm", "gru"]
    kernels: list[Any] = [
        elman.forward, elman.back, lstm.forward, lstm.back, gru.forward, gru.back,
        weight_gradients.add,
    ]  # fmt: skip
    assert all("float32" in str(kernel.signatures) for kernel in kernels)


def test_without_the_compiler_nothing_is_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert engine.compile_loops() == []
