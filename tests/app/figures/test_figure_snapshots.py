"""The pictures, as JSON with rounded numbers: ordinary, zero, inf, NaN, empty, one point.

`GRADTIDE_WRITE_SNAPSHOTS=1 pytest tests/app/figures` writes them anew; they are reviewed as code.
"""

import base64
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import FIGURES, TRACES, FigureOptions, RunData
from tests.app.figures.make_runs import linear_run, picked, with_slice, without_frames

SNAPSHOTS = Path(__file__).parent / "snapshots"
DIGITS = 4
# What a figure draws, where it does not have that name itself.
STATISTIC = {
    "decay": "last_loss_gradient",
    "activation_comparison": "hidden_gradient_norm",
    "clipping": "gradient_norm",
    "gradient_difference": "hidden_gradient_norm",
}
SPECIAL = {"zero": -np.inf, "infinity": np.inf, "nan": np.nan}


def special(name: str, value: float) -> RunData:
    """A run whose last frame ends in two special cells (of a log10 statistic or a plain one)."""
    run = linear_run([0.5, 0.9, 1.2], length=4, units=3)
    statistic = STATISTIC.get(name, name)
    old = run.slices[statistic]
    values = np.array(old.values, dtype=np.float64)
    values.reshape(-1)[-2:] = 0.0 if value == -np.inf and statistic == "loss" else value
    return with_slice(run, statistic, values)


CASES: dict[str, Callable[[str], RunData]] = {
    "ordinary": lambda name: linear_run([0.5, 0.9, 1.2], length=4, units=3),
    "empty": lambda name: without_frames(linear_run([0.5], length=4)),
    "one_point": lambda name: linear_run([0.5], length=1, units=1, steps=0),
    **{word: partial(special, value=value) for word, value in SPECIAL.items()},
}


def readable(found: Any) -> Any:  # noqa: ANN401  # whatever JSON holds
    """Typed arrays spelled out, numbers rounded, colour scales left to their own test."""
    if isinstance(found, dict) and "bdata" in found:
        numbers = np.frombuffer(base64.b64decode(found["bdata"]), dtype=found["dtype"])
        shape = [int(n) for n in str(found.get("shape", numbers.size)).split(",")]
        return readable(numbers.reshape(shape).tolist())
    if isinstance(found, dict):
        return {
            k: readable(v) for k, v in sorted(found.items()) if k not in {"colorscale", "template"}
        }
    if isinstance(found, list):
        return [readable(item) for item in found]
    if isinstance(found, float):
        return round(found, DIGITS) if np.isfinite(found) else str(found)
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [name for name in FIGURES if FIGURES[name].runs[0] == 1])
def test_figure_is_as_it_was_reviewed(name: str, case: str) -> None:
    run = CASES[case](name)
    for axis in FIGURES[name].chooses:
        if name in run.slices and axis in run.slices[name].coords:
            run = picked(run, name, axis, run.slices[name].coords[axis][-1])
    drawn = FIGURES[name].draw([run], FigureOptions(mode="ratio"))
    found = readable(json.loads(drawn.json()))
    file = SNAPSHOTS / name / f"{case}.json"
    if os.environ.get("GRADTIDE_WRITE_SNAPSHOTS") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    assert file.exists(), "no snapshot: look at the figure, then write it with the flag"
    assert found == json.loads(file.read_text())


@pytest.mark.parametrize(
    ("name", "case"),
    [
        (name, case)
        for name, figure in FIGURES.items()
        for case in ("ordinary", "empty", "nan")
        if figure.runs[0] or case == "ordinary"
    ],
)
def test_plotly_accepts_every_part_of_a_figure(name: str, case: str) -> None:
    figure = FIGURES[name]
    drawn = figure.draw([CASES[case](STATISTIC.get(name, name))] * figure.runs[0], FigureOptions())
    checked = go.Figure(drawn.figure.to_dict())
    # A page's plotly.js has these types of traces and no others.
    assert {trace.type for trace in drawn.data} <= set(TRACES)
    assert json.loads(checked.to_json()) == json.loads(drawn.json())
