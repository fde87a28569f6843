"""What is made of a gradient: updates of the flat parameter vector, in place.

    sgd       v ← μ v + g;  θ ← θ − η v                                (1)  torch.optim.SGD
              nesterov: θ ← θ − η (g + μ v)                            (2)
    rmsprop   s ← α s + (1 − α) g²;  d = √s + ε                        (3)  torch.optim.RMSprop
              centered: m ← α m + (1 − α) g;  d = √(s − m²) + ε        (4)
              v ← μ v + g/d;  θ ← θ − η v                              (5)
    adagrad   s ← s + g²;  θ ← θ − η g/(√s + ε)                        (6)  Duchi et al. 2011
    adam      m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²           (7)  Kingma & Ba 2015, alg. 1
              θ ← θ − η m̂/(√ŝ + ε),  m̂ = m/(1 − β₁ᵏ),  ŝ = s/(1 − β₂ᵏ)  (8)  k = updates, with this
    adamw     θ ← (1 − η λ) θ, then (7) and (8)                        (9)  Loshchilov & Hutter 2019

(2) is the form of torch.optim.SGD (Sutskever et al. 2013 with the step ahead taken into θ).
Moments have the parameters' number type and start at zero; buffers are made once.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from engine.arrays import Array
from engine.config import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd


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


def _average(moment: Array, decay: float, values: Array, room: Array) -> None:
    """Let `moment` ← decay·moment + (1 − decay)·values; `room` may be `values`."""
    np.multiply(values, 1 - decay, room)
    np.multiply(moment, decay, moment)
    np.add(moment, room, moment)


class SgdUpdater:
    """Stochastic gradient descent, equations (1) and (2)."""

    def __init__(self, options: Sgd, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._momentum, self._nesterov = options.momentum, options.nesterov
        self._change = np.zeros_like(like)
        self.moments: dict[str, Array] = {}
        if self._momentum:
            self.moments["velocity"] = np.zeros_like(like)

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place."""
        if self._momentum:
            velocity = self.moments["velocity"]
            np.multiply(velocity, self._momentum, velocity)
            np.add(velocity, gradient, velocity)  # (1)
            if self._nesterov:
                np.multiply(velocity, self._momentum, self._change)
                np.add(self._change, gradient, self._change)  # (2)
                gradient = self._change
            else:
                gradient = velocity
        np.multiply(gradient, learning_rate, self._change)
        np.subtract(flat, self._change, flat)  # (1)


class RmsPropUpdater:
    """RMSprop, equations (3) to (5)."""

    def __init__(self, options: RmsProp, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._options = options
        self._change, self._root = np.zeros_like(like), np.zeros_like(like)
        self.moments: dict[str, Array] = {"square": np.zeros_like(like)}
        if options.centered:
            self.moments["mean"] = np.zeros_like(like)
        if options.momentum:
            self.moments["velocity"] = np.zeros_like(like)

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place."""
        options, change, root = self._options, self._change, self._root
        square = self.moments["square"]
        np.multiply(gradient, gradient, change)
        _average(square, options.decay, change, change)  # (3)
        if options.centered:
            mean = self.moments["mean"]
            _average(mean, options.decay, gradient, change)
            np.multiply(mean, mean, root)
            np.subtract(square, root, root)  # (4)
            # The difference of two equal numbers may round below zero.
            np.maximum(root, 0, out=root)
            np.sqrt(root, root)
        else:
            np.sqrt(square, root)
        np.add(root, options.epsilon, root)
        np.divide(gradient, root, change)
        if options.momentum:
            velocity = self.moments["velocity"]
            np.multiply(velocity, options.momentum, velocity)
            np.add(velocity, change, velocity)  # (5)
            np.multiply(velocity, learning_rate, change)
        else:
            np.multiply(change, learning_rate, change)
        np.subtract(flat, change, flat)  # (5)


class AdagradUpdater:
    """AdaGrad, equation (6)."""

    def __init__(self, options: Adagrad, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._epsilon = options.epsilon
        self._change, self._root = np.zeros_like(like), np.zeros_like(like)
        self.moments: dict[str, Array] = {"sum": np.zeros_like(like)}

    def update(self, flat: Array, gradient: Array, learning_rate: float, step: int) -> None:
        """Change `flat` in place."""
        total, change, root = self.moments["sum"], self._change, self._root
        np.multiply(gradient, gradient, change)
        np.add(total, change, total)  # (6)
        np.sqrt(total, root)
        np.add(root, self._epsilon, root)
        np.divide(gradient, root, change)
        np.multiply(change, learning_rate, change)
        np.subtract(flat, change, flat)  # (6)


class AdamUpdater:
    """Adam, equations (7) and (8), and AdamW, which shrinks the weights first: (9)."""

    def __init__(self, options: Adam | AdamW, like: Array) -> None:
        """Make the buffers for vectors such as `like`."""
        self._options = options
        self._weight_decay = options.weight_decay if isinstance(options, AdamW) else 0.0
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
        if self._weight_decay:
            np.multiply(flat, 1 - learning_rate * self._weight_decay, flat)  # (9)
        _average(mean, beta1, gradient, change)  # (7)
        np.multiply(gradient, gradient, change)
        _average(square, beta2, change, change)  # (7)
        done = step + 1
        np.sqrt(square, root)
        np.multiply(root, 1 / math.sqrt(1 - beta2**done), root)
        np.add(root, self._options.epsilon, root)
        np.divide(mean, root, change)
        np.multiply(change, learning_rate / (1 - beta1**done), change)
        np.subtract(flat, change, flat)  # (8)


# Each class takes the options that stand before it; no type can say that of a mapping.
OPTIMIZERS: Mapping[type[Optimizer], Callable[[Any, Array], Updater]] = MappingProxyType(
    {
        Sgd: SgdUpdater,
        RmsProp: RmsPropUpdater,
        Adagrad: AdagradUpdater,
        Adam: AdamUpdater,
        AdamW: AdamUpdater,
    }
)


def make_updater(options: Optimizer, like: Array) -> Updater:
    """Return the optimizer that the options describe, for vectors such as `like`."""
    return OPTIMIZERS[type(options)](options, like)
