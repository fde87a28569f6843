"""`gradtide doctor`: what is wrong with an installation, said in a sentence each."""

import math
import multiprocessing
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape

import engine
from app.commands.mending import mend
from app.commands.settings import err, out
from app.runs.versions import versions
from app.settings import Settings
from app.store import Store, open_store

SPAWN_SECONDS = 60
CHECK_TIMES, CHECK_BATCH, CHECK_INPUTS, CHECK_HIDDEN = 7, 3, 2, 5
DIFFERENCE = 1e-6
TOLERANCE = 1e-6  # a central difference of step h errs by h² and by rounding / h, both under this


def examine(settings: Settings) -> int:
    """Check what a run needs and mend what a crash left; return the exit code."""
    out.print(", ".join(f"{name} {value}" for name, value in versions().items()))
    checks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("store", _check_store),
        ("crashes", _mend),
        ("worker", _check_worker),
        ("speed", _tell_backend),
        ("gradients", _check_gradients),
    )
    failed = 0
    for name, check in checks:
        try:
            out.print(f"[green]ok[/]   {name}: {escape(check(settings))}")
        except Exception as problem:
            failed += 1
            err.print(f"[bold red]FAIL[/] {name}: {escape(f'{type(problem).__name__}: {problem}')}")
    return 1 if failed else 0


def _with_store(settings: Settings, look: Callable[[Store], str]) -> str:
    store = open_store(settings)
    try:
        return look(store)
    finally:
        store.close()


def _check_store(settings: Settings) -> str:
    with tempfile.NamedTemporaryFile(dir=_folder(settings)) as file:
        file.write(b"gradtide")
    return _with_store(
        settings, lambda store: f"{store.runs.count()} runs in {store.folder}, it can be written"
    )


def _folder(settings: Settings) -> Path:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.data


def _mend(settings: Settings) -> str:
    return _with_store(
        settings, lambda store: "; ".join(mend(store)) or "none left anything behind"
    )


def _check_worker(_settings: Settings) -> str:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report_version, args=(sender,), daemon=True)
    process.start()
    try:
        if not receiver.poll(SPAWN_SECONDS):
            raise TimeoutError(f"a worker process did not answer in {SPAWN_SECONDS} s")
        return f"a process of its own starts and loads the engine {receiver.recv_bytes().decode()}"
    finally:
        process.kill()
        process.join()


def _report_version(sender: "multiprocessing.connection.Connection") -> None:
    sender.send_bytes(engine.__version__.encode())


def _tell_backend(_settings: Settings) -> str:
    reason = engine.why_plain()
    if reason is None:
        return f"loops over time are compiled by {engine.backend()} where a cell has such"
    return f"loops over time are plain NumPy: {reason}"


def _check_gradients(_settings: Settings) -> str:
    cells = _cells()
    worst = max(_error_of(cell) for cell in cells)
    if not worst <= TOLERANCE:
        raise ArithmeticError(f"gradients differ from central differences by {worst:.2g} relative")
    return f"{len(cells)} cells agree with central differences to {worst:.1g}"


def _cells() -> list[dict[str, Any]]:
    found: Any = engine.catalog()["cells"]
    return list(found)


def _error_of(cell: Mapping[str, Any]) -> float:
    """Return the relative error of a gradient along a random direction."""
    name, rng = str(cell["name"]), np.random.default_rng(0)
    inputs = rng.normal(size=(CHECK_TIMES, CHECK_BATCH, CHECK_INPUTS))
    targets = rng.normal(size=(CHECK_TIMES, CHECK_BATCH, 1))
    parameters = _parameters_of(cell, rng)
    direction = {name: rng.normal(size=value.shape) for name, value in parameters.items()}

    def trace_at(shift: float) -> engine.Trace:
        moved = {name: value + shift * direction[name] for name, value in parameters.items()}
        return engine.trace(name, moved, inputs, targets=targets, loss="mean_squared_error")

    gradients = trace_at(0.0).parameter_gradients
    slope = sum(float(np.sum(gradients[name] * direction[name])) for name in parameters)
    above, below = trace_at(DIFFERENCE).loss, trace_at(-DIFFERENCE).loss
    if above is None or below is None:
        raise ArithmeticError(f"a trace of {name} with targets gave no loss")
    difference = (above - below) / (2 * DIFFERENCE)
    return float(abs(slope - difference) / abs(difference))


def _parameters_of(
    cell: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Return random weights of the shapes that the catalog says: "G·H × D", "3H", "H × H"."""
    sizes: dict[str, int] = {"H": CHECK_HIDDEN, "D": CHECK_INPUTS, "K": 1, **cell["symbols"]}

    def length(text: str) -> int:
        digits = re.match(r"[0-9]*", text)
        times = digits.group() if digits else ""
        symbols = text.removeprefix(times).split("·")
        return int(times or 1) * math.prod(sizes[symbol] for symbol in symbols)

    shapes = {
        p["name"]: [length(text) for text in p["shape"].split(" × ")] for p in cell["parameters"]
    }
    return {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}
