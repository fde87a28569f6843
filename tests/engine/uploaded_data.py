"""Small uploaded data of every kind, for tests of the tasks that read some."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.tasks import TASKS

READING = [name for name, definition in TASKS.items() if definition.read is not None]


def uploaded(name: str) -> Mapping[str, NDArray[Any]] | None:
    """Return data that a task of uploaded data learns from; None for one that brings its own."""
    rng = np.random.default_rng(3)
    if name == "text":
        # Letters follow each other by chance, some pairs oftener than others.
        steps = rng.integers(1, 3, 6000) * rng.integers(0, 2, 6000)
        return {"characters": (97 + np.cumsum(steps) % 5).astype(np.uint8)}
    if name == "series":
        time = np.arange(1500)
        wave = 3 + np.sin(time / 5) + 0.2 * rng.normal(size=time.size)
        return {"wave": wave, "other": rng.normal(size=time.size).astype(np.float32)}
    if name == "arrays":
        inputs = rng.normal(size=(200, 12, 2))
        return {"inputs": inputs, "targets": (inputs.sum(axis=(1, 2)) > 0).astype(np.int64)}
    return None
