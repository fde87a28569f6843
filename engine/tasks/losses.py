"""Losses of one time step: raw loss and its derivative at the read-out.

Both take feature-first arrays of the n asked time steps and return e and ∂e/∂y, or 0 where the mask
is: what nobody asks for counts for nothing, be its target infinite or no number.

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
        losses: m e, shape (n, B).
        gradient: ∂(m e)/∂y, shape (n, K, B).
        correct: Which asked steps have the largest logit at the target, (n, B); None for values.
    """

    losses: Array
    gradient: Array
    correct: BoolArray | None


def cross_entropy(y: Array, targets: NDArray[Any], mask: BoolArray) -> RawLoss:
    """Return the cross-entropy of logits against class numbers.

    Args:
        y: Logits, (n, K, B).
        targets: Class numbers, (n, B), integers in 0 … K − 1.
        mask: m, (n, B).
    """
    shifted = y - y.max(axis=1, keepdims=True)  # exp of a positive number may overflow
    gradient = np.exp(shifted)
    total = gradient.sum(axis=1, keepdims=True)
    gradient /= total
    picked = targets[:, None, :]
    losses = (np.log(total) - np.take_along_axis(shifted, picked, axis=1))[:, 0]
    at_target = np.take_along_axis(gradient, picked, axis=1) - 1
    np.put_along_axis(gradient, picked, at_target, axis=1)  # (1)
    correct = (y.argmax(axis=1) == targets) & mask
    return _asked(RawLoss(losses, gradient, correct), mask)


def mean_squared_error(y: Array, targets: NDArray[Any], mask: BoolArray) -> RawLoss:
    """Return the mean squared error of outputs against values.

    Args:
        y: Outputs, (n, K, B).
        targets: Values, (n, K, B).
        mask: m, (n, B).
    """
    difference = y - targets
    losses = np.add.reduce(difference * difference, axis=1)
    losses /= y.shape[1]
    difference *= 2 / y.shape[1]  # (2)
    return _asked(RawLoss(losses, difference, None), mask)


def _asked(raw: RawLoss, mask: BoolArray) -> RawLoss:
    """Make e and ∂e/∂y 0 where nobody asks, in place; a product with 0 would keep NaN."""
    if not mask.all():  # mostly everything is asked at the steps that are looked at
        away = ~mask
        np.copyto(raw.losses, 0, where=away)
        np.copyto(raw.gradient, 0, where=away[:, None, :])
    return raw


LossFunction = Callable[[Array, NDArray[Any], BoolArray], RawLoss]

LOSSES: Mapping[str, LossFunction] = MappingProxyType(
    {"cross_entropy": cross_entropy, "mean_squared_error": mean_squared_error}
)
