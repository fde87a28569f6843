"""The engine works in a REPL without the rest of the product."""

import subprocess
import sys

WEB = ("app", "fastapi", "starlette", "pydantic", "jinja2", "sqlalchemy", "zarr", "plotly", "httpx")


def test_importing_the_engine_loads_nothing_of_the_web() -> None:
    program = "import sys, engine; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "engine" in loaded
    assert set(loaded).isdisjoint(WEB)
