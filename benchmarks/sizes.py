"""Six sizes from one where calls cost most to one where products do, with random data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Data = tuple[NDArray[np.float32], NDArray[np.float32]]

LEARNING_RATE = 0.01
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Size:
    """B, T, H and D of a network that is asked for one value at every step."""

    name: str
    batch: int
    length: int
    hidden: int
    inputs: int

    def data(self) -> Data:
        """Return inputs (T, B, D) and targets (T, B, 1)."""
        rng = np.random.default_rng(SEED)
        shape = (self.length, self.batch)
        inputs = rng.standard_normal((*shape, self.inputs), np.float32)
        return inputs, rng.standard_normal((*shape, 1), np.float32)


SIZES = (
    Size(name="tiny", batch=1, length=50, hidden=16, inputs=2),
    Size(name="adding", batch=32, length=100, hidden=64, inputs=2),
    Size(name="copy", batch=32, length=100, hidden=128, inputs=10),
    Size(name="long", batch=64, length=200, hidden=128, inputs=1),
    Size(name="mnist", batch=16, length=784, hidden=100, inputs=1),
    Size(name="wide", batch=128, length=100, hidden=256, inputs=32),
)
