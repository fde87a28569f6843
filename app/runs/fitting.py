"""What would fit: of a run that takes too much, each number that would bring it under a limit."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import engine
from app.runs.limits import stored_bytes
from engine import ConfigError, Problem, RunConfig

_DRIVERS: Final = (
    ("task", "length"),
    ("training", "batch_size"),
    ("model", "hidden_size"),
    ("recording", "probe_size"),
    ("training", "steps"),
)
"""The numbers that memory and disk grow with, the strongest first."""


def fitting(
    config: RunConfig, data: Mapping[str, Any] | None, *, memory: float, stored: float
) -> Iterator[Problem]:
    """Yield, at each number that a run is too large for, one that would fit, all else unchanged.

    A number that no smaller value of would help has no problem.
    """
    plain = config.to_dict()
    for group, name in _DRIVERS:
        part: Any = plain[group]
        value = part.get(name)
        while isinstance(value, int) and value > 1:
            value //= 2
            try:
                smaller = RunConfig.from_dict({**plain, group: {**part, name: value}})
                needed = engine.estimate(smaller, data)
            except ConfigError:
                break
            if needed.memory <= memory and stored_bytes(needed) <= stored:
                yield Problem(f"/{group}/{name}", f"{value} would fit, with all else as it is")
                break
