"""log10 of the norms that a sweep has left, of every sample and of their means, in one pass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.bptt.exponents import NONE, log10_mean_norms, log10_norms
from engine.bptt.swept import SweptLayer
from engine.compiled import Norms

NOTHING = int(NONE)


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
    shape = stored[0][0].shape
    each, means = np.empty((len(stored), *shape)), np.empty((len(stored), shape[0]))
    for index, (squares, exponents) in enumerate(stored):
        if loops is not None:
            loops.log10_norms(squares, exponents, NOTHING, shift, each[index], means[index])
        else:
            np.add(log10_norms(squares, exponents), shift, each[index])
            np.add(log10_mean_norms(squares, exponents), shift, means[index])
        if backwards[index]:
            for rows in (each, means):
                rows[index] = rows[index, ::-1].copy()
    return HiddenNorms(each, means)
