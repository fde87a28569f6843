"""log10 of the norms that a sweep has left, of every sample and of their means, in one pass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.bptt.exponents import NONE, log10_mean_norms, log10_norms
from engine.bptt.swept import SweptLayer
from engine.compiled import Norms


class HiddenNorms(NamedTuple):
    """log10 ‖dℓ/dh_t‖, −inf where it is exactly zero.

    Attributes:
        each: Of every layer, time and sample, (S, T, B).
        means: Of the mean over samples, (S, T).
    """

    each: Array
    means: Array


def hidden_norms(
    layers: Sequence[SweptLayer], backwards: Sequence[bool], shift: float, loops: Norms | None
) -> HiddenNorms:
    """Return those of the last sweep, in the order of time.

    Args:
        layers: What swept the layers back.
        backwards: Which of them read the sequence backwards.
        shift: Added to all: log10 of the scale that the sweep left out.
        loops: Compiled ones, where there are some.
    """
    stored = [layer.squared_norms() for layer in layers]
    shape = len(stored), *stored[0][0].shape
    found = HiddenNorms(np.empty(shape), np.empty(shape[:2]))
    for (squares, exponents), each, means in zip(stored, *found, strict=True):
        if loops is not None:
            loops.log10_norms(squares, exponents, int(NONE), shift, each, means)
        else:
            np.add(log10_norms(squares, exponents), shift, each)
            np.add(log10_mean_norms(squares, exponents), shift, means)
    for rows in found:
        for index, reverse in enumerate(backwards):
            if reverse:
                rows[index] = rows[index, ::-1].copy()
    return found
