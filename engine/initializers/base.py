"""What an initializer is: its options, and the blocks that it draws."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from engine.schema import Described, Doc

Doubles = NDArray[np.float64]
Shape = tuple[int, int]

Gain = Annotated[
    float, Interval(gt=0, le=100), Doc("Factor on the weights; 1 is the rule as published.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class InitializerOptions(Described):
    """The blocks that every initializer draws."""

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one gate's block of W_h, (H, H)."""
        return self.input_block(rng, (hidden, hidden))

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw one gate's block of W_x, (H, columns)."""
        raise NotImplementedError

    def bias(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one gate's block of b, (H,)."""
        return np.zeros(hidden)


def uniform_by_width(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> Doubles:
    """Draw uniformly on ±1/√width, PyTorch's rule for biases and for nn.Linear."""
    limit = 1 / math.sqrt(width)
    return rng.uniform(-limit, limit, shape)
