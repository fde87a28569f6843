"""log10 of the norms that a sweep has left, of every sample and of their means."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE, log10_mean_norms, log10_norms
from engine.bptt.swept import SweptLayer
from engine.compiled import Norms

NOTHING = int(NONE)


class HiddenNorms:
    """log10 ‖dℓ/dh_t‖ of the last sweep in the order of time, −inf where it is exactly zero.

    What nobody asks for is not made; it has to be asked for before the layers are swept again.
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
        self._layers, self._backwards, self._shift, self._loops = layers, backwards, shift, loops

    @cached_property
    def each(self) -> Array:
        """Of every layer, time and sample, (S, T, B)."""
        return self._in_time(self._write_each, 2)

    @cached_property
    def means(self) -> Array:
        """Of the mean over samples, (S, T)."""
        return self._in_time(self._write_means, 1)

    def _in_time(self, write: Callable[[Array, IntArray, Array], None], axes: int) -> Array:
        """Return the logs of every layer's squares (T, B), of so many of its axes."""
        swept = [layer.squared_norms() for layer in self._layers]
        found = np.empty((len(swept), *swept[0][0].shape[:axes]))
        for rows, (squares, exponents), backwards in zip(
            found, swept, self._backwards, strict=True
        ):
            write(squares, exponents, rows)
            if backwards:
                rows[...] = rows[::-1].copy()
        found += self._shift
        return found

    def _write_each(self, squares: Array, exponents: IntArray, rows: Array) -> None:
        if self._loops is None:
            rows[...] = log10_norms(squares, exponents)
        else:
            self._loops.log10_norms(squares, exponents, rows)

    def _write_means(self, squares: Array, exponents: IntArray, rows: Array) -> None:
        if self._loops is None:
            rows[...] = log10_mean_norms(squares, exponents)
        else:
            self._loops.log10_means(squares, exponents, NOTHING, rows)
