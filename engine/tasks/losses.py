"""Losses of one time step: raw loss and its derivative at the read-out.

Both take feature-first arrays of the n asked time steps and return e and ∂e/∂y, times the mask:

    cross_entropy        e = −log softmax(y)[target]    ∂e/∂y_i = softmax(y)_i − [i = target]   (1)
    mean_squared_error   e = 1/K Σ_i (y_i − target_i)²  ∂e/∂y_i = 2 (y_i − target_i) / K        (2)

There is no ½ in (2). Source: definition, as torch.nn.CrossEntropyLoss and torch.nn.MSELoss.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Array, BoolArray


class RawLoss(NamedTuple):
    """What a loss finds at n time steps of B samples.

    Attributes:
        losses: e·m, shape (n, B).
        gradient: ∂(e·m)/∂y, shape (n, K, B).
        correct: Which asked steps have the largest logit at the target, (n, B); None for values.
    """

    losses: Array
    gradient: Array
    correct: BoolArray | None


def cross_entropy(y: Array, targets: NDArray[Any], mask: Array) -> RawLoss:
    """Return the cross-entropy of logits against class numbers.

    Args:
        y: Logits, (n, K, B).
        targets: Class numbers, (n, B), integers in 0 … K − 1.
        mask: m, (n, B), 0 or 1 in y's dtype.
    """
    shifted = y - y.max(axis=1, keepdims=True)  # exp of a positive number may overflow
    gradient = np.exp(shifted)
    total = gradient.sum(axis=1, keepdims=True)
    gradient /= total
    picked = targets[:, None, :]
    losses = (np.log(total) - np.take_along_axis(shifted, picked, axis=1))[:, 0]
    at_target = np.take_along_axis(gradient, picked, axis=1) - 1
    np.put_along_axis(gradient, picked, at_target, axis=1)  # (1)
    correct = (y.argmax(axis=1) == targets) & (mask != 0)
    return RawLoss(losses * mask, gradient * mask[:, None, :], correct)


def mean_squared_error(y: Array, targets: NDArray[Any], mask: Array) -> RawLoss:
    """Return the mean squared error of outputs against values.

    Args:
        y: Outputs, (n, K, B).
        targets: Values, (n, K, B).
        mask: m, (n, B), 0 or 1 in y's dtype.
    """
    difference = y - targets
    losses = np.add.reduce(difference * difference, axis=1)
    losses /= y.shape[1]
    difference *= 2 / y.shape[1]  # (2)
    return RawLoss(losses * mask, difference * mask[:, None, :], None)


LossFunction = Callable[[Array, NDArray[Any], Array], RawLoss]

LOSSES: Mapping[str, LossFunction] = MappingProxyType(
    {"cross_entropy": cross_entropy, "mean_squared_error": mean_squared_error}
)
