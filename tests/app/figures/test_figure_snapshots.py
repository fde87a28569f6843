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
import pytest

from app.figures import FIGURES, FigureOptions, RunData
from tests.app.figures.make_runs import linear_run, with_slice, without_frames

SNAPSHOTS = Path(__file__).parent / "snapshots"
DIGITS = 4
STATISTIC = {
    "hidden_gradient_norm": "hidden_gradient_norm",
    "hidden_gradient": "hidden_gradient",
    "loss_state_gradient": "loss_state_gradient",
    "decay": "last_loss_gradient",
    "activation_slope_histogram": "activation_slope_histogram",
    "activation_comparison": "hidden_gradient_norm",
    "loss": "loss",
    "gradient_norm": "gradient_norm",
    "saturation": "saturation",
}
SPECIAL = {"zero": -np.inf, "infinity": np.inf, "nan": np.nan}


def special(name: str, value: float) -> RunData:
    """A run whose last frame ends in two special cells (of a log10 statistic or a plain one)."""
    run = linear_run([0.5, 0.9, 1.2], length=4, units=3)
    old = run.slices[STATISTIC[name]]
    values = np.array(old.values, dtype=np.float64)
    values.reshape(-1)[-2:] = 0.0 if value == -np.inf and STATISTIC[name] == "loss" else value
    return with_slice(run, STATISTIC[name], values)


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
@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_as_it_was_reviewed(name: str, case: str) -> None:
    drawn = FIGURES[name].draw([CASES[case](name)], FigureOptions(mode="ratio"))
    text = drawn.to_json()
    found = readable(json.loads(text))
    file = SNAPSHOTS / name / f"{case}.json"
    if os.environ.get("GRADTIDE_WRITE_SNAPSHOTS") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    assert file.exists(), "no snapshot: look at the figure, then write it with the flag"
    assert found == json.loads(file.read_text())
