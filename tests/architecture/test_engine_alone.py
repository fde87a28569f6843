"""The engine works in a REPL without the rest of the product."""

import subprocess
import sys

import pytest

import engine

WEB = ("app", "fastapi", "starlette", "pydantic", "jinja2", "sqlalchemy", "zarr", "plotly", "httpx")


STEP = """
task, model = {"kind": "adding", "length": 10}, {"cell": "elman", "hidden_size": 2}
config = engine.RunConfig.from_dict({"task": task, "model": model, "training": {"steps": 1}})
recorder = engine.Recorder(config)
[recorder.look(snapshot) for snapshot in engine.train(config)]
"""


def loaded_by(program: str) -> set[str]:
    """Return the modules that are loaded when a fresh process has run a program."""
    said = f"import sys, engine\n{program}\nprint(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_importing_the_engine_loads_nothing_of_the_web() -> None:
    loaded = {name.partition(".")[0] for name in loaded_by("")}
    assert "engine" in loaded
    assert loaded.isdisjoint(WEB)


def test_a_first_recorded_step_loads_nothing_that_explains_judges_or_watches() -> None:
    loaded = loaded_by(STEP)
    assert "engine.recording" in loaded
    assert loaded.isdisjoint(
        f"engine.{name}" for name in ("compilation", "diagnosis", "results", "tracing", "watching")
    )


def test_every_name_of_the_engines_door_is_there_when_it_is_asked_for() -> None:
    program = "found = [getattr(engine, name) for name in engine.__all__]; from engine import *"
    assert {"engine.diagnosis", "engine.tracing", "engine.watching"} <= loaded_by(program)


def test_a_name_that_the_engine_has_not_is_told_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'engine' has no attribute 'traces'"):
        _ = engine.traces  # type: ignore[attr-defined]  # that is the point
