"""What is made of a gradient: updates of the flat parameter vector, in place.

    sgd     v ← μ v + g;  θ ← θ − η v                              (1)  torch.optim.SGD
    adam    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²         (2)  Kingma & Ba 2015, alg. 1
            θ ← θ − η m̂ / (√v̂ + ε),  m̂ = m/(1 − β₁ᵏ),  v̂ = v/(1 − β₂ᵏ)   (3)  k = updates, this one
                                                                        included

Moments have the parameters' number type and start at zero; buffers are made once.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from engine.arrays import Array
from engine.config import Adam, Optimizer, Sgd


class Updater(Protocol):
    """An optimizer bound to a vector of a certain size.

    Attributes:
        moments: What it remembers between updates, by name; written in place.
    """

    moments: dict[str, Array]

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place.

        Args:
            flat: θ.
            gradient: g, clipped already; it is not written to.
            learning_rate: η.
            step: Updates done before this one.
        """


class SgdUpdater:
    """Stochastic gradient descent, equation (1)."""

    def __init__(self, options: Sgd, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._momentum = options.momentum
        self._change = np.zeros_like(like)
        self.moments: dict[str, Array] = {"velocity": np.zeros_like(like)} if self._momentum else {}

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place."""
        if self._momentum:
            velocity = self.moments["velocity"]
            np.multiply(velocity, self._momentum, velocity)
            np.add(velocity, gradient, velocity)  # (1)
            gradient = velocity
        np.multiply(gradient, learning_rate, self._change)
        np.subtract(flat, self._change, flat)  # (1)


class AdamUpdater:
    """Adam, equations (2) and (3)."""

    def __init__(self, options: Adam, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._options = options
        self._change = np.zeros_like(like)
        self._root = np.zeros_like(like)
        self.moments: dict[str, Array] = {
            "mean": np.zeros_like(like),
            "square": np.zeros_like(like),
        }

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place."""
        beta1, beta2 = self._options.beta1, self._options.beta2
        mean, square = self.moments["mean"], self.moments["square"]
        change, root = self._change, self._root
        np.multiply(gradient, 1 - beta1, change)
        np.multiply(mean, beta1, mean)
        np.add(mean, change, mean)  # (2)
        np.multiply(gradient, gradient, change)
        np.multiply(change, 1 - beta2, change)
        np.multiply(square, beta2, square)
        np.add(square, change, square)  # (2)
        done = step + 1
        np.sqrt(square, root)
        np.multiply(root, 1 / math.sqrt(1 - beta2**done), root)
        np.add(root, self._options.epsilon, root)
        np.divide(mean, root, change)
        np.multiply(change, learning_rate / (1 - beta1**done), change)
        np.subtract(flat, change, flat)  # (3)


# Each class takes the options that stand before it; no type can say that of a mapping.
OPTIMIZERS: Mapping[type[Optimizer], Callable[[Any, Array], Updater]] = MappingProxyType(
    {Sgd: SgdUpdater, Adam: AdamUpdater}
)


def make_updater(options: Optimizer, like: Array) -> Updater:
    """Return the optimizer that the options describe, for vectors such as `like`."""
    return OPTIMIZERS[type(options)](options, like)
