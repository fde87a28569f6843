"""The engine's verdict on the frame that a figure shows, as the page's script reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import engine
from app.figures.base import FloatArray, RunData, nearest
from app.wire import finite

NAME = "last_loss_gradient"


@dataclass(frozen=True, slots=True)
class _Row:
    """What `engine.diagnose` reads of a frame."""

    step: int
    arrays: Mapping[str, Any]
    length: int | None


OF_THE_SPAN = ("word", "sentence", "step", "span", "log10_span", "decay", "reach", "needed_lag")
"""Fields of a verdict that one frame tells; the kinds go by the whole training before it."""


def verdict(run: RunData, step: int | None) -> dict[str, Any] | None:
    """Return the engine's verdict on the frame shown; None for a configuration it cannot read.

    The frame that the run's own verdict is on has its kinds and findings, too.
    """
    found = run.slices[NAME]
    at = nearest(found.coords["step"], step)
    try:
        config = engine.config_of(run.config)
    except engine.ConfigError:
        return None
    # Of a frame that is not finite the run's own verdict knows the figures before it.
    stored = run.verdict if run.verdict and run.verdict.get("word") == "not finite" else None
    told = engine.diagnose(
        _Row(
            int(found.coords["step"][at]), {NAME: found.values[at]}, _length(run, found.values[at])
        ),
        config,
        earlier=None if stored is None else engine.Verdict.from_dict(stored),
        facts=run.facts if "solved_below" in run.facts else None,
    )
    fields = {key: finite(getattr(told, key)) for key in OF_THE_SPAN}
    if run.verdict and run.verdict.get("step") == told.step:
        fields["kinds"] = list(run.verdict.get("kinds", ()))
        fields["findings"] = [
            {
                "kind": one["kind"],
                "sentence": one["sentence"],
                "evidence": [{"statistic": each["statistic"]} for each in one["evidence"]],
            }
            for one in run.verdict.get("findings", ())
        ]
    return fields


def _length(run: RunData, row: FloatArray) -> int | None:
    """Steps of the longest sequence of a frame, where they may be fewer than the run's T.

    A captured frame's row ends at T; where its sequences have not begun yet nothing is defined.
    """
    if not engine.is_captured(run.config):
        return None
    return int(np.count_nonzero(~np.isnan(row[-1]))) or None
