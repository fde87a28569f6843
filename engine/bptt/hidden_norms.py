"""log10 of the norms that a sweep has left, of every sample and of their means."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE, log10_mean_norms_by_numpy, log10_norms
from engine.bptt.swept import SweptLayer
from engine.compiled import Norms

NOTHING = int(NONE)


class HiddenNorms:
    """log10 ‖dℓ/dh_t‖ of the last sweep in the order of time, −inf where it is exactly zero.

    What nobody asks for is not made, but for loops that make both in one pass; it has to be asked
    for before the layers are swept again.
    """

    def __init__(
        self,
        layers: Sequence[SweptLayer],
        backwards: Sequence[bool],
        shift: float,
        loops: Norms | None,
    ) -> None:
        """Look at what layers have left.

        Args:
            layers: What swept the layers back.
            backwards: Which of them read the sequence backwards.
            shift: Added to all: log10 of the scale that the sweep left out.
            loops: Compiled ones, where there are some.
        """
        self._swept = [layer.squared_norms() for layer in layers]
        self._backwards, self._shift = backwards, shift
        if loops is not None:
            self.each, self.means = self._by_loops(loops)

    @cached_property
    def each(self) -> Array:
        """Of every layer, time and sample, (S, T, B)."""
        return self._in_time(log10_norms)

    @cached_property
    def means(self) -> Array:
        """Of the mean over samples, (S, T)."""
        squares, _ = self._swept[0]
        if squares.shape[1] == 1:
            return self.each[..., 0]
        return self._in_time(log10_mean_norms_by_numpy)

    def _in_time(self, logs: Callable[[Array, IntArray], Array]) -> Array:
        """Return what is made of every layer's squares and exponents, (T, B) each."""
        found = []
        for swept, backwards in zip(self._swept, self._backwards, strict=True):
            rows = logs(*swept)
            rows += self._shift
            found.append(rows[::-1] if backwards else rows)
        return np.array(found) if len(found) > 1 else found[0][None]  # nothing to copy

    def _by_loops(self, loops: Norms) -> tuple[Array, Array]:
        """Return those of every sample and of the means."""
        shape = len(self._swept), *self._swept[0][0].shape
        each, means = np.empty(shape), np.empty(shape[:2])
        for layer, backwards in enumerate(self._backwards):
            squares, exponents = self._swept[layer]
            into = each[layer], means[layer]
            loops.log10_norms(squares, exponents, NOTHING, self._shift, backwards, *into)
        return each, means
