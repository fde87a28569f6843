"""What the bits of a run depend on, and what is told where a run went on with others."""

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

import engine


def versions() -> dict[str, str]:
    """Return what the bits of a run depend on, beside its configuration."""
    return {
        "gradtide": engine.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": engine.backend(),
    }


RESUMED_ELSEWHERE = "resumed_elsewhere"
"""Among a run's versions: those that it had before it went on with others."""


def going_on_from(begun_with: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    """Return the versions to tell of an attempt that goes on from where another stopped.

    Where they differ, the bits of the whole run are no longer those of one that was never
    stopped: what it had before is kept under "resumed_elsewhere".

    Args:
        begun_with: What was told before; empty where the run begins.
        now: What this attempt computes with.
    """
    earlier = begun_with.get(RESUMED_ELSEWHERE, [])
    told = {name: value for name, value in begun_with.items() if name != RESUMED_ELSEWHERE}
    if told and told != now:
        earlier = [*earlier, told]
    return {**now, RESUMED_ELSEWHERE: earlier} if earlier else dict(now)
